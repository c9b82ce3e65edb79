package telemetry

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
)

// logged is the one line that log writes.
func logged(t *testing.T, log func(*slog.Logger)) (line map[string]any) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer file.Close()
	log(NewLogger(file, slog.LevelInfo))
	data, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &line), "exactly one line")
	delete(line, "time")
	delete(line, "level")
	return line
}

func TestALineSaysWhatItsContextIsAbout(t *testing.T) {
	t.Parallel()
	ctx := withAttrs(t.Context(), []slog.Attr{slog.String("workflowId", "w"), slog.String("step", "s")})
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}))
	require.Equal(t, map[string]any{
		"msg": "a call", "own": "1", "workflowId": "w", "step": "s", "always": "2",
		"traceId": "01000000000000000000000000000000", "spanId": "0200000000000000",
	}, logged(t, func(l *slog.Logger) { l.With("always", "2").InfoContext(ctx, "a call", "own", "1") }))
	require.Equal(t, map[string]any{"msg": "a call"}, logged(t, func(l *slog.Logger) { l.InfoContext(context.Background(), "a call") }))
}

func TestNamesOfTemporalsSDKAreSpelledLikeOurs(t *testing.T) {
	t.Parallel()
	require.Equal(t, map[string]any{
		"msg": "WorkflowID", "workflowId": "1", "runId": "2", "activityType": "3", "error": "4", "traceId": "01000000000000000000000000000000",
		"id": "5", "own": "6", "group": map[string]any{"RunID": "7"},
	}, logged(t, func(l *slog.Logger) {
		l.With("WorkflowID", "1").Info("WorkflowID", "RunID", "2", "ActivityType", "3", "Error", "4", "TraceID", trace.TraceID{1},
			"ID", "5", "own", "6", slog.Group("group", "RunID", "7"))
	}))
}
