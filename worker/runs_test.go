package main

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

// counting is a client that measures its calls, as the SDK's does.
type counting struct {
	client.Client
	provider *sdkmetric.MeterProvider
}

func (c counting) CountWorkflow(context.Context, *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	_, err := c.provider.Meter("temporal").Int64Counter("calls")
	return &workflowservice.CountWorkflowExecutionsResponse{Count: 3}, err
}

func TestReadingTheMetricsDoesNotWaitForACallThatIsMeasuredItself(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	index := newIndex(&connect.Client{Client: counting{provider: provider}}, slog.New(slog.DiscardHandler))
	index.registered.Store(true)
	require.NoError(t, measureRuns(provider, index))
	require.Eventually(t, func() bool {
		var all metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(t.Context(), &all))
		for _, scope := range all.ScopeMetrics {
			for _, found := range scope.Metrics {
				if gauge, ok := found.Data.(metricdata.Gauge[int64]); ok && found.Name == "dpaflow_runs" {
					return len(gauge.DataPoints) == 6 && gauge.DataPoints[0].Value == 3
				}
			}
		}
		return false
	}, wait.Limit, 10*time.Millisecond)
}
