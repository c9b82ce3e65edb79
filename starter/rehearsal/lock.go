package rehearsal

import (
	"fmt"
	"slices"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/lock"
)

// answer says what becomes of a runbook's request for a lock: other runs may have it, and other runbooks of this one.
func (r *Rehearsal) answer(to engine.Acquire) []engine.Command {
	answer := lock.Answer{Held: true}
	first := slices.IndexFunc(r.waiting, func(other engine.Acquire) bool { return other.Name == to.Name })
	if who := r.busy[to.Name]; who != "" {
		answer = lock.Answer{By: &lock.Holder{WorkflowID: who, Runbook: who, Since: begins}, Ahead: 1}
	} else if other := r.waiting[first]; other.Key != to.Key {
		answer = lock.Answer{By: &lock.Holder{WorkflowID: r.options.WorkflowID, Step: other.Path, Runbook: other.Runbook, Since: r.now}, Ahead: 1}
	}
	return r.next(engine.LockAnswered{Key: to.Key, Answer: answer})
}

func (r *Rehearsal) answerAll(name string) (left []engine.Command) {
	for _, to := range slices.Clone(r.waiting) {
		if to.Name == name {
			left = append(left, r.answer(to)...)
		}
	}
	return left
}

// free is another run that gives a lock back.
func (r *Rehearsal) free(name string) error {
	if r.busy[name] == "" {
		return fmt.Errorf("no other run has lock %s", name)
	}
	delete(r.busy, name)
	r.answerAll(name)
	r.next()
	return nil
}

// waitsForLocks are the locks that are waited for.
func waitsForLocks(result engine.Result) []string {
	names := []string{}
	note := func(of *engine.Lock) {
		if of.Waits() {
			names = append(names, of.Name)
		}
	}
	var each func(steps []engine.Step)
	each = func(steps []engine.Step) {
		for i := range steps {
			if steps[i].Runbook != nil {
				note(steps[i].Runbook.Lock)
				each(steps[i].Runbook.Steps)
			}
			each(steps[i].Items)
		}
	}
	note(result.Lock)
	each(result.Steps)
	return sorted(names)
}
