package signals

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// result is how a request to a callback address ended: an Outcome, or one of these; a metric's label.
type result string

const (
	resultRepeat     result = "repeat"
	resultMalformed  result = "malformed"
	resultForged     result = "forged"
	resultTooLarge   result = "too_large"
	resultLimited    result = "limited"
	resultNotDurable result = "not_durable"
)

type metrics struct {
	callbacks metric.Int64Counter
	seconds   metric.Float64Histogram
}

func newMetrics(provider metric.MeterProvider, logger *slog.Logger) metrics {
	if provider == nil {
		provider = noop.NewMeterProvider()
	}
	meter := provider.Meter("github.com/dpaflow/dpaflow/signals")
	callbacks, err1 := meter.Int64Counter("dpaflow_callbacks",
		metric.WithDescription("Requests to callback addresses, by kind and result."))
	seconds, err2 := meter.Float64Histogram("dpaflow_callback_seconds",
		metric.WithDescription("Time from a callback's request to its answer."), metric.WithUnit("s"))
	if err := errors.Join(err1, err2); err != nil {
		logger.Error("callbacks are not measured", "error", err) // the instruments are usable all the same
	}
	return metrics{callbacks: callbacks, seconds: seconds}
}

func (m metrics) record(ctx context.Context, kind Kind, r result, took time.Duration) {
	labels := metric.WithAttributeSet(attribute.NewSet(
		attribute.String("kind", string(kind)), attribute.String("result", string(r))))
	m.callbacks.Add(ctx, 1, labels)
	m.seconds.Record(ctx, took.Seconds(), labels)
}
