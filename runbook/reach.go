package runbook

import "slices"

// ends is a set of the ways in which a step can end.
type ends uint8

const (
	succeeds    ends = 1 << iota
	skips            // by its condition, or because all that it needs were
	unreachable      // skipped because what it needs can no longer happen
	fails
	aborts
)

// reach finds how the steps of a document can end, as its needs and conditions let them: operators aside, who can
// skip anything. Of those of Finally it knows nothing.
type reach struct {
	*Document
	needs [][]Edge
	order []int
}

func reachOf(d *Document) *reach {
	needs := resolve(d.Steps, "")
	return &reach{d, needs, order(needs)}
}

// world is what is supposed to have happened: how some steps ended, and whether the runbook goes on all the time.
type world struct {
	given map[int]ends
	open  bool
}

// can returns how each step can end in a world, and whether it can have run there.
func (r *reach) can(w world) (all []ends, runs []bool) {
	all, runs = make([]ends, len(r.Steps)), make([]bool, len(r.Steps))
	after := make([]bool, len(r.Steps)) // something that ended the runbook
	for _, i := range r.order {
		met, skipped, lost := r.outlook(i, all)
		after[i] = r.follows(i, after)
		runs[i] = met && (!after[i] || r.handles(i, all) && !r.Steps[i].Asks())
		if runs[i] {
			all[i] |= r.ran(i, w)
		}
		if skipped {
			all[i] |= skips
		}
		if lost {
			all[i] |= unreachable
		}
		if given, known := w.given[i]; known {
			all[i] &= given
			after[i] = after[i] || given == fails && r.FailureOf(i) != ContinueOnFailure
		}
	}
	return all, runs
}

// ran is how a step that runs can end.
func (r *reach) ran(i int, w world) ends {
	step, can := &r.Steps[i], succeeds|aborts
	if step.When != "" {
		can |= skips
	}
	if step.When != "" || step.Wait == nil {
		can |= fails
	}
	if w.open {
		can &^= aborts
	}
	if w.open && r.FailureOf(i) != ContinueOnFailure {
		can &^= fails
	}
	return can
}

// outlook says what can be said of all that a step needs.
func (r *reach) outlook(i int, all []ends) (met, skipped, lost bool) {
	needs := r.needs[i]
	any := r.Steps[i].Join == JoinAny && len(needs) > 0
	met, skipped = !any, any
	none := any // of them is met
	for _, need := range needs {
		m, s, l := r.need(need, all[need.Step])
		if !any {
			met, lost = met && (m || s), lost || l
			continue
		}
		met, skipped, none, lost = met || m, skipped && s, none && (s || l), lost || l
	}
	return met, skipped, lost && (!any || none)
}

// need says what can be said of one need.
func (r *reach) need(need Edge, can ends) (met, skipped, lost bool) {
	takes, skip := succeeds, skips // on: success, and what a skip is taken for
	switch need.On {
	case "":
		if r.FailureOf(need.Step) == ContinueOnFailure {
			takes |= fails
		}
	case OnFailed:
		takes, skip = fails, 0
	case OnEnd:
		takes, skip = succeeds|fails|aborts, skips|unreachable
	}
	return can&takes != 0, can&skip != 0, can&^(takes|skip) != 0
}

// follows reports whether a step can only start after something that ended the runbook.
func (r *reach) follows(i int, after []bool) bool {
	is := func(need Edge) bool { return after[need.Step] }
	if r.Steps[i].Join != JoinAny {
		return slices.ContainsFunc(r.needs[i], is)
	}
	return len(r.needs[i]) > 0 && !slices.ContainsFunc(r.needs[i], func(need Edge) bool { return !is(need) })
}

// handles reports whether a step can be a handler of one that failed.
func (r *reach) handles(i int, all []ends) bool {
	return slices.ContainsFunc(r.needs[i], func(need Edge) bool {
		return (need.On == OnFailed || need.On == OnEnd) && all[need.Step]&fails != 0
	})
}

// neverRuns reports whether a step that waits for failures can never run.
func (r *reach) neverRuns(i int) bool {
	failed := map[int]ends{}
	worlds := []world{{given: failed}}
	for _, need := range r.needs[i] {
		if need.On != OnFailed {
			continue
		}
		if failed[need.Step] = fails; r.Steps[i].Join == JoinAny {
			delete(failed, need.Step)
			worlds = append(worlds, world{given: map[int]ends{need.Step: fails}})
		}
	}
	return len(failed)+len(worlds) > 1 && !slices.ContainsFunc(worlds, func(w world) bool {
		all, runs := r.can(w)
		for _, need := range r.needs[i] { // any that could not have failed is enough
			if _, given := w.given[need.Step]; given && all[need.Step] == 0 {
				return false
			}
		}
		return runs[i]
	})
}

// readsSkipped reports whether a step can run though another one, which comes before it, was skipped. Its condition
// may keep it from that.
func (r *reach) readsSkipped(reader, of int, sameCondition bool) bool {
	handles := slices.ContainsFunc(r.needs[reader], func(need Edge) bool {
		return need.Step != of && (need.On == OnFailed || need.On == OnEnd)
	})
	for _, how := range []ends{skips, unreachable} {
		if how == skips && sameCondition {
			continue
		}
		all, runs := r.can(world{given: map[int]ends{of: how}, open: !handles})
		if all[of] != 0 && runs[reader] {
			return true
		}
	}
	return false
}
