package telemetry

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// tracer makes the spans of Temporal's SDK as its own interceptor does, but for four things: a workflow has one
// span however many workers it goes through, names have no ids in them, errors have no text, and runs that a
// schedule starts have traces of their own.
type tracer struct {
	interceptor.Tracer
	options opentelemetry.TracerOptions
}

func newTracer(provider trace.TracerProvider) *tracer {
	t := &tracer{options: opentelemetry.TracerOptions{
		Tracer:                  provider.Tracer("temporal-sdk-go"),
		TextMapPropagator:       propagation.TraceContext{},
		DisableBaggage:          true, // whatever a caller has in it would stand in histories
		DisableQueryTracing:     true, // whoever watches a run asks all the time
		AllowInvalidParentSpans: true,
	}}
	t.Tracer = t.with(nil)
	return t
}

// with is the SDK's tracer, with its spans started by start.
func (t *tracer) with(start func(context.Context, trace.Tracer, string, ...trace.SpanStartOption) trace.Span) interceptor.Tracer {
	options := t.options
	options.SpanStarter = start
	inner, err := opentelemetry.NewTracer(options)
	if err != nil {
		panic(err) // only for options that it does not have
	}
	return inner
}

// StartSpan implements interceptor.Tracer.
func (t *tracer) StartSpan(o *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	return t.with(func(ctx context.Context, from trace.Tracer, _ string, options ...trace.SpanStartOption) trace.Span {
		s := &span{settled: true}
		switch o.Operation {
		case "CreateSchedule": // its header would be that of every run
			return noop.Span{}
		case "RunWorkflow":
			ctx = context.WithValue(ctx, idKey{}, o.IdempotencyKey)
			s.settled = false
		case "HandleUpdate":
			s.settled = false
		}
		name, _, _ := strings.Cut(o.Name, ":") // signals have the key of the trigger behind it
		_, s.Span = from.Start(ctx, o.Operation+":"+name, options...)
		return s
	}).StartSpan(o)
}

// span shows of an error only its type: the text may hold parameters.
type span struct {
	trace.Span
	settled   bool // whether what it is about will not be done again by a replay
	continued bool
}

func (s *span) RecordError(err error, _ ...trace.EventOption) {
	if s.continued = workflow.IsContinueAsNewError(err); err != nil && !s.continued {
		s.SetAttributes(attribute.String("error.type", errorType(err)))
	}
}

func (s *span) SetStatus(code codes.Code, _ string) {
	if !s.continued {
		s.Span.SetStatus(code, "")
	}
}

// End sends the span, unless its workflow is only leaving this worker's memory or is being replayed.
func (s *span) End(options ...trace.SpanEndOption) {
	if s.settled {
		s.Span.End(options...)
	}
}

// errorType is the type that workflows and activities give their errors, or else Go's.
func errorType(err error) string {
	var failed *temporal.ApplicationError
	switch {
	case temporal.IsCanceledError(err):
		return "Canceled"
	case errors.As(err, &failed) && failed.Type() != "":
		return failed.Type()
	default:
		return fmt.Sprintf("%T", err)
	}
}

// finish settles the spans of what has really ended. It stands behind the interceptor that makes them.
type finish struct{ interceptor.InterceptorBase }

func (*finish) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &finishedWorkflow{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type finishedWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (f *finishedWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := f.Next.ExecuteWorkflow(ctx, in)
	settle(ctx)
	return result, err
}

func (f *finishedWorkflow) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	result, err := f.Next.ExecuteUpdate(ctx, in)
	settle(ctx)
	return result, err
}

func settle(ctx workflow.Context) {
	found, _ := opentelemetry.SpanFromWorkflowContext(ctx)
	if s, ok := found.(*span); ok {
		s.settled = !workflow.IsReplaying(ctx)
	}
}

type idKey struct{}

// ids are random, but for those of a workflow: every worker that it comes to gives it the same, and where nobody
// gave it a trace, the same trace.
type ids struct{}

func (ids) NewIDs(ctx context.Context) (t trace.TraceID, s trace.SpanID) {
	if key, ok := ctx.Value(idKey{}).(string); ok {
		sum := sha256.Sum256([]byte(key))
		return trace.TraceID(sum[8:24]), trace.SpanID(sum[:8])
	}
	binary.NativeEndian.PutUint64(t[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(t[8:], 1+rand.Uint64N(1<<64-1)) // never 0 altogether
	return t, random()
}

func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if key, ok := ctx.Value(idKey{}).(string); ok {
		sum := sha256.Sum256([]byte(key))
		return trace.SpanID(sum[:8])
	}
	return random()
}

func random() (s trace.SpanID) {
	binary.NativeEndian.PutUint64(s[:], 1+rand.Uint64N(1<<64-1))
	return s
}
