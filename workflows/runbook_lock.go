package workflows

import (
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/lock"
)

// heldLock is a lock that a run has, or has asked for.
type heldLock struct {
	use    lock.Use
	asking *reading        // the request, until it is delivered: what gives the lock back must not overtake it
	free   *engine.Release // what is to be given back, and freed once that is delivered
	freed  workflow.Future
}

// takeLock waits for the run's lock, where it has one, before anything else. Operators may end the run meanwhile, and so
// does its time.
func (r *runbookRun) takeLock() error {
	for _, command := range r.engine.TakeLock(workflow.Now(r.ctx)) {
		r.do(command)
	}
	for r.engine.Lock.Waits() {
		if err := workflow.Await(r.kept, r.arrived); err != nil {
			return err // a context that is never cancelled
		}
		r.advance()
	}
	return nil
}

// giveLockBack is for a run that is refused before it begins.
func (r *runbookRun) giveLockBack() error {
	for _, command := range r.engine.GiveLockBack(workflow.Now(r.ctx)) {
		r.do(command)
	}
	for r.advanceLocks(); !r.free(); r.advanceLocks() {
		if err := workflow.Await(r.kept, r.lockArrived); err != nil {
			return err // a context that is never cancelled
		}
	}
	return nil
}

// acquire asks for a lock.
func (r *runbookRun) acquire(command engine.Acquire) {
	var a *activities.Activities
	use := r.use(command)
	r.locks = append(r.locks, &heldLock{use: use, asking: readPatiently(r.kept, a.DpaAskForLock, use)})
}

// use names a runbook of this run to its lock: the same after a reset, and in every run of the chain.
func (r *runbookRun) use(of engine.Acquire) lock.Use {
	info := workflow.GetInfo(r.ctx)
	return lock.Use{Name: of.Name, Holder: lock.Holder{
		WorkflowID: info.WorkflowExecution.ID, Chain: info.FirstRunID, Key: of.Key, Step: of.Path,
		Runbook: of.Runbook, StartedBy: r.in.StartedBy, Since: workflow.Now(r.ctx),
	}}
}

// usesAround are the locks that what runs at a path is under.
func (r *runbookRun) usesAround(path string) (uses []lock.Use) {
	for _, of := range r.engine.Locks() {
		if of.Path == "" || strings.HasPrefix(path, of.Path+"/") {
			uses = append(uses, r.use(of))
		}
	}
	return uses
}

func (r *runbookRun) release(command engine.Release) {
	for _, held := range r.locks {
		if held.use.Key == command.Key && held.free == nil {
			held.free = &command
		}
	}
}

// advanceLocks does what there is to be done about locks.
func (r *runbookRun) advanceLocks() {
	for _, held := range r.locks {
		if held.asking.done() {
			if err := held.asking.get(nil); err != nil {
				workflow.GetLogger(r.ctx).Error("the lock cannot be asked for", "lock", held.use.Name, "error", err)
			}
			held.asking = nil
		}
		if held.asking == nil && held.free != nil && held.freed == nil {
			held.freed = workflow.SignalExternalWorkflow(r.kept, lock.ID(held.use.Name), "", lock.Request,
				lock.Requested{Holder: held.use.Holder, Release: true, Left: held.free.Left})
		}
	}
	r.locks = slices.DeleteFunc(r.locks, func(held *heldLock) bool {
		return held.freed != nil && held.freed.IsReady() // where the lock's workflow is not there, nobody waits
	})
}

// lockArrived reports whether there is something to do about a lock.
func (r *runbookRun) lockArrived() bool {
	return slices.ContainsFunc(r.locks, func(held *heldLock) bool {
		return held.asking != nil && held.asking.ready() || held.freed != nil && held.freed.IsReady() || r.lockAnswers(held).Len() > 0
	})
}

// free reports whether all that was to be given back has been.
func (r *runbookRun) free() bool {
	return !slices.ContainsFunc(r.locks, func(held *heldLock) bool { return held.free != nil })
}

// lockQuiet reports whether nothing about a lock is under way.
func (r *runbookRun) lockQuiet() bool {
	return r.free() && !slices.ContainsFunc(r.locks, func(held *heldLock) bool { return held.asking != nil })
}

func (r *runbookRun) lockAnswers(held *heldLock) workflow.ReceiveChannel {
	return workflow.GetSignalChannel(r.ctx, lock.Signal(held.use.Key))
}

// lockEvents takes the answers that have come.
func (r *runbookRun) lockEvents() (events []engine.Event) {
	for _, held := range r.locks {
		for answer := (lock.Answer{}); r.lockAnswers(held).ReceiveAsync(&answer); answer = (lock.Answer{}) {
			events = append(events, engine.LockAnswered{Key: held.use.Key, Answer: answer})
		}
	}
	return events
}
