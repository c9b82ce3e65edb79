package runbook

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestStepsComeAfterWhatTheyNeed(t *testing.T) {
	t.Parallel()
	g := parse(t, `{"name": "x", "steps": [
		{"id": "a", "plan": "p"}, {"id": "b", "plan": "p"}, {"id": "c", "plan": "p", "needs": []},
		{"id": "d", "plan": "p", "needs": ["f", {"step": "b", "on": "end"}]}, {"id": "e", "plan": "p"}, {"id": "f", "plan": "p", "needs": ["c"]}]}`).Graph()
	require.Equal(t, []int{0, 1, 2, 5, 3, 4}, g.Order())
	require.Equal(t, []Edge{{Step: 0}}, g.Needs(1), "the one before it")
	require.Empty(t, g.Needs(2), "none")
	require.Equal(t, []Edge{{Step: 5}, {Step: 1, On: OnEnd}}, g.Needs(3))
	require.True(t, g.Before(2, 4))
	require.False(t, g.Before(4, 2))
	require.False(t, g.Before(0, 5))
}

func TestNeedsAreMetByTheirEnds(t *testing.T) {
	t.Parallel()
	const ready, waits, never = "ready", "waits", "never"
	for _, c := range []struct {
		on        On
		onFailure OnFailure
		after     State
		want      string
	}{
		{"", "", Waiting, waits}, {"", "", Running, waits}, {"", "", Succeeded, ready}, {"", "", Skipped, ready},
		{"", "", Failed, never}, {"", "", Unreachable, never}, {"", "", Aborted, never},
		{"", ContinueOnFailure, Failed, ready}, {"", ContinueOnFailure, Aborted, never},
		{OnSuccess, "", Succeeded, ready}, {OnSuccess, "", Skipped, ready}, {OnSuccess, "", Failed, never},
		{OnSuccess, ContinueOnFailure, Failed, never},
		{OnFailed, "", Failed, ready}, {OnFailed, ContinueOnFailure, Failed, ready}, {OnFailed, "", Succeeded, never},
		{OnFailed, "", Skipped, never}, {OnFailed, "", Aborted, never}, {OnFailed, "", Running, waits},
		{OnEnd, "", Running, waits}, {OnEnd, "", Failed, ready}, {OnEnd, "", Unreachable, ready}, {OnEnd, "", Aborted, ready},
	} {
		first := Plan("a", "p", IfFailed(c.onFailure))
		g := New("x", first, Plan("b", "p", Needs(Need{Step: "a", On: c.on}))).Graph()
		got := waits
		mayStart, unreachable := g.Next([]State{c.after, Waiting})
		if slices.Contains(mayStart, 1) {
			got = ready
		} else if slices.Contains(unreachable, 1) {
			got = never
		}
		require.Equal(t, c.want, got, "on %q after %d with onFailure %q", c.on, c.after, c.onFailure)
	}
}

func TestWhatFollowsFromAnUnreachableStepIsToldAtOnce(t *testing.T) {
	t.Parallel()
	g := New("x", Plan("a", "p"), Plan("b", "p"), Plan("c", "p"), Plan("d", "p", Needs(Need{Step: "c", On: OnEnd}))).Graph()
	ready, unreachable := g.Next([]State{Failed, Waiting, Waiting, Waiting})
	require.Equal(t, []int{1, 2}, unreachable)
	require.Equal(t, []int{3}, ready)
}

// TestEveryRunEnds runs documents made at random, with ends made at random, against a model of its own.
func TestEveryRunEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		require.NoError(t, d.Validate())
		g := d.Graph()
		states := make([]State, len(d.Steps))
		started := make([]int, len(d.Steps))
		for {
			ready, unreachable := g.Next(states)
			for _, step := range unreachable {
				require.Equal(t, "never", expect(d, step, states), "step %d of %v", step, states)
				states[step] = Unreachable
			}
			for _, step := range ready {
				require.Equal(t, "ready", expect(d, step, states), "step %d of %v", step, states)
				started[step]++
				states[step] = Running
			}
			running := indices(states, Running)
			if len(running) == 0 {
				break
			}
			for _, step := range indices(states, Waiting) {
				require.Equal(t, "waits", expect(d, step, states), "step %d of %v", step, states)
			}
			ended := rapid.SampledFrom(running).Draw(t, "ended")
			states[ended] = rapid.SampledFrom([]State{Succeeded, Failed, Skipped, Aborted}).Draw(t, "end")
		}
		for step, state := range states {
			require.True(t, state.Ended(), "every step ends")
			require.LessOrEqual(t, started[step], 1, "no step starts twice")
			require.Equal(t, state == Unreachable, started[step] == 0)
		}
	})
}

func drawDocument(t *rapid.T) *Document {
	d := New("x", Option(func(d *Document) {
		d.OnFailure = rapid.SampledFrom([]OnFailure{"", ContinueOnFailure}).Draw(t, "default")
	}))
	count := rapid.IntRange(1, 12).Draw(t, "steps")
	// A step may need any that has a lower rank, wherever it is written.
	rank := rapid.Permutation(numbers(count)).Draw(t, "ranks")
	for i := range count {
		s := Plan(fmt.Sprintf("s%d", i), "p")
		s.Join = rapid.SampledFrom([]Join{"", JoinAll, JoinAny}).Draw(t, "join")
		s.OnFailure = rapid.SampledFrom([]OnFailure{"", PauseOnFailure, ContinueOnFailure}).Draw(t, "onFailure")
		if i == 0 || rank[i-1] > rank[i] || rapid.Bool().Draw(t, "explicit") {
			s.Needs = []Need{}
			for j := range count {
				if rank[j] < rank[i] && rapid.IntRange(0, 2).Draw(t, "needed") == 0 {
					on := rapid.SampledFrom([]On{"", OnSuccess, OnFailed, OnEnd}).Draw(t, "on")
					s.Needs = append(s.Needs, Need{Step: fmt.Sprintf("s%d", j), On: on})
				}
			}
		}
		d.Steps = append(d.Steps, s)
	}
	return d
}

// expect is what the words of the document say of a step, written down anew.
func expect(d *Document, step int, states []State) string {
	needs := d.Steps[step].Needs
	if needs == nil && step > 0 {
		needs = []Need{{Step: d.Steps[step-1].ID}}
	}
	happened, possible := 0, 0
	for _, need := range needs {
		i := slices.IndexFunc(d.Steps, func(s Step) bool { return s.ID == need.Step })
		onFailure := d.Steps[i].OnFailure
		if onFailure == "" {
			onFailure = d.OnFailure
		}
		good := map[On][]State{
			OnSuccess: {Succeeded, Skipped},
			OnFailed:  {Failed},
			OnEnd:     {Succeeded, Skipped, Failed, Unreachable, Aborted},
			"":        {Succeeded, Skipped},
		}
		if onFailure == ContinueOnFailure {
			good[""] = append(good[""], Failed)
		}
		switch {
		case slices.Contains(good[need.On], states[i]):
			happened, possible = happened+1, possible+1
		case states[i] == Waiting || states[i] == Running:
			possible++
		}
	}
	wanted := len(needs)
	if d.Steps[step].Join == JoinAny {
		wanted = min(1, wanted)
	}
	switch {
	case happened >= wanted:
		return "ready"
	case possible < wanted:
		return "never"
	}
	return "waits"
}

func numbers(count int) []int {
	all := make([]int, count)
	for i := range all {
		all[i] = i
	}
	return all
}

func indices(states []State, of State) (found []int) {
	for i, state := range states {
		if state == of {
			found = append(found, i)
		}
	}
	return found
}
