package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// Next takes in what has happened since the last time, all of it at once, and says what is to be done.
// The order is always the same, however the events are given: evidence, cancellation, operators'
// actions, time, and only then what starts. So nothing starts that evidence of the same moment forbids,
// and no deadline wins over an answer that has arrived.
func (e *Engine) Next(now time.Time, events ...Event) []Command {
	e.now, e.commands = now, nil
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b Event) int { return a.rank() - b.rank() })
	for _, event := range events {
		switch event := event.(type) {
		case Progress:
			e.progress(event)
		case Ended:
			e.ended(event)
		case Noted:
			e.noted(event)
		case LockAnswered:
			e.lockAnswered(event)
		case Cancelled:
			e.stop("the workflow was cancelled", StatusCancelled)
		case Action:
			e.act(event)
		}
		e.settle(false)
	}
	e.expire()
	e.settle(false)
	if e.Begun {
		e.settle(true)
	}
	return e.commands
}

// Begin ends the checks before the first step: the next call of Next starts something.
func (e *Engine) Begin() { e.Begun = true }

// settle draws the consequences of what has happened, until there are no more. Before something starts,
// the consequences of what started before it are drawn.
func (e *Engine) settle(starting bool) {
	for e.FinishedAt == nil {
		e.announce()
		e.changed, e.ends, e.starting = false, false, false
		over := e.advance(e.root())
		if !e.changed && over {
			e.finish()
		} else if !e.changed && starting {
			e.starting = true
			e.advance(e.root())
		}
		if !e.changed {
			return
		}
	}
}

func (e *Engine) do(command Command) { e.commands = append(e.commands, command) }

// advance draws the consequences for one runbook, and reports whether it is over.
func (e *Engine) advance(s *scope) bool {
	if !e.advanceSteps(s, false) || s.Ending == Rolling && !s.Undone && !e.rollBack(s) {
		return false
	}
	if len(s.doc.Finally) > 0 && s.Outcome == "" {
		s.Outcome, s.Because = e.outcome(s)
		e.changed = true
	}
	return e.advanceSteps(s, true)
}

// advanceSteps draws the consequences for the steps of a runbook, or for those of finally, and reports whether they
// have ended.
func (e *Engine) advanceSteps(s *scope, final bool) bool {
	over := true
	for _, i := range s.graph.Order() {
		if s.doc.Final(i) == final && !ended(s.Steps[i].Status) {
			e.advanceStep(e.part(s, i))
			if ended(s.Steps[i].Status) && slices.Contains(s.early, true) {
				s.findEarly()
			}
			over = over && ended(s.Steps[i].Status)
		}
		if e.ends { // what comes before it is looked at first
			return false
		}
	}
	return over
}

// outcome is how a runbook ended before the steps of finally run, and why.
func (e *Engine) outcome(s *scope) (status, reason string) {
	switch {
	case s.Run == &e.Run:
		return cmp.Or(e.Status, runbook.StatusSuccess), e.Reason
	case s.TimedOut:
		return StatusTimedOut, s.Reason
	case s.Ending != "":
		return runbook.StatusFailed, s.Reason
	case !slices.ContainsFunc(s.Steps, func(step Step) bool { return step.Status == runbook.StatusAborted }):
		return runbook.StatusSuccess, ""
	case e.Status == StatusCancelled:
		return StatusCancelled, e.Reason
	}
	return runbook.StatusAborted, endedBefore
}

func (e *Engine) finish() {
	now := e.now
	e.FinishedAt = &now
	if e.Status == "" {
		e.Status = runbook.StatusSuccess
	}
	e.giveBack("", &e.Run, e.Result().Left())
	e.do(Finish{})
}

// expire ends what has taken as long as it may.
func (e *Engine) expire() {
	e.each(e.root(), e.expirePart)
	if e.FinishedAt == nil && e.passed(e.deadline()) {
		e.TimedOut = true
		e.wind(&e.Run, Failing, "it took longer than "+e.top.doc.Timeout.String(), StatusTimedOut)
	}
}

// deadline is when a runbook has taken as long as it may; nil once it has, or the steps of finally run.
func (r *Run) deadline() *time.Time {
	if r.TimedOut || r.Outcome != "" {
		return nil
	}
	return r.Deadline
}

func (e *Engine) passed(deadline *time.Time) bool { return deadline != nil && !e.now.Before(*deadline) }

// Due is when Next must be called though nothing has arrived; false where time changes nothing.
func (e *Engine) Due() (due time.Time, any bool) {
	note := func(at *time.Time) {
		if at != nil && (!any || at.Before(due)) {
			due, any = *at, true
		}
	}
	if e.FinishedAt != nil {
		return due, false
	}
	note(e.deadline())
	e.each(e.root(), func(p part) {
		if run := p.of.Runbook; run != nil && !ended(p.of.Status) {
			note(run.deadline())
		}
		if p.waits() {
			note(p.of.Until)
		}
		if p.of.Status == runbook.StatusWaiting {
			note(p.of.RoundsUntil)
			if !e.passed(p.of.NotBefore) {
				note(p.of.NotBefore)
			}
		}
	})
	return due, any
}
