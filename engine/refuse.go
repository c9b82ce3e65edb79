package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dpaflow/dpaflow/runbook"
)

// Refuse says why an operator's action makes no sense now; nil if it does.
func (e *Engine) Refuse(a Action) error {
	_, err := e.check(a)
	return err
}

// check finds the step that an action is about.
func (e *Engine) check(a Action) (part, error) {
	switch {
	case e.FinishedAt != nil:
		return part{}, errors.New("the runbook has ended")
	case len(a.Outputs) > 0 && a.Name != ActionSkip:
		return part{}, errors.New("outputs are for skip only")
	case len(a.Values) > 0 && a.Name != ActionAnswer:
		return part{}, errors.New("values are for answer only")
	}
	switch a.Name {
	case ActionPause, ActionResume, ActionRollback:
		return part{}, e.checkRun(a)
	case ActionAbort:
		if a.Step == "" {
			return part{}, e.checkRun(a)
		}
	case ActionResolveRun, ActionResolveTrigger:
		return e.checkResolve(a)
	}
	p, known := e.find(a.Step)
	if !known {
		return p, e.unknown(a.Step)
	}
	switch a.Name {
	case ActionApprove, ActionReject:
		return p, e.checkApproval(p, a)
	case ActionAnswer:
		return p, e.checkAnswer(p, a)
	case ActionRetry:
		return p, e.checkRetry(p, a)
	case ActionSkip:
		return p, e.checkSkip(p, a)
	case ActionAbort:
		if p.of.Rollback == nil || p.of.Rollback.Status != runbook.StatusRunning || p.of.Rollback.Cancelled {
			return p, fmt.Errorf("no rollback of step %s is running; abort without a step ends the runbook", a.Step)
		}
		return p, nil
	}
	return p, fmt.Errorf("there is no action %q", a.Name)
}

func (e *Engine) unknown(step string) error {
	if step == "" {
		return errors.New("step is missing: name the step, such as switch, probe[2] or verify/business")
	}
	return fmt.Errorf("there is no step %q, or it is part of a runbook that has not started", step)
}

// checkRun is check for what concerns the run as a whole.
func (e *Engine) checkRun(a Action) error {
	switch {
	case a.Name == ActionResume && e.Paused == nil && e.Announced == "":
		return errors.New("the runbook is not paused; a step that failed needs retry, skip or resolveRun")
	case a.Name == ActionPause && e.Paused != nil:
		return errors.New("the runbook is paused already")
	case a.Name == ActionPause && (e.Ending != "" || e.Outcome != ""):
		return errors.New("the runbook is ending: it starts nothing that a pause could hold")
	case a.Name == ActionAbort && e.Stops > 1:
		return errors.New("the runbook is ending: everything that can be ended has been")
	case a.Name == ActionRollback && !e.Begun:
		return errors.New("the runbook has not started: there is nothing to undo")
	case a.Name == ActionRollback && e.Outcome != "":
		return errors.New("the runbook is ending: the steps of finally run, after which nothing is undone")
	case a.Name == ActionRollback && (e.Ending == Rolling || e.Ending == Aborted || e.Stops > 0 || e.TimedOut):
		return errors.New("the runbook is ending already: " + e.Reason)
	}
	return nil
}

func (e *Engine) checkApproval(p part, a Action) error {
	q := p.of.Question
	switch {
	case p.written().Approval == nil:
		return fmt.Errorf("step %s is no approval", a.Step)
	case p.of.Status != runbook.StatusRunning || q == nil:
		return fmt.Errorf("step %s asks for no approval now: it is %s", a.Step, p.of.Status)
	case a.Name == ActionApprove && slices.Contains(p.of.Approvals, a.By) && (a.By != "" || q.Quorum > 1):
		return fmt.Errorf("%s has approved step %s already; %d different people must", by(a.By), a.Step, q.Quorum)
	case a.Name == ActionApprove && a.Subject != "" && slices.Contains(p.of.Subjects, a.Subject):
		return fmt.Errorf("%s has approved step %s already, under another name; %d different people must", by(a.By), a.Step, q.Quorum)
	}
	return e.answers(p, a.By)
}

func (e *Engine) checkAnswer(p part, a Action) error {
	switch {
	case p.written().Ask == nil:
		return fmt.Errorf("step %s asks for no values", a.Step)
	case p.of.Status != runbook.StatusRunning:
		return fmt.Errorf("step %s asks for no values now: it is %s", a.Step, p.of.Status)
	}
	if err := e.answers(p, a.By); err != nil {
		return err
	}
	_, err := p.written().Ask.Answer(a.Values)
	return err
}

// answers reports whether somebody may answer what a step asks.
func (e *Engine) answers(p part, who string) error {
	question := p.of.Question
	if question == nil {
		var err error
		if question, err = p.question(p.i, e.knowsEnded(p)); err != nil && len(p.written().Who()) > 0 {
			return fmt.Errorf("who may answer step %s is not known yet", p.path)
		}
	}
	return among(question.Approvers, who, p.path)
}

func among(approvers []string, who, path string) error {
	if len(approvers) == 0 || slices.Contains(approvers, who) {
		return nil
	}
	return fmt.Errorf("step %s must be answered by %s, not by %s", path, strings.Join(approvers, ", "), by(who))
}

