package signals

import (
	"context"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Trace is the span that a trigger was sent in: its trace id, its span id, and 1 if it is sampled. The platform does not
// pass on what it was sent, so the callback's address has to bring it. The zero value is none.
type Trace [16 + 8 + 1]byte

// TraceOf is the span in the context; none where there is no valid one.
func TraceOf(ctx context.Context) Trace {
	var t Trace
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		traceID, spanID := span.TraceID(), span.SpanID()
		copy(t[:16], traceID[:])
		copy(t[16:24], spanID[:])
		t[24] = byte(span.TraceFlags() & trace.FlagsSampled)
	}
	return t
}

func (t Trace) isNone() bool { return t == Trace{} }

func (t Trace) span() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(t[:16]), SpanID: trace.SpanID(t[16:24]), TraceFlags: trace.TraceFlags(t[24]), Remote: true,
	})
}

// join is a context whose spans are children of the trigger's.
func (t Trace) join(ctx context.Context) context.Context {
	if span := t.span(); span.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, span)
	}
	return ctx
}

func newTracer(provider trace.TracerProvider) trace.Tracer {
	if provider == nil {
		return nil
	}
	return provider.Tracer("github.com/dpaflow/dpaflow/signals")
}

// begin starts the span of a callback that was admitted: strangers make none. It belongs to the trace of its trigger.
// A timed scene's address is called for months, so each callback has a trace of its own, with a link.
func (h *handler) begin(r *http.Request, kind Kind, t Target, at time.Time) (context.Context, trace.Span) {
	if h.tracer == nil {
		return t.Trace.join(r.Context()), noop.Span{}
	}
	route := "/callbacks/" + string(kind)
	if t.WorkflowID != "" {
		route += "/{token}" // never the token itself
	}
	options := []trace.SpanStartOption{
		trace.WithTimestamp(at), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", r.Method),
			attribute.String("http.route", route),
			attribute.String("dpaflow.kind", string(kind)),
		),
	}
	ctx := r.Context()
	switch {
	case t.Trace.isNone():
		options = append(options, trace.WithNewRoot())
	case strings.HasPrefix(t.Key, SceneKeyPrefix):
		options = append(options, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: t.Trace.span()}))
	default:
		ctx = t.Trace.join(ctx)
		// What stands between the platform and the bridge may have a span in the same trace. Any other is a stranger's word.
		told := propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		if trace.SpanContextFromContext(told).TraceID() == t.Trace.span().TraceID() {
			ctx = told
		}
	}
	return h.tracer.Start(ctx, "callback "+string(kind), options...)
}

// end says in a callback's span how it was answered.
func (r result) end(span trace.Span) {
	span.SetAttributes(attribute.String("dpaflow.result", string(r)), attribute.Int("http.response.status_code", r.status()))
	if r.status() >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

func describe(ctx context.Context, a Arrival) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String("temporalWorkflowID", a.Target.WorkflowID),
		attribute.String("dpaflow.instanceId", a.Callback.InstanceID), attribute.String("dpaflow.status", a.Callback.Status))
}
