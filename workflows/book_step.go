package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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

// checkSize refuses, before anything starts, a runbook that would not fit into a history, as far as the
// lists of its steps are known by then.
func (b *book) checkSize() error {
	scope, runs := b.scope(), 0
	scope.Preview = true
	for step := range b.in.Steps {
		items, err := b.program.ForEach(step, scope)
		if err == nil && b.in.Steps[step].ForEach != "" {
			runs += len(items)
		} else {
			runs++
		}
	}
	if runs > maxRuns {
		return activities.InvalidInput(activities.Faults{{Path: "steps", Problem: tooManyRuns(runs).Error()}})
	}
	return nil
}

func tooManyRuns(runs int) error {
	return fmt.Errorf("%d runs are more than the %d that one workflow can hold; put some of them into nested runbooks", runs, maxRuns)
}

// each runs a step for its items. Those that have succeeded in an earlier attempt are not run again.
func (b *book) each(ctx workflow.Context, step int, items []any) error {
	doc := &b.in.Steps[step]
	r := &b.result.Steps[step]
	if len(r.Items) != len(items) {
		r.Items = make([]StepResult, len(items))
		for i := range items {
			r.Items[i] = StepResult{ID: fmt.Sprintf("%s[%d]", doc.ID, i), Status: StatusWaiting}
		}
	}
	if b.runs += len(items); b.runs > maxRuns {
		return fault(tooManyRuns(b.runs))
	}
	limit := max(minOutputs, b.limit/max(1, len(items)))
	failures, under := 0, 0
	tooMany := func() bool { return doc.MaxFailures.Exceeded(failures, len(items)) }
	done := workflow.NewWaitGroup(ctx)
	for i, value := range items {
		item := &r.Items[i]
		if item.Status == StatusSuccess {
			continue
		}
		err := workflow.Await(ctx, func() bool { return doc.MaxParallel == 0 || under < doc.MaxParallel || tooMany() })
		if err != nil || tooMany() {
			break
		}
		under++
		done.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer done.Done()
			if err := b.item(ctx, step, item, runbook.Item{Value: value, Index: i}, limit); err != nil {
				failures++
			}
			under--
		})
	}
	done.Wait(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if tooMany() {
		return temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("%d of %d items failed", failures, len(items)), ErrorRunbookFailed, nil)
	}
	return nil
}

func (b *book) item(ctx workflow.Context, step int, item *StepResult, value runbook.Item, limit int) error {
	now := workflow.Now(ctx)
	item.Status, item.Reason, item.StartedAt = StatusRunning, "", &now
	b.show()
	scope := b.scope()
	scope.Item = &value
	err := b.one(ctx, step, item.ID, item, scope, limit)
	end := workflow.Now(ctx)
	item.FinishedAt = &end
	switch {
	case err == nil:
		item.Status = StatusSuccess
	case ctx.Err() != nil:
		item.Status = StatusAborted
	default:
		item.Status, item.Reason = StatusFailed, cause(err).Error()
	}
	b.show()
	return err
}

// nested runs a runbook inside this one as a workflow of its own.
func (b *book) nested(ctx workflow.Context, step int, label string, r *StepResult, scope runbook.Scope) error {
	doc, err := b.program.Nested(step, scope)
	if err != nil {
		return fault(err)
	}
	in := RunbookInput{Document: doc, StepByStep: b.in.StepByStep, Preflight: b.in.Preflight}
	if r.WorkflowID != "" { // of the run that this one resumes, or of the attempt before this one
		in.ResumeFrom = &ResumeFrom{WorkflowID: r.WorkflowID}
	}
	r.Attempts++
	r.WorkflowID = fmt.Sprintf("%s/%s.%d", workflow.GetInfo(ctx).WorkflowExecution.ID, label, r.Attempts)
	if resumed := b.in.ResumeFrom; resumed != nil && strings.HasPrefix(r.WorkflowID, resumed.WorkflowID) && in.ResumeFrom != nil && in.ResumeFrom.WorkflowID == r.WorkflowID {
		r.WorkflowID += "-resumed"
	}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          r.WorkflowID,
		WorkflowRunTimeout:  time.Duration(b.in.Steps[step].Timeout),
		WaitForCancellation: true,
		StaticSummary:       "runbook " + doc.Name,
	})
	var result RunbookResult
	err = workflow.ExecuteChildWorkflow(ctx, "Runbook", in).Get(ctx, &result)
	var failed *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	switch { // the message says enough where the details are of another form
	case errors.As(err, &failed) && failed.HasDetails():
		_ = failed.Details(&result)
	case errors.As(err, &cancelled) && cancelled.HasDetails():
		_ = cancelled.Details(&result)
	}
	r.Items = slices.Clone(result.Steps)
	for _, left := range result.StillRunning {
		b.result.StillRunning = append(b.result.StillRunning, StillRunning{Step: label + "/" + left.Step, InstanceID: left.InstanceID})
	}
	for _, action := range result.Actions {
		action.Step = strings.TrimSuffix(label+"/"+action.Step, "/")
		b.result.Actions = append(b.result.Actions, action)
	}
	return err
}
