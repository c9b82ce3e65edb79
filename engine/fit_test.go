package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

// large is a runbook with as many runs as there may be.
func large() string {
	var steps, reads strings.Builder
	for i := range 9 {
		fmt.Fprintf(&reads, " && steps['check-of-the-hosts-%d'].items[999].outputs['output'] != ''", i)
		fmt.Fprintf(&steps, "  - {id: check-of-the-hosts-%d, plan: acf42dd%d, forEach: vars.hosts, maxParallel: 50}\n", i, i)
	}
	hosts := make([]string, 1000)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("web%04d.example.com", i)
	}
	return "name: r\nonFailure: abort\nvars: {hosts: [" + strings.Join(hosts, ", ") + "]}\nsteps:\n" + steps.String() +
		"  - {id: last, plan: p, when: \"true" + reads.String() + "\"}\n"
}

// runs answers what is started with success, and with outputs as large as they may be.
func (r *script) runs(outputs string) {
	commands := r.e.Next(r.now)
	for len(commands) > 0 {
		var events []Event
		for _, command := range commands {
			if start, is := command.(Start); is {
				r.number++
				result := strings.Repeat(outputs, 1+start.Limit/max(1, len(outputs)))[:max(0, start.Limit-80)]
				events = append(events, Ended{
					Key: start.Key, Outcome: Success, InstanceID: fmt.Sprintf("in1000%06d", r.number), ObservedBy: "callback",
					Outputs: []runbook.ModelOutputs{{ModelID: "md1606743910508", ModelName: "模型", Nodes: []runbook.NodeOutput{{Name: "output", Result: result}}}},
				})
			}
		}
		if events == nil {
			return
		}
		commands = r.e.Next(r.now, events...)
	}
}

func TestAStepThatDoesNotFitHoweverMuchIsLeftOutIsLeftOutWhole(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", maxResult)
	for name, test := range map[string]struct {
		step Step
		fits bool
	}{
		"small":        {Step{ID: "a"}, true},
		"large params": {Step{ID: "a", Params: map[string]string{"p": large}}, true},
		"large items":  {Step{ID: "a", Items: []Step{{Item: json.RawMessage(`"` + large + `"`)}}}, false},
	} {
		fitted, fits := test.step.Fit()
		require.Equal(t, test.fits, fits, name)
		require.LessOrEqual(t, sizeOf(fitted), maxResult, name)
	}
}

func TestTheResultOfTheLargestRunbookFitsIntoWhatTemporalTakes(t *testing.T) {
	t.Parallel()
	r := open(t, large())
	r.e.Begin()
	r.runs("the free space of the disk is 12 GB ")
	require.NotNil(t, r.e.FinishedAt)
	require.Equal(t, "FAILED", r.step("last").Status, "outputs that were left out are not used")
	require.Contains(t, r.step("last").Reason, "too large")

	whole := r.e.Result()
	t.Logf("%d bytes, with %d bytes of outputs", sizeOf(whole), r.e.OutputBytes)
	require.Greater(t, sizeOf(whole), maxResult)
	require.LessOrEqual(t, r.e.OutputBytes, outputsLimit)
	fitted := whole.Fit()
	t.Logf("%d bytes: %s", sizeOf(fitted), fitted.Cut)
	require.LessOrEqual(t, sizeOf(fitted), maxResult)
	require.NotEmpty(t, fitted.Cut)
	require.Len(t, fitted.Steps, 10)
	require.NotEqual(t, whole, fitted, "what the engine knows stays")

	kept, err := r.e.Encode()
	require.NoError(t, err)
	t.Logf("%d bytes are carried on", len(kept))
	require.Less(t, len(kept), 1<<20)

	earlier := fitted
	text, err := json.Marshal(fitted)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &earlier))
	next := r.program.New(noon, Options{})
	require.NoError(t, next.Resume("w", earlier, Choices{}), "what a run that continues it has to know is there")
	next.Begin()
	require.Len(t, next.Next(noon), 1, "and nothing runs again but what failed")
}

