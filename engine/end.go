package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dpaflow/dpaflow/runbook"
)

// progress takes in how an execution stands.
func (e *Engine) progress(event Progress) {
	_, execution := e.execution(event.Key)
	if execution == nil {
		return
	}
	execution.Phase, execution.Doubt, execution.Overdue = event.Phase, event.Doubt, event.Overdue
	execution.MayRun = !event.Idle
	if now := e.now; event.Doubt == "" {
		execution.DoubtSince = nil
	} else if execution.DoubtSince == nil {
		execution.DoubtSince = &now
	}
	if event.InstanceID != "" {
		execution.InstanceID = event.InstanceID
	}
}

// ended takes in how an execution ended.
func (e *Engine) ended(event Ended) {
	p, execution := e.execution(event.Key)
	if execution == nil {
		return
	}
	execution.Phase, execution.Doubt, execution.DoubtSince, execution.Overdue = "", "", nil, false
	execution.ObservedBy, execution.MayRun = event.ObservedBy, event.MayRun
	e.keep(p, execution, event.Outputs)
	if event.InstanceID != "" {
		execution.InstanceID = event.InstanceID
	}
	execution.Definite = event.Outcome == Fail
	if execution == p.of.Rollback {
		e.endRollback(p, event)
		return
	}
	switch {
	case event.Outcome == Success && p.written().Until != "":
		e.endRound(p)
	case event.Outcome == Success:
		e.end(p, runbook.StatusSuccess, "")
	case event.Outcome == GivenUp:
		e.end(p, runbook.StatusAborted, endedBefore)
	case event.Outcome == Fail && p.of.Failures < p.written().Retries.Max && !p.ending:
		p.of.Status, p.of.Reason = runbook.StatusFailed, event.Reason
		e.tryAgain(p, p.of.Failures+1, p.of.Rounds, p.written().Retries.After(p.of.Failures+1))
	default:
		e.failPart(p, event.Reason)
	}
}

// maxNotes bounds those of a run, which anybody can bring about who may call back.
const maxNotes = 100

// noted takes in a note, once.
func (e *Engine) noted(event Noted) {
	e.note(event.Key[:max(0, strings.LastIndexByte(event.Key, '.'))], event.Text)
}

func (e *Engine) note(path, text string) {
	known := slices.ContainsFunc(e.Notes, func(n Note) bool { return n.Step == path && n.Text == text })
	if !known && len(e.Notes) < maxNotes {
		e.Notes = append(e.Notes, Note{At: e.now, Step: path, Text: text})
	}
}

// again lets a step or item run once more.
func (e *Engine) again(p part) {
	now := e.now
	if p.of.FinishedAt == nil {
		p.of.FinishedAt = &now
	}
	reopen(p.of, p.written())
	e.changed = true
}

// reopen makes a step or item wait for its next attempt. What it was is among the earlier ones.
func reopen(of *Step, written *runbook.Step) {
	undone := of.Rollback != nil && of.Rollback.Status == runbook.StatusSuccess
	of.Ran = (of.Ran || of.ran()) && !undone
	if of.StartedAt != nil {
		earlier := of.Execution
		if earlier.Status == runbook.StatusPaused { // nobody waits for a decision about it any more
			earlier.Status = runbook.StatusFailed
		}
		of.Earlier = append(of.Earlier, earlier)
	}
	if of.Rollback != nil {
		of.Earlier = append(of.Earlier, *of.Rollback)
	}
	next := Execution{Status: runbook.StatusWaiting, PlanID: written.Plan, ModelID: written.Model}
	if of.Adopt != "" {
		next.InstanceID, next.MayRun, next.Adopt, next.From = of.InstanceID, of.MayRun, of.Adopt, of.From
	}
	of.Execution = next
	of.Question, of.AnsweredBy, of.Approvals, of.Subjects, of.Until, of.PausedAt, of.Order = nil, "", nil, nil, nil, nil, 0
	of.countAnew()
	of.Unreachable, of.SkippedBy, of.Resumed, of.Kept = false, "", false, false
	of.Anew = of.Anew || of.Rollback != nil
	of.Rollback = nil
}

