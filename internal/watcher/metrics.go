package watcher

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/dpaflow/dpaflow/notify"
)

// metrics count what is sent, and show what waits while this worker watches.
type metrics struct {
	attempts metric.Int64Counter
	queue    atomic.Pointer[queue] // nil while another worker watches
}

type queue struct {
	pending int
	oldest  time.Time // zero if there is none
}

func newMetrics(provider metric.MeterProvider) (*metrics, error) {
	m := &metrics{}
	meter := provider.Meter("github.com/dpaflow/dpaflow/internal/watcher")
	var err error
	if m.attempts, err = meter.Int64Counter("dpaflow_notifications",
		metric.WithDescription("Attempts to send a notification, by its type and what became of it: sent, refused, unreached, given_up.")); err != nil {
		return nil, fmt.Errorf("measure notifications: %w", err)
	}
	for _, kind := range notify.Types() { // a counter begins at zero, so that the first is seen
		for _, outcome := range []notify.Outcome{notify.Sent, notify.Refused, notify.Unreached, notify.GivenUp} {
			m.attempts.Add(context.Background(), 0, labels(kind, outcome))
		}
	}
	watching, err := meter.Int64ObservableGauge("dpaflow_notifications_watching",
		metric.WithDescription("1 on the worker that looks for what to notify of, 0 on the others."))
	if err != nil {
		return nil, fmt.Errorf("measure notifications: %w", err)
	}
	pending, err := meter.Int64ObservableGauge("dpaflow_notifications_pending",
		metric.WithDescription("Notifications that are still to be sent, from the worker that watches."))
	if err != nil {
		return nil, fmt.Errorf("measure notifications: %w", err)
	}
	oldest, err := meter.Float64ObservableGauge("dpaflow_notifications_oldest_seconds",
		metric.WithDescription("Age of the oldest notification that is still to be sent, from the worker that watches."))
	if err != nil {
		return nil, fmt.Errorf("measure notifications: %w", err)
	}
	if _, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		now := m.queue.Load()
		if now == nil {
			o.ObserveInt64(watching, 0)
			return nil
		}
		o.ObserveInt64(watching, 1)
		o.ObserveInt64(pending, int64(now.pending))
		age := 0.0
		if !now.oldest.IsZero() {
			age = time.Since(now.oldest).Seconds()
		}
		o.ObserveFloat64(oldest, age)
		return nil
	}, watching, pending, oldest); err != nil {
		return nil, fmt.Errorf("measure notifications: %w", err)
	}
	return m, nil
}

func labels(kind string, outcome notify.Outcome) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("type", strings.TrimPrefix(kind, notify.TypePrefix)), attribute.String("outcome", string(outcome)))
}

func (m *metrics) attempt(ctx context.Context, kind string, outcome notify.Outcome) {
	m.attempts.Add(ctx, 1, labels(kind, outcome))
}

func (m *metrics) working(state *notify.State) {
	m.queue.Store(&queue{len(state.Pending), state.Oldest()})
}

func (m *metrics) rest() { m.queue.Store(nil) }
