package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"

	"github.com/dpaflow/dpaflow/internal/version"
)

// Metrics collects what this process and Temporal's SDK count and measure, for Prometheus to read, and
// for a collector where OpenTelemetry's standard variables name one.
type Metrics struct {
	provider *sdkmetric.MeterProvider
	registry *prometheus.Registry
	logger   *slog.Logger
}

// seconds cover one quick HTTP call as well as a run of a whole day:
// OpenTelemetry's own boundaries are made for milliseconds.
var seconds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400}

// NewMetrics returns metrics of the program of that name, such as "worker", that nothing has been counted
// in yet, but for those of the Go runtime and the process.
func NewMetrics(ctx context.Context, name string, logger *slog.Logger) (*Metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("set up the metrics for Prometheus: %w", err)
	}
	options := []sdkmetric.Option{
		sdkmetric.WithReader(reader),
		sdkmetric.WithView(sdkmetric.NewView(
			sdkmetric.Instrument{Kind: sdkmetric.InstrumentKindHistogram, Unit: "s"},
			sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: seconds}},
		)),
	}
	if protocol := exports("METRICS", logger); protocol != "" {
		report(logger)
		collector, err := newMetricExporter(ctx, protocol)
		if err != nil {
			logger.Error("metrics are not sent to a collector", "error", err)
		} else {
			options = append(options, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(collector)),
				sdkmetric.WithResource(describe(ctx, name, logger)))
		}
	}
	m := &Metrics{provider: sdkmetric.NewMeterProvider(options...), registry: registry, logger: logger}
	if err := m.measureBuild(); err != nil {
		return nil, err
	}
	return m, nil
}

// measureBuild adds the metric whose labels say which build this is.
func (m *Metrics) measureBuild() error {
	var labels []attribute.KeyValue
	for _, attr := range version.Get().Attrs() {
		labels = append(labels, attribute.String(attr.Key, attr.Value.String()))
	}
	build := metric.WithAttributeSet(attribute.NewSet(labels...))
	_, err := m.provider.Meter("github.com/dpaflow/dpaflow/internal/telemetry").Int64ObservableGauge("dpaflow_build_info",
		metric.WithDescription("The build that runs, by its labels; always 1."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(1, build)
			return nil
		}))
	if err != nil {
		return fmt.Errorf("set up the metric of the build: %w", err)
	}
	return nil
}

func newMetricExporter(ctx context.Context, protocol string) (sdkmetric.Exporter, error) {
	if protocol == protocolGRPC {
		return otlpmetricgrpc.New(ctx)
	}
	return otlpmetrichttp.New(ctx)
}

// MeterProvider is where this repository's packages get their instruments.
func (m *Metrics) MeterProvider() metric.MeterProvider { return m.provider }

// Temporal is where Temporal's SDK puts its metrics.
func (m *Metrics) Temporal() client.MetricsHandler {
	return &instruments{from: opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter:                m.provider.Meter("temporal-sdk-go"),
		UseMonotonicCounters: true,
		OnError:              func(err error) { m.logger.Error("a metric of Temporal's SDK is lost", "error", err) },
	})}
}

// Handler serves all metrics in Prometheus's text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(m.logger.Handler(), slog.LevelError)})
}

// Shutdown stops collecting. A collector gets the latest, if it takes them within 2 seconds.
func (m *Metrics) Shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := m.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}
