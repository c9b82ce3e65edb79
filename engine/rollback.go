package engine

import "github.com/dpaflow/dpaflow/runbook"

// rollBack undoes what a runbook has done, one after another, the last that ended first; it reports
// whether that is over. A rollback that fails does not keep the others from running.
func (e *Engine) rollBack(s *scope) bool {
	var next *part
	busy := false
	e.undoable(s, func(p part) {
		switch {
		case p.of.Status == runbook.StatusRunning: // whose outputs are being fetched
			busy = busy || e.Stops < 2
		case p.of.Rollback == nil:
			if next == nil || p.of.Order > next.of.Order {
				next = &p
			}
		case p.of.Rollback.Status == runbook.StatusRunning:
			busy = true
			if e.Stops > 1 && !p.of.Rollback.Cancelled {
				e.giveUp(p, true)
			}
		}
	})
	switch {
	case busy:
		return false
	case next == nil || s.expired || e.Stops > 1:
		s.Undone, e.changed = true, true
		return true
	case e.starting:
		e.undo(*next)
	}
	return false
}

// undoable visits what has a rollback that applies. A nested runbook is undone by its own, or else step
// by step.
func (e *Engine) undoable(s *scope, visit func(part)) {
	for i := range s.doc.Steps {
		step := e.part(s, i)
		parts := []part{step}
		if step.written().ForEach != "" {
			parts = parts[:0]
			for k := range step.step.Items {
				parts = append(parts, step.at(k))
			}
		}
		for _, p := range parts {
			if p.of.Rollback != nil || p.applies() || p.of.Status == runbook.StatusRunning && p.written().Rollback != nil {
				visit(p)
			} else if p.of.Runbook != nil {
				e.undoable(e.inside(p), visit)
			}
		}
	}
}

// applies reports whether a part has come so far that its rollback undoes something.
func (p part) applies() bool {
	rollback := p.written().Rollback
	switch {
	case rollback == nil:
		return false
	case p.of.Status == runbook.StatusSuccess:
		return true
	case rollback.When != runbook.RollbackStarted || p.of.Status == runbook.StatusRunning:
		return false
	}
	return p.of.Ran || p.of.ran()
}

// ran reports whether the platform ran an execution, or may have.
func (x *Execution) ran() bool { return x.InstanceID != "" || x.MayRun }

// undo starts a rollback.
func (e *Engine) undo(p part) {
	now := e.now
	p.of.Rollbacks++
	p.of.Rollback = &Execution{Status: runbook.StatusRunning, StartedAt: &now, MayRun: true, Undoing: true}
	e.changed = true
	job, err := p.program.Rollback(p.i, e.knows(p))
	if err != nil {
		e.starting = false // what follows from that comes first
		e.endRollback(p, Ended{Outcome: Broken, Reason: err.Error()})
		return
	}
	p.of.Rollback.PlanID, p.of.Rollback.ModelID = job.Plan, job.Model
	e.do(Start{Key: p.key(true), Path: p.path, Job: job, Rollback: true, Outputs: Outputs{Limit: minOutputs}})
}

func (e *Engine) endRollback(p part, event Ended) {
	now := e.now
	undone := p.of.Rollback
	undone.Status, undone.Reason, undone.FinishedAt, undone.MayRun = runbook.StatusFailed, event.Reason, &now, event.MayRun
	switch event.Outcome {
	case Success:
		undone.Status = runbook.StatusSuccess
	case GivenUp:
		undone.Status, undone.Reason = runbook.StatusAborted, "an operator ended the rollback"
	}
	e.changed = true
}
