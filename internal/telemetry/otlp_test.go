package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/wait"
)

// The tests here set variables of the process, so they do not run in parallel.

func TestTheStandardVariablesDecideWhatIsExported(t *testing.T) {
	const http, grpc = "http/protobuf", "grpc"
	for name, test := range map[string]struct {
		env             map[string]string
		traces, metrics string
		warning         string
	}{
		"nothing is set":     {},
		"one collector":      {env: map[string]string{"ENDPOINT": "http://c"}, traces: http, metrics: http},
		"gRPC":               {env: map[string]string{"ENDPOINT": "http://c", "PROTOCOL": "grpc"}, traces: grpc, metrics: grpc},
		"traces alone":       {env: map[string]string{"TRACES_ENDPOINT": "http://c"}, traces: http},
		"metrics alone":      {env: map[string]string{"METRICS_ENDPOINT": "http://c"}, metrics: http},
		"one by gRPC":        {env: map[string]string{"ENDPOINT": "http://c", "TRACES_PROTOCOL": "grpc"}, traces: grpc, metrics: http},
		"disabled":           {env: map[string]string{"ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "True"}},
		"not disabled":       {env: map[string]string{"ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "false"}, traces: http, metrics: http},
		"no exporter":        {env: map[string]string{"ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, metrics: http},
		"where it always is": {env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, traces: http},
		"Prometheus alone":   {env: map[string]string{"ENDPOINT": "http://c", "OTEL_METRICS_EXPORTER": "prometheus"}, traces: http},
		"both":               {env: map[string]string{"OTEL_METRICS_EXPORTER": "prometheus, otlp"}, metrics: http},
		"another exporter": {env: map[string]string{"ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "zipkin"}, metrics: http,
			warning: "OTEL_TRACES_EXPORTER has an exporter that there is not"},
		"another protocol": {env: map[string]string{"TRACES_ENDPOINT": "http://c", "PROTOCOL": "http/json"}, traces: http,
			warning: "OTEL_EXPORTER_OTLP_PROTOCOL is neither"},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range test.env {
				if name[:4] != "OTEL" {
					name = "OTEL_EXPORTER_OTLP_" + name
				}
				t.Setenv(name, value)
			}
			var log bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&log, nil))
			require.Equal(t, test.traces, exports("TRACES", logger))
			require.Equal(t, test.metrics, exports("METRICS", logger))
			require.Contains(t, log.String(), test.warning)
			require.Equal(t, test.warning == "", log.String() == "", log.String())
		})
	}
}

// spanService and metricService are a collector that is spoken to by gRPC.
type spanService struct {
	traces.UnimplementedTraceServiceServer
	got chan<- *resourcepb.Resource
}

func (s spanService) Export(_ context.Context, r *traces.ExportTraceServiceRequest) (*traces.ExportTraceServiceResponse, error) {
	s.got <- r.ResourceSpans[0].Resource
	return &traces.ExportTraceServiceResponse{}, nil
}

type metricService struct {
	metrics.UnimplementedMetricsServiceServer
	got chan<- *resourcepb.Resource
}

func (s metricService) Export(_ context.Context, r *metrics.ExportMetricsServiceRequest) (*metrics.ExportMetricsServiceResponse, error) {
	s.got <- r.ResourceMetrics[0].Resource
	return &metrics.ExportMetricsServiceResponse{}, nil
}

func TestWhatIsLeftIsSentAtTheEndAndSaysWhoSendsIt(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	spans, meters := make(chan *resourcepb.Resource, 1), make(chan *resourcepb.Resource, 1)
	server := grpc.NewServer()
	traces.RegisterTraceServiceServer(server, spanService{got: spans})
	metrics.RegisterMetricsServiceServer(server, metricService{got: meters})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+listener.Addr().String())
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")

	for _, test := range []struct{ variable, name string }{{"", "dpaflow-worker"}, {"our-worker", "our-worker"}} {
		t.Setenv("OTEL_SERVICE_NAME", test.variable)
		tracing := NewTraces(t.Context(), "worker", slog.New(slog.DiscardHandler))
		_, span := tracing.TracerProvider().Tracer("test").Start(t.Context(), "span")
		span.End()
		tracing.Shutdown()
		measuring, err := NewMetrics(t.Context(), "worker", slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		count, err := measuring.MeterProvider().Meter("test").Int64Counter("count")
		require.NoError(t, err)
		count.Add(t.Context(), 1)
		measuring.Shutdown()
		for _, resource := range []*resourcepb.Resource{<-spans, <-meters} {
			said := map[string]string{}
			for _, a := range resource.Attributes {
				said[a.Key] = a.Value.GetStringValue()
			}
			require.Equal(t, test.name, said["service.name"])
			require.Equal(t, "staging", said["deployment.environment.name"])
			require.NotEmpty(t, said["service.instance.id"])
		}
	}
}

func TestTheStandardSamplerDecidesWhatIsTraced(t *testing.T) {
	t.Setenv("OTEL_TRACES_EXPORTER", "otlp")
	for sampler, sampled := range map[string]bool{"always_on": true, "always_off": false, "parentbased_always_off": false} {
		t.Setenv("OTEL_TRACES_SAMPLER", sampler)
		tracing := NewTraces(t.Context(), "worker", slog.New(slog.DiscardHandler))
		_, span := tracing.TracerProvider().Tracer("test").Start(t.Context(), "span")
		require.True(t, span.SpanContext().IsValid(), "it is passed on that it is not sampled")
		require.Equal(t, sampled, span.SpanContext().IsSampled(), sampler)
		tracing.Shutdown() // there is nothing to send: the span has not ended
	}
}

// silent is a collector that never answers.
type silent struct{ answer chan struct{} }

func (s silent) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { <-s.answer; return nil }
func (silent) Shutdown(context.Context) error                               { return nil }

func TestACollectorThatNeverAnswersIsWaitedForTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		collector := silent{make(chan struct{})}
		tracing := newTraces(sdktrace.WithBatcher(collector, sdktrace.WithExportTimeout(time.Hour)))
		_, span := tracing.TracerProvider().Tracer("test").Start(t.Context(), "span")
		span.End()
		begun := time.Now()
		tracing.Shutdown()
		require.Equal(t, flushTimeout, time.Since(begun))
		close(collector.answer)
	})
}

