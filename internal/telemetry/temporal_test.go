package telemetry

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/workflows"
)

// recorded are traces whose spans go to the recorder.
func recorded() (*Traces, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	return newTraces(sdktrace.WithSpanProcessor(spans)), spans
}

func start(t *testing.T, tracer interceptor.Tracer, o interceptor.TracerStartSpanOptions) interceptor.TracerSpan {
	t.Helper()
	span, err := tracer.StartSpan(&o)
	require.NoError(t, err)
	return span
}

// replayed takes the place of a worker, which registers activities and services too.
type replayed struct {
	worker.WorkflowReplayer
}

func (replayed) RegisterActivity(any)                                         {}
func (replayed) RegisterActivityWithOptions(any, activity.RegisterOptions)    {}
func (replayed) RegisterDynamicActivity(any, activity.DynamicRegisterOptions) {}
func (replayed) RegisterNexusService(*nexus.Service)                          {}

func TestReplaysUnderTracesChangeNothingAndSendNothing(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../workflows/testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			traces, spans := recorded()
			options := worker.WorkflowReplayerOptions{DisableDeadlockDetection: true} // a busy machine is none
			for _, i := range traces.Interceptors() {
				options.Interceptors = append(options.Interceptors, i.(interceptor.WorkerInterceptor))
			}
			replayer, err := worker.NewWorkflowReplayerWithOptions(options)
			require.NoError(t, err)
			workflows.Register(replayed{replayer}, nil)
			data, err := os.Open(file)
			require.NoError(t, err)
			defer func() { _ = data.Close() }() // it was only read
			history, err := client.HistoryFromJSON(data, client.HistoryJSONOptions{})
			require.NoError(t, err)
			id := history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
			require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(
				log.NewStructuredLogger(slog.New(slog.DiscardHandler)), history,
				worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: id}}))
			require.NotEmpty(t, spans.Started(), "the workflow was traced")
			require.Empty(t, spans.Ended())
		})
	}
}

func TestAWorkflowHasTheSameSpanOnEveryWorker(t *testing.T) {
	t.Parallel()
	var seen []sdktrace.ReadWriteSpan
	for _, key := range []string{"run 1", "run 1", "run 2"} {
		traces, spans := recorded()
		start(t, newTracer(traces.provider), interceptor.TracerStartSpanOptions{Operation: "RunWorkflow", Name: "RunPlan", IdempotencyKey: key})
		seen = append(seen, spans.Started()[0])
	}
	require.Equal(t, seen[0].SpanContext(), seen[1].SpanContext())
	require.NotEqual(t, seen[0].SpanContext().SpanID(), seen[2].SpanContext().SpanID())
	require.NotEqual(t, seen[0].SpanContext().TraceID(), seen[2].SpanContext().TraceID())

	traces, spans := recorded()
	tracer := newTracer(traces.provider)
	starter := start(t, tracer, interceptor.TracerStartSpanOptions{Operation: "StartWorkflow", Name: "RunPlan", ToHeader: true})
	start(t, tracer, interceptor.TracerStartSpanOptions{Operation: "RunWorkflow", Name: "RunPlan", IdempotencyKey: "run 1", Parent: starter})
	require.Equal(t, spans.Started()[0].SpanContext().TraceID(), spans.Started()[1].SpanContext().TraceID(), "the starter's trace")
	require.Equal(t, seen[0].SpanContext().SpanID(), spans.Started()[1].SpanContext().SpanID())
}

func TestOfErrorsSpansShowTheTypeOnly(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"PlanFailed":          temporal.NewApplicationError("planted", "PlanFailed", "planted"),
		"Canceled":            temporal.NewCanceledError("planted"),
		"*errors.errorString": errors.New("planted"),
	} {
		traces, spans := recorded()
		start(t, newTracer(traces.provider), interceptor.TracerStartSpanOptions{Operation: "RunActivity", Name: "DpaTriggerPlan"}).
			Finish(&interceptor.TracerFinishSpanOptions{Error: err})
		span := spans.Ended()[0]
		require.Equal(t, sdktrace.Status{Code: codes.Error}, span.Status())
		require.Empty(t, span.Events())
		require.Len(t, span.Attributes(), 1)
		require.Equal(t, "error.type", string(span.Attributes()[0].Key))
		require.Equal(t, want, span.Attributes()[0].Value.AsString())
	}
	traces, spans := recorded()
	start(t, newTracer(traces.provider), interceptor.TracerStartSpanOptions{Operation: "RunActivity", Name: "DpaTriggerPlan"}).
		Finish(&interceptor.TracerFinishSpanOptions{Error: &workflow.ContinueAsNewError{}})
	require.Equal(t, codes.Unset, spans.Ended()[0].Status().Code, "to continue as new is no error")
}

func TestNamesOfSpansHaveNoIdsInThem(t *testing.T) {
	t.Parallel()
	traces, spans := recorded()
	start(t, newTracer(traces.provider), interceptor.TracerStartSpanOptions{Operation: "HandleSignal", Name: "platform-callback:01a2.p.1"})
	require.Equal(t, "HandleSignal:platform-callback", spans.Started()[0].Name())
}

func TestARunOfAScheduleIsNotInTheTraceOfItsCreation(t *testing.T) {
	t.Parallel()
	traces, spans := recorded()
	tracer := newTracer(traces.provider)
	span := start(t, tracer, interceptor.TracerStartSpanOptions{Operation: "CreateSchedule", Name: "nightly", ToHeader: true})
	header, err := tracer.MarshalSpan(span)
	require.NoError(t, err)
	require.Empty(t, header)
	require.Empty(t, spans.Started())
}
