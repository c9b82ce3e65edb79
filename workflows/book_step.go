package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// runStep runs a step to its end, which after a failure may be an operator's to decide.
func (b *book) runStep(ctx workflow.Context, step int) {
	holds, err := b.program.When(step, b.scope())
	if err == nil && !holds {
		b.end(step, runbook.Skipped, "its condition is false")
		return
	}
	for run := err == nil; ; {
		if run {
			err = b.attempt(ctx, step)
		}
		switch {
		case err == nil:
			b.end(step, runbook.Succeeded, "")
			return
		case ctx.Err() != nil:
			b.end(step, runbook.Aborted, "the runbook ended before it did")
			return
		}
		switch b.in.FailureOf(step) {
		case runbook.PauseOnFailure:
		case runbook.AbortOnFailure:
			b.endFailed(step, failing, err)
			return
		case runbook.RollbackOnFailure:
			b.endFailed(step, rolling, err)
			return
		default:
			b.endFailed(step, goingOn, err)
			return
		}
		switch b.ask(ctx, step, err) {
		case retryStep:
			run = true
		case skipStep:
			b.end(step, runbook.Skipped, skippedByOperator)
			return
		case resolveStep:
			run, err = false, b.fetchResolved(ctx, step)
		default:
			b.end(step, runbook.Failed, cause(err).Error())
			return
		}
	}
}

func (b *book) endFailed(step int, ending ending, err error) {
	if ending != goingOn && b.ending == goingOn {
		b.ending = ending
	}
	b.end(step, runbook.Failed, cause(err).Error())
}

// attempt does once what the step is there for.
func (b *book) attempt(ctx workflow.Context, step int) error {
	doc := &b.in.Steps[step]
	r := &b.result.Steps[step]
	r.Status, r.Reason = StatusRunning, ""
	b.show()
	items, err := b.program.ForEach(step, b.scope())
	switch {
	case err != nil:
		return fault(err)
	case doc.ForEach != "":
		return b.each(ctx, step, items)
	case doc.Approval != nil:
		return b.approval(ctx, step)
	case doc.Wait > 0:
		timer := workflow.NewTimerWithOptions(ctx, time.Duration(doc.Wait), workflow.TimerOptions{Summary: "step " + doc.ID})
		return timer.Get(ctx, nil)
	default:
		b.runs++
		return b.one(ctx, step, doc.ID, r, b.scope(), b.limit)
	}
}

// one runs a plan, a model or a nested runbook: a step's, or that of one of its items.
func (b *book) one(ctx workflow.Context, step int, label string, r *StepResult, scope runbook.Scope, limit int) error {
	doc := &b.in.Steps[step]
	if doc.Runbook != nil {
		return b.nested(ctx, step, label, r, scope)
	}
	for try := 0; ; try++ {
		job, err := b.program.Job(step, scope)
		if err != nil {
			return fault(err)
		}
		err = b.execute(ctx, label, r, job, limit)
		definite := typeOf(err) == activities.ErrorPlanFailed || typeOf(err) == activities.ErrorModelFailed
		if !definite || try >= doc.Retries {
			return err
		}
	}
}

// execute tells the one story for a plan or a model.
func (b *book) execute(ctx workflow.Context, label string, r *StepResult, job runbook.Job, limit int) error {
	preflight := !b.checked && (b.in.Preflight == nil || *b.in.Preflight)
	adapter, policy, err := adapterOf(job, preflight)
	if err != nil {
		return err
	}
	r.Attempts++
	r.PlanID, r.ModelID = job.Plan, job.Model
	r.run = newStepExecution(ctx, adapter, policy, label, fmt.Sprintf("%s.%d", label, r.Attempts), limit)
	err = r.run.tell(ctx)
	status := r.run.status
	r.InstanceID, r.ObservedBy, r.Outputs = status.InstanceID, status.ObservedBy, adapter.results()
	if err == nil && status.Status == StatusFail {
		errorType := activities.ErrorPlanFailed
		if job.Model != "" {
			errorType = activities.ErrorModelFailed
		}
		return fail(errorType, status, nil, fmt.Sprintf("%s ended FAIL as instance %s", adapter.name(), status.InstanceID))
	}
	return err
}

// stepJob is a job whose outputs a runbook keeps.
type stepJob interface {
	job
	results() []activities.ModelOutputs
}

func adapterOf(job runbook.Job, preflight bool) (stepJob, Policy, error) {
	policy, faults := Policy{
		Timeout: Duration(job.Timeout), PollAfter: Duration(job.PollAfter), OnUnknown: OnUnknown(job.OnUnknown), Preflight: &preflight,
	}.withDefaults()
	if job.Plan != "" {
		in := PlanInput{PlanID: job.Plan, Policy: policy, Params: activities.PlanParams{}}
		for _, model := range workflow.DeterministicKeys(job.Params) {
			in.Params[model] = params(job.Params[model].Inputs)
		}
		faults.Add("plan", checkID(job.Plan))
		return &planJob{in: in}, policy, invalid(faults)
	}
	in, more := ModelInput{
		ModelID: job.Model, Policy: policy, Params: params(job.Params), ExecutePath: job.ExecutePath,
		Sync: job.Sync, SyncTimeout: Duration(job.SyncTimeout), DesignatedOutputsOnly: job.DesignatedOutputsOnly,
		OnBusy: OnBusy(job.OnBusy),
	}.withDefaults()
	return &modelJob{in: in}, policy, invalid(more)
}

func invalid(faults activities.Faults) error {
	if len(faults) == 0 {
		return nil
	}
	return activities.InvalidInput(faults)
}

func params(given runbook.Params) activities.Params {
	values := activities.Params{}
	for _, name := range workflow.DeterministicKeys(given) {
		values[name] = activities.Param{Text: given[name].Text, SecretRef: given[name].SecretRef}
	}
	return values
}

// fault makes a step's failure of an expression's.
func fault(err error) error {
	return temporal.NewNonRetryableApplicationError(err.Error(), activities.ErrorInvalidInput, nil)
}