// end ends a step or item.
func (e *Engine) end(p part, status, reason string) {
	now := e.now
	e.Ends++
	p.of.Status, p.of.Reason, p.of.FinishedAt, p.of.Order = status, reason, &now, e.Ends
	p.of.PausedAt, p.of.Asked = nil, false
	e.changed = true
}

// failPart ends an item that failed, or has a step that failed do what its policy says.
func (e *Engine) failPart(p part, reason string) {
	if p.isItem() {
		e.end(p, runbook.StatusFailed, reason)
		return
	}
	e.fail(p, reason)
}

// fail does with a step that failed what its policy says.
func (e *Engine) fail(p part, reason string) {
	if p.doc.FailureOf(p.i) != runbook.PauseOnFailure || p.ending || p.alone {
		e.failFinally(p, reason)
		return
	}
	now := e.now
	p.step.Status, p.step.Reason, p.step.PausedAt, p.step.FinishedAt = runbook.StatusPaused, reason, &now, &now
	p.decides, e.changed = true, true
}

// failFinally ends a step that failed, and its runbook where the policy says so.
func (e *Engine) failFinally(p part, reason string) {
	e.end(p, runbook.StatusFailed, reason)
	for k := range p.step.Items {
		if p.step.Items[k].Status == runbook.StatusWaiting {
			e.end(p.at(k), runbook.StatusAborted, "too many items failed before it")
		}
	}
	policy := p.doc.FailureOf(p.i)
	if policy == runbook.ContinueOnFailure {
		return
	}
	if p.Failed == "" {
		p.Failed = p.path
	}
	ending := Failing
	if policy == runbook.RollbackOnFailure && !p.scope.givenUp && !p.scope.expired {
		ending = Rolling
	}
	e.wind(p.Run, ending, fmt.Sprintf("step %s failed: %s", p.path, reason), runbook.StatusFailed)
}

// wind has a runbook end. What it ends as is settled by what happened first; a rollback that is decided
// later runs too.
func (e *Engine) wind(run *Run, ending Ending, reason, status string) {
	e.changed, e.ends = true, true
	switch {
	case run.Ending == "":
		run.Ending, run.Reason = ending, reason
		if run == &e.Run {
			e.Status = status
		}
	case run.Ending == Failing && ending == Rolling:
		run.Ending = Rolling
	}
}

// stop is an abort of the whole run: nothing new starts, and what runs is not waited for. Once more, and
// handlers and rollbacks end too.
func (e *Engine) stop(reason, status string) {
	e.Stops++
	e.wind(&e.Run, Aborted, reason, status)
}

// expirePart ends what has taken as long as it may.
func (e *Engine) expirePart(p part) {
	run := p.of.Runbook
	if run != nil && !ended(p.of.Status) && e.passed(run.deadline()) {
		run.TimedOut = true
		e.wind(run, Failing, "it took longer than "+p.inner[p.i].doc.Timeout.String(), "")
	}
	if p.of.Status == runbook.StatusWaiting && e.passed(p.of.RoundsUntil) {
		e.failPart(p, unsatisfied(p.of.Rounds)+" within "+p.written().Timeout.String())
		return
	}
	if !p.waits() || !e.passed(p.of.Until) {
		return
	}
	switch written := p.written(); {
	case written.Wait != nil:
		e.end(p, runbook.StatusSuccess, "")
	case written.Runbook != nil:
		run.TimedOut, run.GivenUp = true, true
		e.wind(run, Failing, "it took longer than "+written.Timeout.String(), "")
	case written.Ask != nil:
		e.fail(p, "nobody answered within "+written.Ask.Timeout.String())
	case written.Approval.OnTimeout == runbook.ApproveOnTimeout:
		e.Actions = append(e.Actions, Action{
			At: e.now, Name: ActionApprove, Step: p.path, Comment: fmt.Sprintf("onTimeout: approve, after %s", written.Approval.Timeout),
		})
		e.end(p, runbook.StatusSuccess, "approved by its time-out: too few answered within "+written.Approval.Timeout.String())
	default:
		e.fail(p, "too few approved within "+written.Approval.Timeout.String())
	}
}

// waits reports whether a time-out of the part's own is running.
func (p part) waits() bool {
	return p.of.Until != nil && p.of.Status == runbook.StatusRunning && (p.of.Runbook == nil || !p.of.Runbook.GivenUp && p.of.Runbook.Outcome == "")
}