// checkApprovals reports a question in a step that an action would pass by though somebody else must
// answer it. Of a step that is retried, only those count that were answered.
func (e *Engine) checkApprovals(p part, who string, skipping bool) error {
	switch {
	case p.of.done() || !skipping && p.of.Status == runbook.StatusWaiting:
		return nil
	case p.written().Asks():
		return e.answers(p, who)
	case p.inner[p.i] == nil:
		return nil
	}
	if p.written().ForEach != "" && !p.isItem() {
		for k := range p.step.Items {
			if err := e.checkApprovals(p.at(k), who, skipping); err != nil {
				return err
			}
		}
		if len(p.step.Items) > 0 { // of an empty list nothing is known after a reload
			return nil
		}
	}
	if p.of.Runbook == nil || skipping && p.of.Anew {
		return approvalsIn(p.inner[p.i].doc, p.path, who)
	}
	inside := e.inside(p)
	for i := range inside.Steps {
		if err := e.checkApprovals(e.part(inside, i), who, skipping); err != nil {
			return err
		}
	}
	return nil
}

// approvalsIn is checkApprovals for a runbook that has not started.
func approvalsIn(doc *runbook.Document, path, who string) error {
	for i := range doc.Steps { // in finally nobody is asked
		step, at := &doc.Steps[i], path+"/"+doc.Steps[i].ID
		if err := among(step.Who(), who, at); err != nil {
			return err
		}
		if step.Runbook != nil {
			if err := approvalsIn(step.Runbook, at, who); err != nil {
				return err
			}
		}
	}
	return nil
}

// undecided reports whether a step, or an item of one that goes on, has failed and can still be helped.
func (p part) undecided() bool {
	if p.isItem() {
		return p.of.Status == runbook.StatusFailed && p.open() && !p.ending
	}
	return p.of.Status == runbook.StatusPaused
}

// leftBehind reports whether a step or item did not succeed in a nested runbook that has ended, and about whose
// step an operator decides: how its instance ended tells what a retry has to do.
func (p part) leftBehind() bool {
	return p.over && (p.of.Status == runbook.StatusFailed || p.of.Status == runbook.StatusAborted)
}

// open reports whether the step of an item goes on, or can.
func (p part) open() bool {
	return p.step.Status == runbook.StatusRunning || p.step.Status == runbook.StatusPaused
}

func (e *Engine) checkRetry(p part, a Action) error {
	if !p.undecided() {
		return fmt.Errorf("step %s waits for no decision: it is %s", a.Step, p.of.Status)
	}
	if err := e.checkApprovals(p, a.By, false); err != nil {
		return err
	}
	var running []string
	p.of.mayRun(p.path, func(path string, of *Execution) {
		if of.Adopt == "" { // which is waited for, and not triggered again
			running = append(running, strings.TrimSpace(path+" "+of.InstanceID))
		}
	})
	if len(running) > 0 && !a.MayRunTwice {
		return fmt.Errorf("the platform may still run %s: look there, then say how it ended by resolveRun, or retry with mayRunTwice",
			strings.Join(running, ", "))
	}
	return nil
}

func (e *Engine) checkSkip(p part, a Action) error {
	waiting := p.of.Status == runbook.StatusWaiting && !p.ending && (!p.isItem() || p.open())
	timer := p.of.Status == runbook.StatusRunning && p.written().Wait != nil
	if !p.undecided() && !waiting && !timer {
		return fmt.Errorf("step %s cannot be skipped: it is %s", a.Step, p.of.Status)
	}
	return e.checkApprovals(p, a.By, true)
}

// checkResolve finds the execution that an operator knows more about: one that has failed here, or one
// that is under way.
func (e *Engine) checkResolve(a Action) (part, error) {
	p, known := e.find(a.Step)
	if !known || a.Name == ActionResolveTrigger || !p.undecided() && !p.leftBehind() || p.of.Items != nil {
		_, err := e.live(a.Step)
		return part{}, err
	}
	switch {
	case a.Status != string(Success) && a.Status != string(Fail):
		return p, fmt.Errorf("status must be %s or %s, got %q", Success, Fail, a.Status)
	case p.of.InstanceID == "":
		return p, fmt.Errorf("step %s has no instance that could have ended; retry or skip it", a.Step)
	case a.Status == string(Fail) && !p.of.MayRun:
		return p, fmt.Errorf("the instance of step %s has ended already; retry or skip it", a.Step)
	}
	return p, nil
}

// live returns the key of the execution under way that an operator means: by the path of its step, by
// its instance, or by its plan or model; or by nothing if there is only one.
func (e *Engine) live(name string) (string, error) {
	var keys []string
	note := func(p part, of *Execution, undoing bool) {
		if of == nil || of.Status != runbook.StatusRunning || of.PlanID+of.ModelID == "" && !undoing || p.of.Runbook != nil && !undoing {
			return
		}
		if p.of.Items != nil {
			return
		}
		switch name {
		case "", p.path, p.prefix + p.step.ID, of.InstanceID, of.PlanID + of.ModelID, p.path + "~rollback":
			keys = append(keys, p.key(undoing))
		}
	}
	e.each(e.root(), func(p part) {
		note(p, &p.of.Execution, false)
		note(p, p.of.Rollback, true)
	})
	switch {
	case len(keys) == 1:
		return keys[0], nil
	case len(keys) > 1:
		return "", errors.New("several are running; name one of them by its step, such as probe[2], or by its instance id")
	case name != "":
		return "", fmt.Errorf("nothing called %q is running here", name)
	}
	return "", errors.New("nothing is running here")
}

func by(name string) string {
	if name == "" {
		return "an operator"
	}
	return name
}
