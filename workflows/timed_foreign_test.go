package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/signals"
)

func TestACallbackWhileARegistrationWaitsToBeSentAgainWaitsToo(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"hand": "in1", "earlier": execution.Key("another-run", "p.1", 1, true)} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			answers := []func(string) (activities.Triggered, error){refused(activities.ErrorTriggerNotSent), triggered("")}
			b.onScene(func(key string) (activities.Triggered, error) { return answers[min(len(b.scenes), 2)-1](key) })
			b.onOutputs("0")
			b.RegisterDelayedCallback(func() {
				b.SignalWorkflow(signals.SignalName(address), signals.Callback{InstanceID: "in1", Status: "SUCCESS"})
			}, 500*time.Millisecond)
			b.call(time.Hour, "in2", "SUCCESS")
			result, err := b.runTimed(cycle(2))
			require.NoError(t, err)
			require.Len(t, b.scenes, 2)
			require.Len(t, result.Runs, 2)
		})
	}
}
