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
	var steps strings.Builder
	for i := range 9 {
		fmt.Fprintf(&steps, "  - {id: check-of-the-hosts-%d, plan: acf42dd%d, forEach: vars.hosts, maxParallel: 50}\n", i, i)
	}
	hosts := make([]string, 1000)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("web%04d.example.com", i)
	}
	return "name: r\nonFailure: abort\nvars: {hosts: [" + strings.Join(hosts, ", ") + "]}\nsteps:\n" + steps.String() +
		"  - {id: last, plan: p, when: \"steps['check-of-the-hosts-8'].items[999].outputs['output'] != ''\"}\n"
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
