package signals

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// sampled is a trace with the ids 0102…10 and 1112…18.
var sampled = Trace{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, byte(trace.FlagsSampled)}

func tracedTarget() Target {
	t := planTarget()
	t.Trace = sampled
	return t
}

// newTracedBench is a bench whose handler's spans go to the recorder.
func newTracedBench(t *testing.T) (*bench, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	return newBench(t, func(c *HandlerConfig) { c.TracerProvider = provider }), spans
}

func attributes(span sdktrace.ReadOnlySpan) map[attribute.Key]string {
	all := map[attribute.Key]string{}
	for _, a := range span.Attributes() {
		all[a.Key] = a.Value.String()
	}
	return all
}

func TestTheSpanOfACallbackIsInTheTraceOfItsTrigger(t *testing.T) {
	t.Parallel()
	b, spans := newTracedBench(t)
	var delivered trace.SpanContext
	b.inbox.hook = func(ctx context.Context) { delivered = trace.SpanContextFromContext(ctx) }
	requireSuccess(t, b.post(tracedTarget(), planBody))

	require.Len(t, spans.Ended(), 1)
	span := spans.Ended()[0]
	require.Equal(t, "callback plan", span.Name())
	require.Equal(t, trace.SpanKindServer, span.SpanKind())
	require.Equal(t, sampled.span(), span.Parent())
	require.Equal(t, sampled.span().TraceID(), span.SpanContext().TraceID())
	require.Equal(t, span.SpanContext().SpanID(), delivered.SpanID(), "the signal is sent within it")
	require.Equal(t, map[attribute.Key]string{
		"http.request.method": "POST", "http.route": "/callbacks/plan/{token}", "http.response.status_code": "200",
		"dpaflow.kind": "plan", "dpaflow.result": "stored", "dpaflow.instanceId": "in1", "dpaflow.status": "SUCCESS",
		"temporalWorkflowID": planTarget().WorkflowID,
	}, attributes(span))
}

func TestACallbackOfATraceThatIsNotSampledIsNotEither(t *testing.T) {
	t.Parallel()
	b, spans := newTracedBench(t)
	var delivered trace.SpanContext
	b.inbox.hook = func(ctx context.Context) { delivered = trace.SpanContextFromContext(ctx) }
	target := tracedTarget()
	target.Trace[24] = 0
	requireSuccess(t, b.post(target, planBody))
	require.Empty(t, spans.Ended())
	require.Equal(t, sampled.span().TraceID(), delivered.TraceID())
	require.False(t, delivered.IsSampled())
}

func TestWithoutATraceACallbackHasOneOfItsOwn(t *testing.T) {
	t.Parallel()
	b, spans := newTracedBench(t)
	requireSuccess(t, b.post(planTarget(), planBody))
	require.False(t, spans.Ended()[0].Parent().IsValid())
	require.Empty(t, spans.Ended()[0].Links())
}

func TestNewsOfATimedSceneHasATraceOfItsOwnWithALink(t *testing.T) {
	t.Parallel()
	b, spans := newTracedBench(t)
	target := tracedTarget()
	target.Key = SceneKeyPrefix + target.Key
	requireSuccess(t, b.post(target, planBody))
	span := spans.Ended()[0]
	require.False(t, span.Parent().IsValid())
	require.NotEqual(t, sampled.span().TraceID(), span.SpanContext().TraceID())
	require.Len(t, span.Links(), 1)
	require.Equal(t, sampled.span(), span.Links()[0].SpanContext)
}

func TestATraceparentOfThePlatformCountsInTheTraceOfTheTriggerOnly(t *testing.T) {
	t.Parallel()
	const own, foreign = "0102030405060708090a0b0c0d0e0f10", "ffffffffffffffffffffffffffffffff"
	for traceID, parent := range map[string]string{own: "aaaaaaaaaaaaaaaa", foreign: "1112131415161718"} {
		b, spans := newTracedBench(t)
		request := httptest.NewRequest(http.MethodPost, CallbackURL("", Token(b.keys, tracedTarget()), KindPlan), strings.NewReader(planBody))
		request.Header.Set("traceparent", "00-"+traceID+"-aaaaaaaaaaaaaaaa-01")
		answer := httptest.NewRecorder()
		b.handler.ServeHTTP(answer, request)
		requireSuccess(t, answer.Result())
		require.Equal(t, own, spans.Ended()[0].SpanContext().TraceID().String())
		require.Equal(t, parent, spans.Ended()[0].Parent().SpanID().String())
	}
}

func TestStrangersMakeNoSpans(t *testing.T) {
	t.Parallel()
	b, spans := newTracedBench(t)
	forged := Token(keysOf(t, "b"), tracedTarget())
	requireRefused(t, http.StatusNotFound, b.do(http.MethodPost, CallbackURL("", forged, KindPlan), planBody))
	require.Empty(t, spans.Started())
}

func TestTheSpanOfACallbackThatIsRefusedSaysHow(t *testing.T) {
	t.Parallel()
	b, spans := newTracedBench(t)
	requireRefused(t, http.StatusBadRequest, b.post(tracedTarget(), "secret-in-a-broken-body"))
	b.inbox.err = errors.New("planted-error")
	requireRefused(t, http.StatusServiceUnavailable, b.post(tracedTarget(), planBody))
	malformed, lost := spans.Ended()[0], spans.Ended()[1]
	require.Equal(t, "malformed", attributes(malformed)["dpaflow.result"])
	require.Equal(t, "400", attributes(malformed)["http.response.status_code"])
	require.Equal(t, codes.Unset, malformed.Status().Code)
	require.Equal(t, "not_durable", attributes(lost)["dpaflow.result"])
	require.Equal(t, sdktrace.Status{Code: codes.Error}, lost.Status(), "without the error's text")
}

func TestNewsFromTheSpoolIsDeliveredInTheTraceOfItsCallback(t *testing.T) {
	t.Parallel()
	for name, trace := range map[string]Trace{"traced": sampled, "not traced": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := &inbox{err: errors.New("away")}
			s, err := OpenSpool(SpoolConfig{Dir: t.TempDir(), Namespace: namespace, Next: next})
			require.NoError(t, err)
			outcome, err := s.Deliver(trace.join(t.Context()), arrival(planTarget(), Callback{"in1", "SUCCESS"}))
			require.NoError(t, err)
			require.Equal(t, OutcomeSpooled, outcome)

			traces := make(chan Trace, 1)
			next.err, next.hook = nil, func(ctx context.Context) { traces <- TraceOf(ctx) }
			ctx, cancel := context.WithCancel(t.Context())
			forwarded := make(chan error, 1)
			go func() { forwarded <- s.Forward(ctx) }()
			require.Equal(t, trace, <-traces)
			cancel()
			require.NoError(t, <-forwarded)
			require.NoError(t, s.Close())
		})
	}
}

func TestASpoolFromBeforeThereWereTracesIsRead(t *testing.T) {
	t.Parallel()
	e := entry{Trace: slices.Repeat([]byte{7}, 40)}
	require.True(t, e.trace().span().IsValid(), "also one that is too long")
	require.True(t, (&entry{Came: time.Now()}).trace().isNone())
}