func TestWhatACollectorThatNeverAnswersHasLostIsToldWithoutItsAddress(t *testing.T) {
	now := goleak.IgnoreCurrent()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // connections wait in its queue
	require.NoError(t, err)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+listener.Addr().String()+"/?key=planted-key")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3000")
	for _, protocol := range []string{protocolHTTP, protocolGRPC} {
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
		var log buffer
		tracing := NewTraces(t.Context(), "worker", slog.New(slog.NewTextHandler(&log, nil)))
		_, span := tracing.TracerProvider().Tracer("test").Start(t.Context(), "span")
		span.End()
		tracing.Shutdown()
		require.Contains(t, log.String(), "traces or metrics are lost")
		require.NotContains(t, log.String(), "planted-key")
	}
	require.NoError(t, listener.Close()) // or what is left behind waits for it
	require.Eventually(t, func() bool { return goleak.Find(now) == nil }, wait.Limit, 10*time.Millisecond)
}

// buffer may be written to while it is read.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestACollectorThatIsNotThereIsLoggedWithoutItsAddress(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/planted-key")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	var log buffer
	tracing := NewTraces(t.Context(), "worker", slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		_, span := tracing.TracerProvider().Tracer("test").Start(t.Context(), "span")
		span.End()
		require.Eventually(t, func() bool { return log.String() != "" }, wait.Limit, time.Millisecond)
	}
	tracing.Shutdown()
	require.Equal(t, 1, strings.Count(log.String(), "\n"), "once a minute: %s", log.String())
	require.Contains(t, log.String(), "connection refused")
	require.NotContains(t, log.String(), "planted-key")
}
