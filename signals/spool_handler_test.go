package signals

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestACallbackThatIsKeptIsAnsweredSuccess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	next := &faulty{away: true}
	s := openSpool(t, dir, next)
	b := newBench(t, func(c *HandlerConfig) { c.Deliverer = s })
	requireSuccess(t, b.post(planTarget(), planBody))
	require.Equal(t, map[string]int64{"plan/spooled": 1}, b.results())
	require.Contains(t, b.log.String(), "outcome=spooled")

	onDisk, err := os.ReadFile(filepath.Join(dir, spoolFile))
	require.NoError(t, err)
	require.Contains(t, string(onDisk), planTarget().WorkflowID)
	token := Token(b.keys, planTarget())
	require.NotContains(t, string(onDisk), token[:20], "no token on disk")
	require.NotContains(t, string(onDisk), token[len(token)-20:])

	next.set(false, nil)
	forwarding(t, s)
	requireEmpty(t, s)
	require.Equal(t, []news{{planTarget(), Callback{"in1", "SUCCESS"}}}, next.got)
}

func TestACallbackThatNobodyCanTakeIsRefused(t *testing.T) {
	t.Parallel()
	s := openSpool(t, t.TempDir(), &faulty{away: true})
	s.store.max = 0
	b := newBench(t, func(c *HandlerConfig) { c.Deliverer = s })
	requireRefused(t, http.StatusServiceUnavailable, b.post(planTarget(), planBody))
	require.Zero(t, s.store.queued.Load())
}

func TestTheSpoolIsMeasured(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	next := &faulty{away: true}
	s, err := OpenSpool(SpoolConfig{Dir: t.TempDir(), Namespace: namespace, Next: next, Logger: slog.New(slog.DiscardHandler),
		MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	require.NoError(t, err)
	defer s.Close()
	deliver(t, s, "w", "SUCCESS")
	backlog, oldest, results := spoolMeasured(t, reader)
	require.EqualValues(t, 1, backlog)
	require.Positive(t, oldest)
	require.Equal(t, map[string]int64{"spooled": 1, "stored": 0, "ended": 0, "missing": 0, "dead": 0}, results)

	next.set(false, nil)
	forwarding(t, s)
	requireEmpty(t, s)
	require.Eventually(t, func() bool {
		backlog, oldest, results = spoolMeasured(t, reader)
		return results["stored"] == 1
	}, waitFor, tick)
	require.Zero(t, backlog)
	require.Zero(t, oldest)
}

func spoolMeasured(t *testing.T, reader *sdkmetric.ManualReader) (backlog int64, oldest float64, results map[string]int64) {
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &all))
	results = map[string]int64{}
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch m.Name {
		case "dpaflow_spool_backlog":
			backlog = m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value
		case "dpaflow_spool_oldest_seconds":
			oldest = m.Data.(metricdata.Gauge[float64]).DataPoints[0].Value
		case "dpaflow_spool_news":
			for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
				result, _ := point.Attributes.Value("result")
				results[result.AsString()] = point.Value
			}
		}
	}
	return backlog, oldest, results
}
