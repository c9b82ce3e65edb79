package telemetry

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric"

	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestMain(m *testing.M) {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "OTEL_") {
			_ = os.Unsetenv(name) // the tests set their own
		}
	}
	os.Exit(wait.Run(m))
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, answer.Code)
	return answer.Body.String()
}

func TestOwnMetricsAndThoseOfTheSDKAreServedTogether(t *testing.T) {
	t.Parallel()
	m, err := NewMetrics(t.Context(), "test", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	calls, err := m.MeterProvider().Meter("test").Float64Histogram("dpaflow_platform_calls", metric.WithUnit("s"))
	require.NoError(t, err)
	calls.Record(t.Context(), 0.2)
	sdk := m.Temporal().WithTags(map[string]string{"task_queue": "dpa"})
	sdk.Counter("temporal_request").Inc(3)
	sdk.Timer("temporal_workflow_endtoend_latency").Record(2 * time.Hour)

	text := scrape(t, m)
	require.Contains(t, text, `dpaflow_platform_calls_seconds_bucket{le="0.25"} 1`)
	require.Contains(t, text, `dpaflow_platform_calls_seconds_bucket{le="0.1"} 0`, "boundaries are seconds, not milliseconds")
	require.Contains(t, text, `temporal_request_total{task_queue="dpa"} 3`)
	require.Contains(t, text, `temporal_workflow_endtoend_latency_seconds_bucket{task_queue="dpa",le="21600"} 1`)
	require.Contains(t, text, "go_goroutines")
	m.Shutdown()
}

func TestLogsAreJSONWhenNobodyLooks(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer file.Close()
	logger := NewLogger(file, slog.LevelWarn)
	logger.Info("not worth it")
	logger.Warn("worth it", "instance", "in10000001")

	data, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	var line map[string]any
	require.NoError(t, json.Unmarshal(data, &line), "exactly one line")
	require.Equal(t, "worth it", line["msg"])
	require.Equal(t, "in10000001", line["instance"])
}
