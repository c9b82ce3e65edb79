package workflows

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
)

// prepare does what comes before the first step.
func (r *runbookRun) prepare() error {
	if err := r.takeLock(); err != nil || r.engine.FinishedAt != nil {
		return err
	}
	refused := r.check()
	if refused == nil {
		return nil
	}
	if err := r.giveLockBack(); err != nil {
		return err
	}
	return refused
}

// check checks the runbook against the platform, and takes over what an earlier run did, before the first step. An
// operator's abort ends it.
func (r *runbookRun) check() error {
	r.checked = r.in.Preflight == nil || *r.in.Preflight
	findings, err := r.findings(r.checked)
	if err != nil || r.engine.FinishedAt != nil {
		return err
	}
	if len(findings) > 0 {
		return activities.InvalidInput(findings)
	}
	r.engine.Begin()
	return nil
}

// findings are all that speaks against the start.
func (r *runbookRun) findings(preflight bool) (findings runbook.Faults, err error) {
	if r.in.ResumeFrom != nil {
		findings, err = r.resume(*r.in.ResumeFrom)
	}
	if err != nil || r.engine.FinishedAt != nil || !preflight {
		return findings, err
	}
	more, err := r.preflight()
	return append(findings, more...), err
}

func (r *runbookRun) preflight() (findings runbook.Faults, err error) {
	var a *activities.Activities
	in := activities.PreflightInput{Jobs: preflightJobs(&r.in.Document, ""), Idle: r.in.DryRun}
	err = r.read(readPatiently(r.ctx, a.DpaPreflight, in), &findings)
	return findings, r.notStarted(err, "its preflight could not be made")
}

// read waits for an answer. What operators say meanwhile is taken in; it may end the run, and then there is no answer.
func (r *runbookRun) read(asked *reading, out any) error {
	for !asked.done() {
		err := workflow.Await(r.kept, func() bool { return asked.ready() || len(r.queue) > 0 })
		if err != nil {
			return err // a context that is never cancelled
		}
		if len(r.queue) > 0 {
			r.advance()
		}
		if r.engine.FinishedAt != nil {
			return nil
		}
	}
	return asked.get(out)
}

// notStarted is how the run ends that could not even be checked; nil if err is.
func (r *runbookRun) notStarted(err error, why string) error {
	switch {
	case err == nil:
		return nil
	case temporal.IsCanceledError(err):
		for _, command := range r.engine.Next(workflow.Now(r.ctx), engine.Cancelled{}) {
			r.do(command)
		}
		_, err := endOf(r.engine.Result())
		return err
	}
	return fail(readErrorType(err), r.engine.Result(), err, "the runbook was not started: "+why)
}

// resume takes over what an earlier run did, and finds what has to be decided about first.
func (r *runbookRun) resume(from ResumeFrom) (findings runbook.Faults, err error) {
	var a *activities.Activities
	var state json.RawMessage
	err = r.read(readPatiently(r.ctx, a.DpaEarlierRunbook, activities.EarlierRun{WorkflowID: from.WorkflowID, RunID: from.RunID}), &state)
	if r.engine.FinishedAt != nil {
		return nil, nil
	}
	if TypeOf(err) == activities.ErrorInvalidInput {
		return runbook.Faults{{Path: "resumeFrom", Problem: cause(err).Error()}}, nil
	}
	if err := r.notStarted(err, "the run that it resumes could not be read"); err != nil {
		return nil, err
	}
	var earlier RunbookResult
	if err := json.Unmarshal(state, &earlier); err != nil || len(earlier.Steps) == 0 {
		problem := fmt.Sprintf("run %q is no runbook, or was refused before it started", from.WorkflowID)
		return runbook.Faults{{Path: "resumeFrom", Problem: cmp.Or(earlier.Cut, problem)}}, nil
	}
	errors.As(r.engine.Resume(from.WorkflowID, earlier, from.Choices), &findings) // which are all that it returns
	return findings, nil
}

// rehearse is a dry run: what would be done, with what can be rendered, or everything that is wrong.
func (r *runbookRun) rehearse() (RunbookResult, error) {
	findings, err := r.findings(true)
	switch {
	case err != nil:
		return RunbookResult{}, err
	case r.engine.FinishedAt != nil: // an operator has ended it
		return r.drive()
	}
	planned, unrendered := r.engine.Preview()
	findings = append(findings, unrendered...)
	if len(findings) > 0 {
		return RunbookResult{}, activities.InvalidInput(findings)
	}
	return planned, nil
}

func preflightJobs(doc *runbook.Document, path string) (jobs []activities.PreflightJob) {
	secrets := doc.Secrets()
	for i := range doc.Len() {
		step := doc.Step(i)
		at := path + doc.Place(i)
		jobs = append(jobs, preflightJob(step.WithSecrets(secrets), at))
		if step.Rollback != nil {
			jobs = append(jobs, preflightJob(step.Rollback.WithSecrets(secrets), at+".rollback"))
		}
		if step.Runbook != nil {
			jobs = append(jobs, preflightJobs(step.Runbook, at+".runbook.")...)
		}
	}
	return slices.DeleteFunc(jobs, func(job activities.PreflightJob) bool { return job.PlanID+job.ModelID == "" })
}

func preflightJob(job runbook.Job, path string) activities.PreflightJob {
	checked := activities.PreflightJob{Path: path, PlanID: job.Plan, ModelID: job.Model}
	if job.Plan != "" {
		checked.PlanParams = planParams(job.Params)
	} else {
		checked.Params, checked.ExecutePath = activities.Params(job.Params), job.ExecutePath
	}
	return checked
}
