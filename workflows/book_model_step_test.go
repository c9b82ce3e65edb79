package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// attempt does what a step is there for.
func (r *run) attempt(i int) {
	step := r.doc.Steps[i]
	ended := func(ok bool) { r.ended(i, ok) }
	switch {
	case step.ForEach != "":
		r.each(i)
	case step.Wait > 0:
		r.then(time.Duration(step.Wait), func() { ended(true) })
	case step.Approval != nil:
		after, ok := time.Duration(step.Approval.Timeout), step.Approval.OnTimeout == runbook.ApproveOnTimeout
		if answer := r.Answers[step.ID]; answer != "" {
			after, ok = r.takes(answer+step.ID, len(r.Acts)), answer == "approve"
			r.then(after, func() { r.Acts = append(r.Acts, act{r.now, answer, step.ID}); ended(ok) })
			return
		}
		r.then(after, func() { ended(ok) })
	case step.Runbook != nil:
		r.inside[i] = r.play(step.Runbook, func(failed string) {
			if delete(r.inside, i); r.stopped {
				r.state[i] = StatusAborted
			} else {
				ended(failed == "")
			}
			r.settle()
		})
	default:
		r.fire(step.ID, step.Retries, ended)
	}
}

// fire triggers a plan, and again as often as it may be.
func (r *run) fire(label string, retries int, then func(ok bool)) {
	n := len(r.Triggers[label])
	r.Triggers[label] = append(r.Triggers[label], r.now)
	r.under[label] = true
	r.then(r.takes(label, n), func() {
		delete(r.under, label)
		if ok := n >= r.Fails[label]; ok || retries == 0 {
			then(ok)
		} else {
			r.fire(label, retries-1, then)
		}
	})
}

func (r *run) each(i int) {
	step := r.doc.Steps[i]
	count, next, under, failures := items(step.ForEach), 0, 0, 0
	tooMany := func() bool {
		if step.MaxFailures.Percent > 0 {
			return failures*100 > step.MaxFailures.Percent*count
		}
		return failures > step.MaxFailures.Count
	}
	var more func()
	more = func() {
		for ; next < count && !tooMany() && (step.MaxParallel == 0 || under < step.MaxParallel); next++ {
			label := fmt.Sprintf("%s[%d]", step.ID, next)
			if r.kept[label] {
				continue
			}
			under++
			r.fire(label, step.Retries, func(ok bool) {
				under--
				r.kept[label] = ok
				if !ok {
					failures++
				}
				more()
			})
		}
		if under == 0 {
			r.ended(i, !tooMany())
		}
	}
	more()
}

// instance is the id of what a trigger starts.
func instance(label string, n int) string { return fmt.Sprintf("%s.%d", label, n) }

// items counts those of a list such as [1, 2].
func items(list string) int {
	return len(strings.FieldsFunc(list, func(c rune) bool { return strings.ContainsRune("[], ", c) }))
}

func (r *run) ended(i int, ok bool) {
	if ok {
		r.state[i] = StatusSuccess
		r.order = append(r.order, i)
		return
	}
	switch policy := r.policy(i); policy {
	case runbook.PauseOnFailure:
		r.ask(i)
		return
	case runbook.ContinueOnFailure:
	default:
		if r.ending == "" {
			r.ending = string(policy)
		}
	}
	r.state[i] = StatusFailed
}

// ask has the operator decide about a failed step.
func (r *run) ask(i int) {
	r.waits[i] = true
	id := r.doc.Steps[i].ID
	decision := "skip"
	if n := r.asked[id]; n < len(r.Decides[id]) {
		decision = r.Decides[id][n]
	}
	r.asked[id]++
	r.then(r.takes(decision+id, len(r.Acts)), func() {
		r.Acts = append(r.Acts, act{r.now, decision, id})
		if decision == "abort" {
			r.abort()
			return
		}
		delete(r.waits, i)
		if decision == "skip" {
			r.state[i] = StatusSkipped
		} else {
			r.attempt(i)
		}
	})
}

// abort ends all waiting. A nested runbook that is being rolled back goes on with that.
func (r *run) abort() {
	if r.finished {
		return
	}
	r.stopped, r.ending = true, "aborted"
	for label := range r.under {
		r.Left = append(r.Left, instance(label, len(r.Triggers[label])-1))
	}
	for i, state := range r.state {
		switch {
		case r.waits[i]:
			r.state[i] = StatusFailed
		case r.inside[i] != nil:
			r.inside[i].abort()
		case state == StatusRunning:
			r.state[i] = StatusAborted
		}
	}
	r.settle()
}

// rollbacks are the labels of what is undone, in that order, and for each its step.
func (r *run) rollbacks() (labels []string, steps []string) {
	for _, i := range slices.Backward(r.order) {
		step := r.doc.Steps[i]
		if step.Rollback == nil {
			continue
		}
		r.Undone[step.ID] = StatusSuccess
		if step.ForEach == "" {
			labels, steps = append(labels, step.ID+"~rollback"), append(steps, step.ID)
		}
		for item := items(step.ForEach) - 1; item >= 0; item-- {
			if label := fmt.Sprintf("%s[%d]", step.ID, item); r.kept[label] {
				labels, steps = append(labels, label+"~rollback"), append(steps, step.ID)
			}
		}
	}
	return labels, steps
}

func (r *run) undo(labels, steps []string) {
	if len(labels) == 0 {
		r.end()
		return
	}
	r.fire(labels[0], 0, func(ok bool) {
		if !ok {
			r.Undone[steps[0]] = StatusFailed
		}
		r.undo(labels[1:], steps[1:])
	})
}

// end writes down what became of each step.
func (r *run) end() {
	failed := ""
	for i, state := range r.state {
		switch {
		case state == "":
			state = StatusAborted
		case state == lost:
			state = StatusSkipped
		case state == StatusFailed && r.policy(i) != runbook.ContinueOnFailure:
			failed = ErrorRunbookFailed
		}
		r.Steps[r.doc.Steps[i].ID] = state
	}
	if r.ending == "aborted" {
		failed = ErrorRunbookAborted
	}
	r.tell(failed)
}
