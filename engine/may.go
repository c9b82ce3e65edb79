package engine

import (
	"slices"

	"github.com/dpaflow/dpaflow/runbook"
)

// outlook is what can be said of a need, or of all that a step needs.
type outlook int

const (
	pending outlook = iota
	met
	skipped // met by a skip
	lost    // it can no longer happen
)

// outlook says whether what a step needs has happened.
func (s *scope) outlook(i int) outlook {
	needs := s.graph.Needs(i)
	var count [4]int
	joinsAny := s.doc.Step(i).Join == runbook.JoinAny && len(needs) > 0
	for _, need := range needs {
		if joinsAny && need.On == "" && s.Steps[need.Step].Status == runbook.StatusFailed {
			need.On = runbook.OnSuccess // one that succeeded: a failure that is tolerated is none
		}
		count[s.need(need)]++
	}
	if !joinsAny {
		switch {
		case count[lost] > 0:
			return lost
		case count[pending] > 0:
			return pending
		}
		return met
	}
	switch {
	case count[met] > 0:
		return met
	case count[pending] > 0:
		return pending
	case count[skipped] == len(needs):
		return skipped
	}
	return lost
}

// findEarly finds the steps that are done although what they need is not, because it is done anew: after a resume, or in a
// nested runbook that is tried again. What comes after them waits for that too.
func (s *scope) findEarly() {
	s.early = make([]bool, len(s.Steps))
	for _, i := range s.graph.Order() {
		step := &s.Steps[i]
		done := step.Status == runbook.StatusSuccess || step.Status == runbook.StatusSkipped && !step.Unreachable && (step.SkippedBy == "" || step.Kept)
		s.early[i] = done && s.outlook(i) == pending
	}
}

func (s *scope) need(need runbook.Edge) outlook {
	step := &s.Steps[need.Step]
	if s.early[need.Step] {
		return pending
	}
	happened := false
	switch step.Status {
	case runbook.StatusSuccess:
		happened = need.On != runbook.OnFailed
	case runbook.StatusSkipped:
		if step.Unreachable && need.On == runbook.OnEnd || !step.Unreachable && need.On != runbook.OnFailed {
			return skipped
		}
	case runbook.StatusFailed:
		goesOn := s.doc.FailureOf(need.Step) == runbook.ContinueOnFailure
		happened = need.On == runbook.OnFailed || need.On == runbook.OnEnd || need.On == "" && goesOn
	case runbook.StatusAborted:
		happened = need.On == runbook.OnEnd
	default:
		return pending
	}
	if happened {
		return met
	}
	return lost
}

// held reports whether something keeps a part from starting now that could.
func (e *Engine) held(p part) bool {
	written := p.written()
	counts := !written.Asks() && written.Wait == nil && (written.ForEach == "" || p.isItem())
	switch {
	case p.locked:
		return true
	case p.of.NotBefore != nil && !e.passed(p.of.NotBefore):
		return true
	case e.Paused != nil && !p.handler:
		return true
	case p.decides && !p.handler && !p.of.Asked:
		return true
	case counts && p.doc.MaxParallel > 0 && p.running >= p.doc.MaxParallel:
		return true
	case p.isItem():
		return p.all.tooMany(p) || written.MaxParallel > 0 && p.all.running >= written.MaxParallel
	case e.StepByStep && !p.handler && p.of.Attempts == 0 && !p.of.Asked:
		return !e.mayPass(p.path)
	}
	return false
}

// MaySend reports whether an execution that has not been triggered yet may be, now.
func (e *Engine) MaySend(key string) bool {
	p, execution := e.execution(key)
	switch {
	case execution == nil || execution.Cancelled:
		return false
	case execution == p.of.Rollback || p.handler:
		return true
	}
	return e.Paused == nil
}

// mayPass lets a step start in step-by-step mode if an operator has let it. Otherwise it is the one that
// is announced, if no other is.
func (e *Engine) mayPass(path string) bool {
	granted := slices.Contains(e.Granted, path)
	if !granted && e.Announced == "" {
		e.Announced = path
	}
	return granted
}

// announce forgets the steps that were to come next where they no longer can.
func (e *Engine) announce() {
	gone := func(path string) bool {
		p, known := e.find(path)
		return !known || p.step.Status != runbook.StatusWaiting || p.ending
	}
	if e.Announced != "" && gone(e.Announced) {
		e.Announced = ""
	}
	e.Granted = slices.DeleteFunc(e.Granted, gone)
}

// tally counts the items of a step.
type tally struct{ waiting, running, failed, aborted int }

func count(items []Step) *tally {
	t := &tally{}
	for k := range items {
		switch items[k].Status {
		case runbook.StatusRunning:
			t.running++
		case runbook.StatusFailed:
			t.failed++
		case runbook.StatusWaiting:
			t.waiting++
		case runbook.StatusAborted:
			t.aborted++
		}
	}
	return t
}

// tooMany reports whether more items have failed than may.
func (t *tally) tooMany(p part) bool {
	return p.written().MaxFailures.Exceeded(t.failed, len(p.step.Items))
}
