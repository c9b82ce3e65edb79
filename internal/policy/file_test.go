package policy

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/dpaflow/dpaflow/activities"
)

// measured is dpaflow_policy by its states.
func measured(t *testing.T, reader *sdkmetric.ManualReader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &all))
	states := map[string]int64{}
	for _, point := range all.ScopeMetrics[0].Metrics[0].Data.(metricdata.Gauge[int64]).DataPoints {
		state, _ := point.Attributes.Value("state")
		states[state.AsString()] = point.Value
	}
	return states
}

func TestAPolicyIsReadAgainWhenItChangesAndFreezesEverythingWhileItCannotBeRead(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "policy.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(name, []byte(text), 0o600)) }
	reader := sdkmetric.NewManualReader()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	open := func() (*File, error) { return Open(name, slog.New(slog.DiscardHandler), meters) }
	_, err := open()
	require.ErrorContains(t, err, "DPA_POLICY_FILE")
	write("plans: [a")
	_, err = open()
	require.ErrorContains(t, err, "DPA_POLICY_FILE", "a program does not start without knowing what it may run")

	write("plans: [a]")
	f, err := open()
	require.NoError(t, err)
	require.Empty(t, f.Check(activities.PolicyTrigger{PlanID: "a"}))
	require.NotEmpty(t, f.Check(activities.PolicyTrigger{PlanID: "b"}))
	require.Empty(t, f.Frozen())
	require.Equal(t, map[string]int64{"frozen": 0, "unreadable": 0}, measured(t, reader))

	write("{plans: [b], frozen: audit}")
	require.NotEmpty(t, f.Check(activities.PolicyTrigger{PlanID: "a"}))
	require.Empty(t, f.Check(activities.PolicyTrigger{PlanID: "b"}))
	require.Equal(t, "audit", f.Frozen())
	require.Equal(t, map[string]int64{"frozen": 1, "unreadable": 0}, measured(t, reader))

	for _, broken := range []string{"", "plans: [a", "plans: x", strings.Repeat("#", maxFile+1)} {
		write(broken)
		require.Contains(t, f.Frozen(), "DPA_POLICY_FILE")
		require.NotEmpty(t, f.Check(activities.PolicyTrigger{PlanID: "a"}), "what was read last still counts")
		require.Equal(t, map[string]int64{"frozen": 0, "unreadable": 1}, measured(t, reader))
	}
	require.NoError(t, os.Remove(name))
	require.Contains(t, f.Frozen(), "no such file")

	write("plans: [a]")
	require.Empty(t, f.Frozen())
	require.Empty(t, f.Check(activities.PolicyTrigger{PlanID: "a"}))
}
