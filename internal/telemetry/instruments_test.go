package telemetry

import (
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

func sdkMetrics(t *testing.T) (client.MetricsHandler, *Metrics) {
	m, err := NewMetrics(t.Context(), "test", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(m.Shutdown)
	return m.Temporal(), m
}

// request is what the SDK counts and measures of one.
func request(h client.MetricsHandler, operation string) {
	h = h.WithTags(map[string]string{"operation": operation, "namespace": "default"})
	h.Counter("temporal_request").Inc(1)
	h.Timer("temporal_request_latency").Record(time.Second)
}

func TestWhatTheSDKCountsIsTheSameHoweverOftenItAsksForItsInstruments(t *testing.T) {
	t.Parallel()
	root, m := sdkMetrics(t)
	for range 3 {
		worker := root.WithTags(map[string]string{"task_queue": "dpa"})
		request(worker, "Signal")
		request(worker, "Poll")
		request(root, "Signal")
		worker.Gauge("temporal_num_pollers").Update(2)
	}
	text := scrape(t, m)
	for _, want := range []string{
		`temporal_request_total{namespace="default",operation="Signal",task_queue="dpa"} 3`,
		`temporal_request_total{namespace="default",operation="Poll",task_queue="dpa"} 3`,
		`temporal_request_total{namespace="default",operation="Signal"} 3`,
		`temporal_request_latency_seconds_count{namespace="default",operation="Signal",task_queue="dpa"} 3`,
		`temporal_num_pollers{task_queue="dpa"} 2`,
	} {
		require.Contains(t, text, want)
	}
	require.NotNil(t, opentelemetry.ExtractMetricsHandler(root), "the SDK's own is still to be had")
}

func TestTagsThatDifferAreNeverTakenForEachOther(t *testing.T) {
	t.Parallel()
	one := appendTags(nil, map[string]string{"a": "1", "b": "2"})
	require.Equal(t, one, appendTags(nil, map[string]string{"b": "2", "a": "1"}))
	for _, other := range []map[string]string{{"a": "1"}, {"a": "2", "b": "1"}, {"a": "1b", "": "2"}, {"a1": "", "b": "2"}, {"a": "1", "b": "2", "c": ""}} {
		require.NotEqual(t, one, appendTags(nil, other), "%v", other)
	}
}

func TestNoMoreIsKeptThanABoundHoweverManyTagsThereAre(t *testing.T) {
	t.Parallel()
	root, _ := sdkMetrics(t)
	for i := range 3 * maxKept {
		root.WithTags(map[string]string{"workflow_type": strconv.Itoa(i)})
	}
	require.LessOrEqual(t, len(root.(*instruments).tagged.made), maxKept)
}

// Not parallel: allocations are counted for the whole process.
func TestARequestToTemporalCostsFewAllocationsForItsMetrics(t *testing.T) {
	root, _ := sdkMetrics(t)
	require.LessOrEqual(t, testing.AllocsPerRun(200, func() { request(root, "Signal") }), 8.0)
}
