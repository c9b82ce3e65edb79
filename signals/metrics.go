package signals

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
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
	resultUnroutable result = "unroutable" // of no kind
	resultTooLarge   result = "too_large"
	resultLimited    result = "limited"
	resultNotDurable result = "not_durable"
)

var results = []result{
	result(OutcomeStored), result(OutcomeEnded), result(OutcomeMissing), result(OutcomeSpooled),
	resultRepeat, resultMalformed, resultForged, resultTooLarge, resultLimited, resultNotDurable,
}

// status is the HTTP status that goes with a result.
func (r result) status() int {
	switch r {
	case resultMalformed:
		return http.StatusBadRequest
	case resultForged, resultUnroutable:
		return http.StatusNotFound
	case resultTooLarge:
		return http.StatusRequestEntityTooLarge
	case resultLimited:
		return http.StatusTooManyRequests
	case resultNotDurable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusOK
	}
}

func (r result) refuse(w http.ResponseWriter) result {
	refuse(w, r.status())
	return r
}

type metrics struct {
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
	m := metrics{callbacks: callbacks, seconds: seconds, toStored: toStored}
	// Prometheus sees no increase in a series that begins at 1: an alert would miss the first of each.
	for _, kind := range []Kind{KindPlan, KindModel} {
		for _, r := range results {
			m.callbacks.Add(context.Background(), 0, labels(kind, r))
		}
	}
	m.callbacks.Add(context.Background(), 0, labels("", resultUnroutable))
	return m
}

func labels(kind Kind, r result) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(
		attribute.String("kind", string(cmp.Or(kind, "none"))), attribute.String("result", string(r))))
}

func (m metrics) record(ctx context.Context, kind Kind, r result, took time.Duration) {
	if r == resultUnroutable {
		kind = "" // whatever was asked for
	}
	labels := labels(kind, r)
	m.callbacks.Add(ctx, 1, labels)
	m.seconds.Record(ctx, took.Seconds(), labels)
	if r == result(OutcomeStored) {
		m.toStored.Record(ctx, took.Seconds())
	}
}

type spoolMetrics struct {
	callbacks metric.Int64Counter
	toStored  metric.Float64Histogram
}

func newSpoolMetrics(provider metric.MeterProvider, logger *slog.Logger, s *Spool) spoolMetrics {
	meter := meterOf(provider)
	callbacks, err1 := meter.Int64Counter("dpaflow_spool_news",
		metric.WithDescription("Callbacks in the spool: spooled, and then stored, ended, missing (their run did not come) or dead (refused by Temporal for good)."))
	toStored, err2 := toStored(meter)
	_, err3 := meter.Float64ObservableGauge("dpaflow_spool_oldest_seconds",
		metric.WithDescription("How long the oldest of them has been waiting; 0 when none is."), metric.WithUnit("s"),
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			_, age := s.waiting()
			o.Observe(age.Seconds())
			return nil
		}))
	err := errors.Join(err1, err2, err3,
		gauge(meter, "dpaflow_spool_backlog", "Callbacks on disk that wait for Temporal.", &s.store.queued),
		gauge(meter, "dpaflow_spool_missing", "Callbacks on disk whose run is not there, kept for 6 hours.", &s.store.missing),
		gauge(meter, "dpaflow_spool_damaged_files", "Files of the spool that were damaged and put aside, and are still in its folder.", &s.store.aside))
	if err != nil {
		logger.Error("the spool is not measured", "error", err)
	}
	m := spoolMetrics{callbacks: callbacks, toStored: toStored}
	for _, o := range []Outcome{OutcomeSpooled, OutcomeStored, OutcomeEnded, OutcomeMissing, outcomeDead} {
		m.count(context.Background(), o, 0) // for the same reason
	}
	return m
}

func gauge(meter metric.Meter, name, description string, value *atomic.Int64) error {
	_, err := meter.Int64ObservableGauge(name, metric.WithDescription(description),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(value.Load())
			return nil
		}))
	return err
}

func (m spoolMetrics) count(ctx context.Context, o Outcome, n int64) {
	m.callbacks.Add(ctx, n, metric.WithAttributes(attribute.String("result", string(o))))
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
