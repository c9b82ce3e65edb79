package engine

import (
	"fmt"

	"github.com/dpaflow/dpaflow/runbook"
)

// act does what an operator asks for, or says why not.
func (e *Engine) act(a Action) {
	p, err := e.check(a)
	if err == nil && e.Target(a) != "" {
		err = fmt.Errorf("step %s runs again: its execution must be told", a.Step)
	}
	if err != nil {
		e.do(Answer{ID: a.ID, Refused: err.Error()})
		return
	}
	e.Record(a)
	e.changed = true
	if p.scope == nil {
		e.actOnRun(a)
	} else {
		e.actOnStep(p, a)
	}
	e.do(Answer{ID: a.ID})
}

// Record notes what an operator did, also to an execution.
func (e *Engine) Record(a Action) {
	a.ID, a.At = "", e.now
	e.Actions = append(e.Actions, a)
}

// Target is the key of the execution that an action which makes sense is for; empty where it is for the
// engine.
func (e *Engine) Target(a Action) string {
	p, err := e.check(a)
	if err != nil || p.scope != nil || a.Name != ActionResolveRun && a.Name != ActionResolveTrigger {
		return ""
	}
	key, _ := e.live(a.Step) // which check has found
	return key
}

func (e *Engine) actOnRun(a Action) {
	switch a.Name {
	case ActionPause:
		e.Paused = &Pause{By: a.By, At: e.now}
	case ActionResume:
		if e.Paused != nil {
			e.Paused = nil
		} else {
			e.Granted, e.Announced = append(e.Granted, e.Announced), ""
		}
	case ActionRollback:
		e.wind(&e.Run, Rolling, "rolled back by "+by(a.By), runbook.StatusFailed)
	case ActionAbort:
		e.stop("aborted by "+by(a.By), runbook.StatusAborted)
	}
}

func (e *Engine) actOnStep(p part, a Action) {
	switch a.Name {
	case ActionApprove:
		if a.Subject != "" {
			p.of.Subjects = append(p.of.Subjects, a.Subject)
		}
		if p.of.Approvals = append(p.of.Approvals, a.By); len(p.of.Approvals) >= p.of.Question.Quorum {
			e.end(p, runbook.StatusSuccess, "")
		}
	case ActionAnswer:
		e.answer(p, a)
	case ActionReject:
		e.fail(p, "rejected by "+by(a.By))
	case ActionRetry:
		e.retry(p)
	case ActionSkip:
		e.skip(p, a)
	case ActionResolveRun:
		e.resolve(p, a)
	case ActionAbort:
		e.giveUp(p, true)
	}
}

// retry runs a step or item again; of a step with forEach, the items that did not succeed.
func (e *Engine) retry(p part) {
	for k := range p.step.Items {
		if item := p.at(k); !p.isItem() && !item.of.done() {
			e.again(item)
			item.of.Asked = true
		}
	}
	if p.of.Items != nil {
		p.of.Status, p.of.FinishedAt, p.of.PausedAt = runbook.StatusWaiting, nil, nil
	} else {
		e.again(p)
	}
	p.of.Asked = true
	e.goOn(p)
}

// goOn lets a step go on that had failed because of an item.
func (e *Engine) goOn(p part) {
	if p.isItem() && !p.over {
		p.step.Status, p.step.Reason, p.step.PausedAt, p.step.FinishedAt = runbook.StatusRunning, "", nil, nil
	}
}

func (e *Engine) skip(p part, a Action) {
	if len(a.Outputs) > 0 {
		outputs := runbook.ModelOutputs{ModelID: p.of.ModelID}
		for name := range runbook.Sorted(a.Outputs) {
			outputs.Nodes = append(outputs.Nodes, runbook.NodeOutput{Name: name, Result: a.Outputs[name]})
		}
		p.of.Cut = false
		e.keep(p, &p.of.Execution, []runbook.ModelOutputs{outputs})
	}
	p.of.SkippedBy = by(a.By)
	e.end(p, runbook.StatusSkipped, "skipped by "+by(a.By))
	e.goOn(p)
}

// resolve takes an operator's word for how an instance ended that is not waited for any more.
func (e *Engine) resolve(p part, a Action) {
	p.of.MayRun, p.of.ObservedBy, p.of.Adopt = false, "operator", ""
	if a.Status == string(Fail) {
		p.of.Reason = "it ended FAIL, says " + by(a.By)
		return
	}
	p.of.Status, p.of.Reason, p.of.FinishedAt, p.of.PausedAt = runbook.StatusRunning, "", nil, nil
	p.of.Cancelled = false
	e.goOn(p)
	job := runbook.Job{Plan: p.of.PlanID, Model: p.of.ModelID}
	e.do(Fetch{Key: p.key(false), Job: job, InstanceID: p.of.InstanceID, Outputs: p.outputs(e)})
}
