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

var results = []result{
	result(OutcomeStored), result(OutcomeEnded), result(OutcomeSpooled),
	resultRepeat, resultMalformed, resultForged, resultTooLarge, resultLimited, resultNotDurable,
}

type series struct {
	kind   Kind
	result result
}

type metrics struct {
	labels    map[series]metric.MeasurementOption // of all results that are known, made once
	callbacks metric.Int64Counter
	seconds   metric.Float64Histogram
	toStored  metric.Float64Histogram
}

func newMetrics(provider metric.MeterProvider, logger *slog.Logger) metrics {
	meter := meterOf(provider)
	callbacks, err1 := meter.Int64Counter("dpaflow_callbacks",
		metric.WithDescription("Requests to callback addresses, by kind and result."))
	seconds, err2 := meter.Float64Histogram("dpaflow_callback_seconds",
		metric.WithDescription("Time from a callback's request to its answer."), metric.WithUnit("s"))
	toStored, err3 := toStored(meter)
	if err := errors.Join(err1, err2, err3); err != nil {
		logger.Error("callbacks are not measured", "error", err) // the instruments are usable all the same
	}
	m := metrics{labels: map[series]metric.MeasurementOption{}, callbacks: callbacks, seconds: seconds, toStored: toStored}
	for _, kind := range []Kind{KindPlan, KindModel} {
		for _, r := range results {
			labels := labelsOf(kind, r)
			m.labels[series{kind, r}] = labels
			// Prometheus sees no increase in a series that begins at 1: an alert would miss the first of each.
			m.callbacks.Add(context.Background(), 0, labels)
		}
	}
	return m
}

func labelsOf(kind Kind, r result) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(
		attribute.String("kind", string(kind)), attribute.String("result", string(r))))
}

func (m metrics) record(ctx context.Context, kind Kind, r result, took time.Duration) {
	labels, known := m.labels[series{kind, r}]
	if !known { // a Deliverer may have outcomes of its own
		labels = labelsOf(kind, r)
	}
	m.callbacks.Add(ctx, 1, labels)
	m.seconds.Record(ctx, took.Seconds(), labels)
	if r == result(OutcomeStored) {
		m.toStored.Record(ctx, took.Seconds())
	}
}

type spoolMetrics struct {
	news     metric.Int64Counter
	toStored metric.Float64Histogram
}

func newSpoolMetrics(provider metric.MeterProvider, logger *slog.Logger, waiting func() (n int64, age time.Duration)) spoolMetrics {
	meter := meterOf(provider)
	news, err1 := meter.Int64Counter("dpaflow_spool_news",
		metric.WithDescription("News in the spool: spooled, and then stored, ended or dead (refused by Temporal for good)."))
	toStored, err2 := toStored(meter)
	_, err3 := meter.Int64ObservableGauge("dpaflow_spool_backlog",
		metric.WithDescription("Callbacks on disk that wait for Temporal."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			n, _ := waiting()
			o.Observe(n)
			return nil
		}))
	_, err4 := meter.Float64ObservableGauge("dpaflow_spool_oldest_seconds",
		metric.WithDescription("How long the oldest of them has been waiting; 0 when none is."), metric.WithUnit("s"),
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			_, age := waiting()
			o.Observe(age.Seconds())
			return nil
		}))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		logger.Error("the spool is not measured", "error", err)
	}
	m := spoolMetrics{news: news, toStored: toStored}
	for _, o := range []Outcome{OutcomeSpooled, OutcomeStored, OutcomeEnded, outcomeDead} {
		m.count(context.Background(), o, 0) // for the same reason
	}
	return m
}

func (m spoolMetrics) count(ctx context.Context, o Outcome, n int64) {
	m.news.Add(ctx, n, metric.WithAttributes(attribute.String("result", string(o))))
}

func meterOf(provider metric.MeterProvider) metric.Meter {
	if provider == nil {
		provider = noop.NewMeterProvider()
	}
	return provider.Meter("github.com/dpaflow/dpaflow/signals")
}

func toStored(meter metric.Meter) (metric.Float64Histogram, error) {
	return meter.Float64Histogram("dpaflow_callback_to_stored_seconds",
		metric.WithDescription("Time from a callback's request until Temporal has stored its signal, through the spool or not."), metric.WithUnit("s"))
}
