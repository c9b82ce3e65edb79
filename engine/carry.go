package engine

import (
	"slices"

	"github.com/dpaflow/dpaflow/runbook"
)

// carry puts what has become of the steps of an earlier attempt into a new one: what is done stays done,
// unless nothing is to be kept, and everything else waits for its next attempt.
func carry(n *node, run *Run, before []Step, keep bool) {
	for _, old := range before {
		if i, known := n.ids[old.ID]; known {
			run.Steps[i] = carried(n.doc.Step(i), old, keep && !n.doc.Final(i))
			run.Steps[i].Finally = n.doc.Final(i)
		}
	}
}

func carried(written *runbook.Step, old Step, keep bool) Step {
	old.Name = written.Name
	old.forget()
	before := slices.Clone(old.Items)
	for k := range before {
		before[k].forget()
	}
	if keep && old.done() {
		old.Items, old.Kept = before, true
		return old
	}
	old.Items = nil
	for _, item := range before {
		if !keep || !item.done() {
			again(&item, written, keep)
		}
		if written.ForEach != "" {
			old.Items = append(old.Items, item)
		}
	}
	again(&old, written, keep)
	return old
}

func again(of *Step, written *runbook.Step, keep bool) {
	if of.Status != runbook.StatusWaiting || of.Rollback != nil {
		reopen(of, written)
	}
	of.Anew = of.Anew || !keep
	of.Asked = false
	of.countAnew()
}

// done reports whether a step or item is not to be run again: it succeeded, or an operator skipped it,
// and nothing of it was undone since.
func (s *Step) done() bool {
	return (s.Status == runbook.StatusSuccess || s.SkippedBy != "") && !s.undone()
}

// never reports whether an execution ended before it was triggered.
func (x *Execution) never() bool {
	return x.Status != runbook.StatusRunning && x.Status != runbook.StatusSuccess && !x.ran()
}

// forget puts a rollback that never ran among the earlier executions: it undid nothing, and may be started again.
func (s *Step) forget() {
	if s.Rollback != nil && s.Rollback.never() {
		s.Earlier, s.Rollback = append(slices.Clone(s.Earlier), *s.Rollback), nil
	}
}

// undone reports whether a rollback of a step, or of something in it, was started.
func (s *Step) undone() bool {
	if s.Rollback != nil && !s.Rollback.never() {
		return true
	}
	for k := range s.Items {
		if s.Items[k].undone() {
			return true
		}
	}
	if s.Runbook == nil {
		return false
	}
	for i := range s.Runbook.Steps {
		if s.Runbook.Steps[i].undone() {
			return true
		}
	}
	return false
}

// mayRun names what the platform may still run of a step or item that is not done.
func (s *Step) mayRun(path string, note func(path string, of *Execution)) {
	if s.done() {
		return
	}
	if s.MayRun || s.InstanceID != "" && s.Status == runbook.StatusRunning { // whose outputs are being fetched
		note(path, &s.Execution)
	}
	if s.Rollback != nil && s.Rollback.MayRun {
		note(path, s.Rollback)
	}
	for i := range s.Earlier {
		if s.Earlier[i].MayRun {
			note(path, &s.Earlier[i])
		}
	}
	for k := range s.Items {
		s.Items[k].mayRun(path[:len(path)-len(s.ID)]+s.Items[k].ID, note)
	}
	if s.Runbook == nil {
		return
	}
	for i := range s.Runbook.Steps {
		s.Runbook.Steps[i].mayRun(path+"/"+s.Runbook.Steps[i].ID, note)
	}
}
