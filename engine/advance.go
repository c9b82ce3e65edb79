package engine

import (
	"fmt"
	"slices"

	"github.com/dpaflow/dpaflow/runbook"
)

const endedBefore = "the runbook ended before it did"

// advanceStep draws the consequences for a step that has not ended.
func (e *Engine) advanceStep(p part) {
	switch {
	case p.step.Status == runbook.StatusWaiting:
		e.open(p)
	case p.step.Status == runbook.StatusPaused:
		if p.ending || p.alone {
			e.failFinally(p, p.step.Reason)
		}
	case p.written().ForEach == "":
		e.advancePart(p)
	default:
		p.all = count(p.step.Items)
		for k := range p.step.Items {
			if !ended(p.step.Items[k].Status) && !e.ends {
				e.advancePart(p.at(k))
			}
		}
		if e.ends {
			return
		}
		e.judge(p)
	}
}

// open starts a step that may start, and ends one that never can.
func (e *Engine) open(p part) {
	switch p.outlook(p.i) {
	case lost:
		p.step.Unreachable = true
		e.end(p, runbook.StatusSkipped, "what it needs can no longer happen")
	case skipped:
		e.end(p, runbook.StatusSkipped, "all that it needs were skipped")
	case met:
		switch {
		case p.ending || p.alone && p.written().Asks():
			e.leave(p)
		case e.starting && !e.held(p):
			e.begin(p)
		}
	}
}

// advancePart draws the consequences for a step or item that has not ended.
func (e *Engine) advancePart(p part) {
	switch written := p.written(); {
	case p.of.Status == runbook.StatusWaiting:
		if p.ending {
			e.leave(p)
		} else if e.starting && !e.held(p) {
			e.start(p)
		}
	case written.Asks():
		if p.ending || p.alone {
			e.end(p, runbook.StatusAborted, endedBefore)
		}
	case written.Wait != nil:
		if p.ending {
			e.end(p, runbook.StatusAborted, endedBefore)
		}
	case written.Runbook != nil:
		if inside := e.inside(p); e.advance(inside) {
			e.endRunbook(p, inside)
		}
	case (p.givenUp || p.ending && !p.of.ran()) && !p.of.Cancelled: // what has not been triggered yet would start only now
		e.giveUp(p, false)
	}
}

// leave ends what will not start any more. What had failed, and was to be tried again, has failed.
func (e *Engine) leave(p part) {
	for _, last := range slices.Backward(p.of.Earlier) {
		switch {
		case last.Undoing, last.Left:
		case last.Status == runbook.StatusFailed:
			e.failPart(p, last.Reason)
			return
		default:
			e.end(p, runbook.StatusAborted, endedBefore)
			return
		}
	}
	e.end(p, runbook.StatusAborted, "the runbook ended before it")
}

// giveUp stops waiting for an execution.
func (e *Engine) giveUp(p part, undoing bool) {
	execution := &p.of.Execution
	if undoing {
		execution = p.of.Rollback
	}
	execution.Cancelled, e.changed = true, true
	e.do(Cancel{Key: p.key(undoing)})
}

// judge ends a step with forEach once its items have ended, or too many have failed.
func (e *Engine) judge(p part) {
	all := count(p.step.Items)
	switch {
	case all.running > 0:
	case all.tooMany(p):
		e.fail(p, fmt.Sprintf("%d of %d items failed", all.failed, len(p.step.Items)))
	case all.waiting > 0:
	case all.aborted > 0:
		e.end(p, runbook.StatusAborted, endedBefore)
	default:
		e.end(p, runbook.StatusSuccess, "")
	}
}

// endRunbook ends a step or item whose runbook is over.
func (e *Engine) endRunbook(p part, inside *scope) {
	aborted := false
	for i := range inside.Steps {
		aborted = aborted || inside.Steps[i].Status == runbook.StatusAborted
	}
	run := p.of.Runbook
	e.giveBack(p.key(false), run, leftOf(inside.prefix, run.Steps))
	switch {
	case run.Failed != "" && !run.TimedOut:
		failed := &inside.Steps[inside.ids[run.Failed[len(inside.prefix):]]]
		e.failPart(p, fmt.Sprintf("runbook %s failed at step %s: %s", inside.doc.Name, run.Failed, failed.Reason))
	case run.Ending != "":
		e.failPart(p, fmt.Sprintf("runbook %s: %s", inside.doc.Name, run.Reason))
	case aborted:
		e.end(p, runbook.StatusAborted, endedBefore)
	default:
		e.end(p, runbook.StatusSuccess, "")
	}
}
