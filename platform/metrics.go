package platform

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

type meters struct {
	calls    metric.Float64Histogram
	renewals metric.Int64Counter
}

func newMeters(provider metric.MeterProvider) (meters, error) {
	meter := provider.Meter("github.com/dpaflow/dpaflow/platform")
	calls, err1 := meter.Float64Histogram("dpaflow_platform_calls", metric.WithUnit("s"),
		metric.WithDescription("Calls of the platform, the quick repeats of a read included."),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30))
	renewals, err2 := meter.Int64Counter("dpaflow_token_renewals",
		metric.WithDescription("Fetches of the OAuth token."))
	// Prometheus sees no increase in a series that begins at 1: an alert would miss the first of each.
	for _, result := range results {
		renewals.Add(context.Background(), 0, metric.WithAttributes(attribute.String("result", result)))
	}
	return meters{calls, renewals}, errors.Join(err1, err2)
}

func (m meters) called(ctx context.Context, endpoint string, took time.Duration, err error) {
	m.calls.Record(ctx, took.Seconds(), metric.WithAttributes(
		attribute.String("endpoint", endpoint), attribute.String("result", resultOf(err))))
}

func (m meters) renewed(ctx context.Context, err error) {
	m.renewals.Add(ctx, 1, metric.WithAttributes(attribute.String("result", resultOf(err))))
}

var results = []string{"ok", "not_sent", "auth", "no_answer", "refused", "failed"}

// resultOf is one of the results: few words, so that it can be a metric's label.
func resultOf(err error) string {
	var e *Error
	switch {
	case err == nil:
		return "ok"
	case !errors.As(err, &e) || !e.Sent:
		return "not_sent"
	case e.Auth:
		return "auth"
	case e.HTTPStatus == 0:
		return "no_answer"
	case isRefusal(e.HTTPStatus, e.Code):
		return "refused"
	default:
		return "failed"
	}
}
