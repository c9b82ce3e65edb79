package platform

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

func newTracer(provider trace.TracerProvider) trace.Tracer {
	return provider.Tracer("github.com/dpaflow/dpaflow/platform")
}

// startSpan begins the span of one call. A span has no URL, no body and no text of an error: each of them may
// hold a parameter, a callback address or a secret.
func (c *Client) startSpan(ctx context.Context, r request) (context.Context, trace.Span) {
	return c.tracer.Start(ctx, r.endpoint, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("http.request.method", r.method)))
}

// endSpan says in the span of a call what was answered, as far as there was an answer.
func endSpan(span trace.Span, got answer, err error) {
	if got.status != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", got.status))
	}
	if got.code != 0 {
		span.SetAttributes(attribute.Int("dpaflow.code", got.code)) // the envelope's
	}
	if err != nil {
		span.SetAttributes(attribute.String("error.type", resultOf(err)))
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// passTrace tells the platform which trace a call belongs to, where it belongs to one.
func passTrace(req *http.Request) {
	propagation.TraceContext{}.Inject(req.Context(), propagation.HeaderCarrier(req.Header))
}
