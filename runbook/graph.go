package runbook

import (
	"cmp"
	"slices"
)

// Edge is one step that another one needs, by its index, and the end of it that it takes.
type Edge struct {
	Step int
	On   On
}

// Graph is the order of a document's steps. Steps go by their index in the document.
type Graph struct {
	needs [][]Edge
	order []int
}

// Graph returns the order of the steps of a document that Validate found nothing wrong with.
func (d *Document) Graph() *Graph {
	needs, order := d.order()
	return &Graph{needs: needs, order: order}
}

// order finds the steps that each step needs, and sorts them so that each comes after what it needs; those of Finally
// come last.
func (d *Document) order() (needs [][]Edge, sorted []int) {
	needs = resolve(d.Steps, "")
	sorted = order(needs)
	final := resolve(d.Finally, OnEnd)
	for _, i := range order(final) {
		sorted = append(sorted, len(d.Steps)+i)
	}
	for _, edges := range final {
		for k := range edges {
			edges[k].Step += len(d.Steps)
		}
	}
	return append(needs, final...), sorted
}

// FailureOf returns what becomes of the runbook when a step fails: the step's own word, the document's
// or the default. Those of Finally have a default of their own: the runbook fails, and the others run.
func (d *Document) FailureOf(step int) OnFailure {
	if d.Final(step) {
		return cmp.Or(d.Step(step).OnFailure, AbortOnFailure)
	}
	return cmp.Or(d.Step(step).OnFailure, d.OnFailure, PauseOnFailure)
}

// Needs returns the steps that a step needs, the unwritten one included.
func (g *Graph) Needs(step int) []Edge { return g.needs[step] }

// Order returns all steps, each after those that it needs; where there is a choice, as they are written.
func (g *Graph) Order() []int { return g.order }

// resolve finds the steps that each step needs. Without needs it is an end of the one written before it; what is
// not there is left out.
func resolve(steps []Step, before On) [][]Edge {
	ids := make(map[string]int, len(steps))
	for i := len(steps) - 1; i >= 0; i-- {
		ids[steps[i].ID] = i
	}
	needs := make([][]Edge, len(steps))
	for i := range steps {
		if steps[i].Needs == nil && i > 0 {
			needs[i] = []Edge{{Step: i - 1, On: before}}
		}
		for _, need := range steps[i].Needs {
			if step, known := ids[need.Step]; known && step != i {
				needs[i] = append(needs[i], Edge{Step: step, On: need.On})
			}
		}
	}
	return needs
}

// order sorts the steps so that each comes after what it needs. Steps in or behind a circle are left out.
func order(needs [][]Edge) []int {
	followers := make([][]int, len(needs))
	left := make([]int, len(needs))
	var ready, order []int
	for i := range needs {
		left[i] = len(needs[i])
		if left[i] == 0 {
			ready = append(ready, i)
		}
		for _, edge := range needs[i] {
			followers[edge.Step] = append(followers[edge.Step], i)
		}
	}
	for len(ready) > 0 {
		step := ready[0]
		ready, order = ready[1:], append(order, step)
		for _, follower := range followers[step] {
			if left[follower]--; left[follower] == 0 {
				at, _ := slices.BinarySearch(ready, follower)
				ready = slices.Insert(ready, at, follower)
			}
		}
	}
	return order
}

// ancestors finds all that each step needs by way of others; of steps without an order nothing is known.
func ancestors(needs [][]Edge, order []int) []set {
	all := make([]set, len(needs))
	for _, step := range order {
		all[step] = make(set, len(needs)/64+1)
		for _, edge := range needs[step] {
			all[step].add(edge.Step)
			for word, bits := range all[edge.Step] {
				all[step][word] |= bits
			}
		}
	}
	return all
}

// set is a set of small numbers, a bit for each.
type set []uint64

func (s set) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s set) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// cycles returns the circles among the steps, each from its first step to the same again.
func cycles(needs [][]Edge) (found [][]int) {
	const unseen, open, done = 0, 1, 2
	state := make([]int, len(needs))
	var path []int
	var visit func(step int)
	visit = func(step int) {
		state[step] = open
		path = append(path, step)
		for _, edge := range needs[step] {
			switch state[edge.Step] {
			case unseen:
				visit(edge.Step)
			case open:
				from := slices.Index(path, edge.Step)
				found = append(found, rotate(path[from:]))
			}
		}
		path = path[:len(path)-1]
		state[step] = done
	}
	for step := range needs {
		if state[step] == unseen {
			visit(step)
		}
	}
	return found
}

// rotate lets a circle begin, and end, with the step that is written first.
func rotate(circle []int) []int {
	first := slices.Index(circle, slices.Min(circle))
	return slices.Concat(circle[first:], circle[:first], []int{circle[first]})
}
