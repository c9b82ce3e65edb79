package engine

import (
	"fmt"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// tryAgain lets a step or item run once more by itself, after a pause.
func (e *Engine) tryAgain(p part, failures, rounds int, pause runbook.Duration) {
	until := p.of.RoundsUntil
	e.again(p)
	p.of.Failures, p.of.Rounds, p.of.NotBefore, p.of.RoundsUntil = failures, rounds, e.in(pause), until
}

// endRound takes in a success of a step with until: it is over once that is satisfied.
func (e *Engine) endRound(p part) {
	written := p.written()
	p.of.Status = runbook.StatusSuccess // as its own expression knows it
	satisfied, err := p.program.Until(p.i, e.knows(p))
	p.of.Status = runbook.StatusRunning
	rounds, next := p.of.Rounds+1, e.now.Add(time.Duration(written.Every))
	switch {
	case err != nil:
		e.failPart(p, err.Error())
	case satisfied:
		e.end(p, runbook.StatusSuccess, "")
	case rounds >= runbook.MaxRounds:
		e.failPart(p, unsatisfied(rounds)+", which is as many as there may be")
	case p.of.RoundsUntil != nil && !next.Before(*p.of.RoundsUntil):
		e.failPart(p, unsatisfied(rounds)+", and the next would come after its timeout of "+written.Timeout.String())
	default:
		e.release(&p.of.Execution)
		p.of.Status = runbook.StatusSuccess
		e.tryAgain(p, p.of.Failures, rounds, written.Every)
	}
}

func unsatisfied(rounds int) string {
	if rounds == 1 {
		return "until was not satisfied in 1 round"
	}
	return fmt.Sprintf("until was not satisfied in %d rounds", rounds)
}

// bound has the rounds of a step, together, take no longer than one run of it may.
func (e *Engine) bound(p part, job *runbook.Job) {
	if p.written().Until == "" || job.Timeout == 0 {
		return
	}
	if p.of.RoundsUntil == nil {
		p.of.RoundsUntil = e.in(job.Timeout)
	}
	job.Timeout = runbook.Duration(p.of.RoundsUntil.Sub(e.now))
}

// countAnew is for what an operator, or a resume, runs again.
func (s *Step) countAnew() { s.Failures, s.Rounds, s.NotBefore, s.RoundsUntil = 0, 0, nil, nil }
