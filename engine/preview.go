package engine

import (
	"errors"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// Preview says what would be done, with what can be rendered before anything has run, and everything
// that can be seen to go wrong. Nothing starts.
func (e *Engine) Preview() (Result, runbook.Faults) {
	var findings runbook.Faults
	run := newRun(e.top.doc, e.Vars, e.StartedAt)
	preview(e.top, &run, &e.Run, "", e.WorkflowID, &findings)
	result := e.Result()
	if e.top.lock != nil { // which a dry run does not take
		result.Lock = &Lock{Name: e.top.lock.Name, Status: StatusPlanned, Since: e.StartedAt}
	}
	result.Steps, result.Status, result.Phase, result.FinishedAt = run.Steps, StatusPlanned, PhaseEnded, &e.now
	return result, findings
}

// preview fills run. What has come from an earlier run, and is not run again, stays as it was.
func preview(n *node, run, resumed *Run, path, workflowID string, findings *runbook.Faults) {
	scope := runbook.Scope{Vars: run.Vars, WorkflowID: workflowID, Preview: true}
	note := func(err error) {
		var faults runbook.Faults
		if err == nil || errors.Is(err, runbook.ErrNotYetKnown) || !errors.As(err, &faults) {
			return
		}
		for _, fault := range faults {
			fault.Path = path + fault.Path
			*findings = append(*findings, fault)
		}
	}
	for i := range run.Steps {
		step, written := &run.Steps[i], n.doc.Step(i)
		was := &Step{}
		if resumed != nil && resumed.Steps != nil {
			was = &resumed.Steps[i]
		}
		if ended(was.Status) {
			*step = *was
			continue
		}
		step.Status = StatusPlanned
		holds, err := n.program.When(i, scope)
		if note(err); err == nil && !holds {
			continue
		}
		_, err = n.program.ForEach(i, scope)
		note(err)
		switch {
		case written.Asks():
			question, err := n.question(i, scope)
			note(err)
			step.Question = question
		case written.Runbook != nil:
			vars, err := n.program.InnerVars(i, scope)
			note(err)
			inner := newRun(written.Runbook, vars, time.Time{})
			step.Runbook = &inner
			preview(n.inner[i], &inner, was.Runbook, path+n.doc.Place(i)+".runbook.", workflowID, findings)
		case written.Wait != nil:
			timer, err := n.program.Timer(i, scope)
			note(err)
			if until, bad := time.Parse(time.RFC3339, timer.Until); bad == nil {
				step.Until = &until
			}
		default:
			job, err := n.program.Job(i, scope)
			note(err)
			if job.Params != nil {
				step.Params = job.Params
			}
		}
		if written.Rollback != nil {
			_, err := n.program.Rollback(i, scope)
			note(err)
		}
	}
}