// listing is a runbook of 50 steps, each of which passes a list of 1,000 hosts on to the next, beside what nobody reads.
func listing(extra string) string {
	var steps strings.Builder
	steps.WriteString("  - {id: s0, plan: p}\n")
	for i := range 49 {
		fmt.Fprintf(&steps, "  - {id: s%d, plan: p, params: {md: {HOSTS: \"${{ steps.s%d.outputs['hosts'] }}\"}}%s}\n", i+1, i, extra)
	}
	return "name: r\nonFailure: abort\nsteps:\n" + steps.String()
}

func TestAThousandHostsPassFromStepToStepInARunbookOfFifty(t *testing.T) {
	t.Parallel()
	hosts := make([]string, 1000)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("web%04d.production.example.com", i)
	}
	list := strings.Join(hosts, "\n")
	r := open(t, listing(", rollback: {plan: u}"))
	r.e.Begin()
	passed := 0
	for commands := r.e.Next(noon); r.e.FinishedAt == nil; {
		start := commands[0].(Start)
		require.GreaterOrEqual(t, start.Limit, 40_000)
		if passed > 0 {
			require.Equal(t, list, start.Job.Params["md"].Inputs["HOSTS"].Text)
		}
		passed++
		require.Equal(t, passed < 50, len(start.Read) == 1, "what nobody reads need not be large")
		commands = r.e.Next(noon, Ended{Key: start.Key, Outcome: Success, InstanceID: "in1", Outputs: []runbook.ModelOutputs{{
			ModelID: "md", Nodes: []runbook.NodeOutput{{Name: "hosts", Result: list}},
		}}})
	}
	require.Equal(t, 50, passed)
	require.LessOrEqual(t, r.e.OutputBytes, outputsLimit)
	require.LessOrEqual(t, sizeOf(r.e.Result().Fit()), maxResult)
	kept, err := r.e.Encode()
	require.NoError(t, err)
	require.Less(t, len(kept), 1<<20)
}

func TestWhatIsReadHasRoomBeforeWhatIsNotOrNotAnyMore(t *testing.T) {
	t.Parallel()
	r := begin(t, `
name: r
steps:
  - {id: shown, plan: p, needs: []}
  - {id: spent, plan: p, needs: []}
  - {id: reader, plan: p, needs: [spent], when: "steps.spent.outputs['x'] != ''"}
  - {id: open, plan: p, needs: []}
  - {id: late, plan: p, needs: [reader]}
  - {id: last, plan: p, needs: [open, late], when: "steps.open.outputs['x'] != '' && steps.late.outputs['x'] != ''"}
`)
	gives := func(key string, bytes int) {
		r.next(Ended{Key: key, Outcome: Success, InstanceID: "in", Outputs: []runbook.ModelOutputs{{
			Nodes: []runbook.NodeOutput{{Name: "x", Result: strings.Repeat("x", bytes)}},
		}}})
	}
	gives("shown.1", 500<<10)
	gives("spent.1", 700<<10)
	gives("reader.1", 10)
	gives("open.1", 700<<10)
	require.False(t, r.step("shown").Cut)
	gives("late.1", 900<<10)
	r.does("start last.1")
	require.True(t, r.step("shown").Cut, "nobody reads it")
	require.True(t, r.step("spent").Cut, "nobody reads it any more")
	require.False(t, r.step("open").Cut)
	require.LessOrEqual(t, r.e.OutputBytes, outputsLimit)
}

func TestARunIsCarriedOnWithoutWhatHasNoRoom(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps:\n- {id: a, plan: p}\n- {id: b, plan: p, when: \"steps.a.outputs['x'] != ''\"}\n- {id: c, plan: p, when: \"steps.a.outputs['x'] != ''\"}")
	outputs := []runbook.ModelOutputs{{Nodes: []runbook.NodeOutput{{Name: "x", Result: "x"}}}}
	r.next(Ended{Key: "a.1", Outcome: Success, InstanceID: "in", Outputs: outputs})
	r.next(Ended{Key: "b.1", Outcome: Success, InstanceID: "in", Outputs: outputs})
	for level, more := 0, true; more; level++ {
		more = r.e.LeaveOutOutputs(level)
		require.Equal(t, level < 1, !r.step("b").Cut, level)
		require.Equal(t, more, !r.step("a").Cut, "what is to be read goes last")
	}
	require.Zero(t, r.e.OutputBytes)
}
