package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/interceptor"
)

// Traces are the spans of this process. They go to the collector that OpenTelemetry's standard variables
// name; where they name none, there are no spans.
type Traces struct {
	provider *sdktrace.TracerProvider // nil: there are none
}

// NewTraces returns the traces of the program of that name, such as "worker". What is wrong with the variables
// or the collector is logged, and never keeps a program from its work.
func NewTraces(ctx context.Context, name string, logger *slog.Logger) *Traces {
	protocol := exports("TRACES", logger)
	if protocol == "" {
		return &Traces{}
	}
	report(logger)
	collector, err := newSpanExporter(ctx, protocol)
	if err != nil {
		logger.Error("traces are not sent to a collector", "error", err)
		return &Traces{}
	}
	return newTraces(sdktrace.WithBatcher(collector), sdktrace.WithResource(describe(ctx, name, logger)))
}

func newSpanExporter(ctx context.Context, protocol string) (sdktrace.SpanExporter, error) {
	if protocol == protocolGRPC {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

func newTraces(options ...sdktrace.TracerProviderOption) *Traces {
	return &Traces{sdktrace.NewTracerProvider(append(options, sdktrace.WithIDGenerator(ids{}))...)}
}

// TracerProvider is where this repository's packages get their spans; nil where there are none.
func (t *Traces) TracerProvider() trace.TracerProvider {
	if t.provider == nil {
		return nil
	}
	return t.provider
}

// Interceptors make spans of what a client of Temporal and the workers over it do, and give the lines that
// activities log their ids.
func (t *Traces) Interceptors() []interceptor.ClientInterceptor {
	if t.provider == nil {
		return []interceptor.ClientInterceptor{&identity{}}
	}
	tracing := interceptor.NewTracingInterceptor(newTracer(t.provider))
	return []interceptor.ClientInterceptor{tracing, &identity{}, &finish{}}
}

// Shutdown sends what is left, if the collector takes it within 2 seconds.
func (t *Traces) Shutdown() {
	if t.provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}
