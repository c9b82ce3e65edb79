package runbook

// State is what is known of a step while its runbook runs.
type State int

// The states of a step; the later ones are ends.
const (
	Waiting     State = iota // not started
	Running                  // started, or being asked about
	Succeeded                // SUCCESS
	Skipped                  // SKIPPED by its condition or an operator: counts as success
	Failed                   // FAILED
	Unreachable              // SKIPPED because what it needs can no longer happen
	Aborted                  // ABORTED
)

// Ended reports whether a state is an end.
func (s State) Ended() bool { return s >= Succeeded }

// Next returns which waiting steps may start now, and which never can: they end as Unreachable, and
// what follows from that is in the answer already. Both are in the order of Order. While a step runs or
// may start, the runbook goes on; where neither is so, all steps have ended.
func (g *Graph) Next(states []State) (ready, unreachable []int) {
	known := make([]State, len(states))
	copy(known, states)
	for _, step := range g.order {
		if known[step] != Waiting {
			continue
		}
		switch g.outlook(step, known) {
		case met:
			ready = append(ready, step)
		case lost:
			known[step] = Unreachable
			unreachable = append(unreachable, step)
		}
	}
	return ready, unreachable
}

// outlook is what can be said of a need, or of all that a step needs.
type outlook int

const (
	pending outlook = iota
	met
	lost
)

func (g *Graph) outlook(step int, states []State) outlook {
	needs := g.needs[step]
	if len(needs) == 0 {
		return met
	}
	var count [3]int
	for _, edge := range needs {
		count[edge.outlook(states[edge.Step], g.goesOn[edge.Step])]++
	}
	decisive, other := lost, met
	if g.any[step] {
		decisive, other = met, lost
	}
	switch {
	case count[decisive] > 0:
		return decisive
	case count[other] == len(needs):
		return other
	}
	return pending
}

func (e Edge) outlook(state State, goesOn bool) outlook {
	if !state.Ended() {
		return pending
	}
	success := state == Succeeded || state == Skipped
	happened := success || state == Failed && goesOn
	switch e.On {
	case OnSuccess:
		happened = success
	case OnFailed:
		happened = state == Failed
	case OnEnd:
		happened = true
	}
	if happened {
		return met
	}
	return lost
}
