package platform

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// newTracedClient is a client whose spans go to the recorder.
func newTracedClient(t *testing.T, url string) (*Client, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	return newClient(t, url, func(c *Config) { c.TracerProvider = provider }), spans
}

func secretTrigger() PlanTrigger {
	return PlanTrigger{
		PlanID: "acf42dd3", CallbackURL: testCallback, Private: []string{"planted-private"},
		Params: map[string]map[string]string{"md1": {"HOST": "planted-host", "PASSWORD": "planted-private"}},
	}
}

func TestEachCallIsASpanOfTheCallersTraceWhichThePlatformIsTold(t *testing.T) {
	t.Parallel()
	server := serve(t, data(`[{"processPlanId":"acf42dd3","planInstanceId":"in1"}]`))
	c, spans := newTracedClient(t, server.URL)
	ctx, caller := c.tracer.Start(t.Context(), "caller")
	_, err := c.TriggerPlan(ctx, secretTrigger())
	require.NoError(t, err)

	var names []string
	for i, span := range spans.Ended() {
		names = append(names, span.Name())
		require.Equal(t, trace.SpanKindClient, span.SpanKind())
		require.Equal(t, caller.SpanContext().SpanID(), span.Parent().SpanID(), "the token is fetched for this call")
		require.Equal(t, codes.Unset, span.Status().Code)
		require.Equal(t, fmt.Sprintf("00-%s-%s-01", span.SpanContext().TraceID(), span.SpanContext().SpanID()),
			server.to("/")[i].header.Get("traceparent"))
	}
	require.Equal(t, []string{"P1.1 authorize", "P1.2 access token", "P5 trigger plan"}, names)
	requireNothingPrivate(t, spans)
}

func TestTheSpanOfAFailedCallSaysHowAndNoMore(t *testing.T) {
	t.Parallel()
	server := serve(t, inTurn(
		says(http.StatusOK, `{"code":999,"message":"planted-host is wrong","data":null}`),
		says(http.StatusInternalServerError, "planted-host broke"),
		hijacks(t, ""),
	))
	c, spans := newTracedClient(t, server.URL)
	for range 3 {
		_, err := c.TriggerPlan(t.Context(), secretTrigger())
		require.Error(t, err)
	}
	var got []string
	for _, span := range spans.Ended()[2:] {
		require.Equal(t, sdktrace.Status{Code: codes.Error}, span.Status())
		require.Empty(t, span.Events())
		var text []string
		for _, a := range span.Attributes() {
			text = append(text, string(a.Key)+"="+a.Value.String())
		}
		got = append(got, strings.Join(text, " "))
	}
	require.Len(t, server.to("opExecutePlanByApi"), 3, "each was sent once")
	require.Equal(t, []string{
		"http.request.method=POST http.response.status_code=200 dpaflow.code=999 error.type=refused",
		"http.request.method=POST http.response.status_code=500 error.type=failed",
		"http.request.method=POST error.type=no_answer",
	}, got)
	requireNothingPrivate(t, spans)
}

func TestATraceOfTheCallersIsPassedOnWithoutAProvider(t *testing.T) {
	t.Parallel()
	server := serve(t, data("[]"))
	c := newClient(t, server.URL)
	_, err := c.Plans(t.Context())
	require.NoError(t, err)
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	_, err = c.Plans(trace.ContextWithRemoteSpanContext(t.Context(), parent))
	require.NoError(t, err)
	plans := server.to("Plan")
	require.Len(t, plans, 2)
	require.Empty(t, plans[0].header.Values("traceparent"))
	require.Equal(t, "00-01000000000000000000000000000000-0200000000000000-00", plans[1].header.Get("traceparent"))
}

// requireNothingPrivate looks at all that a span says.
func requireNothingPrivate(t *testing.T, spans *tracetest.SpanRecorder) {
	t.Helper()
	text := fmt.Sprintf("%+v", tracetest.SpanStubsFromReadOnlySpans(spans.Ended()))
	require.Contains(t, text, "P5 trigger plan")
	for _, private := range []string{"planted", testSecret, testCode, testCallback, "/callbacks/", "eyJ", "/api/", "client_id"} {
		require.NotContains(t, text, private)
	}
}
