package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

const tick = 50 * time.Millisecond

// theRun are the spans of a plan that the command line starts and a callback ends.
var theRun = []string{
	"dpaflow-starter StartWorkflow:RunPlan",
	"dpaflow-worker RunWorkflow:RunPlan",
	"dpaflow-worker StartActivity:DpaTriggerPlan",
	"dpaflow-worker RunActivity:DpaTriggerPlan",
	"dpaflow-worker P3 inputs of a plan",
	"dpaflow-worker P5 trigger plan",
	"dpaflow-bridge callback plan",
	"dpaflow-bridge SignalWorkflow:platform-callback",
	"dpaflow-worker HandleSignal:platform-callback",
	"dpaflow-worker StartActivity:PlanOutputs",
	"dpaflow-worker RunActivity:PlanOutputs",
	"dpaflow-worker P6 outputs of a plan",
}

// started runs a plan to its end with the command line, and returns its result.
func (s *stack) started(id, host string) (result workflows.PlanResult) {
	s.t.Helper()
	stdout, stderr, code := s.starter("run", "plan", "p", "--workflow-id", id, "-o", "json",
		"--param", "md1.HOST="+host, "--secret", "md1.PASSWORD=db-password")
	require.Zero(s.t, code, "%s%s", stdout, stderr)
	require.NoError(s.t, json.Unmarshal([]byte(stdout), &result), stdout)
	return result
}

// traceOf is the trace that a run was started in.
func (c *collector) traceOf(t *testing.T, workflowID string) (trace string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, span := range c.spans() {
			if strings.HasPrefix(span.Name, "StartWorkflow:") && span.tag("temporalWorkflowID") == workflowID {
				trace = span.trace()
			}
		}
		return trace != ""
	}, patience, tick)
	return trace
}

func TestARunIsOneTraceFromTheStarterThroughItsCallback(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{"clear": nil, "encrypted": {"DPA_ENCRYPTION_KEYS=" + encryptionKey("k1")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireOneTrace(t, env)
		})
	}
}

func requireOneTrace(t *testing.T, env []string) {
	c := newCollector(t)
	s := newStack(t, catalogue(success(500*time.Millisecond)), append(c.env(), env...)...)
	result := s.started(s.queue, plantedHost)
	require.Equal(t, workflows.ObservedByCallback, result.ObservedBy)
	trace := c.traceOf(t, s.queue)
	spans := c.await(t, trace, theRun...)

	parents := map[string]string{}
	names := map[string]string{}
	for name, span := range spans {
		names[string(span.SpanId)] = name
	}
	for name, span := range spans {
		parents[name] = names[string(span.ParentSpanId)]
	}
	for i := range theRun {
		require.Contains(t, parents, theRun[i])
	}
	require.Empty(t, spans[theRun[0]].ParentSpanId)
	for child, parent := range map[int]int{1: 0, 2: 1, 3: 2, 4: 3, 5: 3, 6: 3, 7: 6, 8: 7, 9: 1, 10: 9, 11: 10} {
		require.Equal(t, theRun[parent], parents[theRun[child]], theRun[child])
	}
	trigger, callback := spans["dpaflow-worker P5 trigger plan"], spans["dpaflow-bridge callback plan"]
	require.Equal(t, result.InstanceID, callback.tag("dpaflow.instanceId"))
	require.Equal(t, s.queue, callback.tag("temporalWorkflowID"))
	require.Equal(t, "p", spans["dpaflow-worker RunActivity:DpaTriggerPlan"].tag("dpaflow.planId"))
	told := false
	for _, request := range s.sim.Requests() {
		told = told || request.Endpoint == "P5" && request.Traceparent == fmt.Sprintf("00-%s-%x-01", trace, trigger.SpanId)
	}
	require.True(t, told, "the platform is told the trace")

	// A failed run and an input that is refused: errors have the words of others in them.
	s.sim.SetScript("p", platformtest.Ends(platformtest.Fail, 100*time.Millisecond))
	_, _, code := s.starter("run", "plan", "p", "--workflow-id", s.queue+"-fails", "--param", "md1.HOST="+plantedHost, "--secret", "md1.PASSWORD=db-password")
	require.Equal(t, 3, code)
	_, _, code = s.starter("run", "plan", "p", "--workflow-id", s.queue+"-bad", "--param", "md1.planted-input="+plantedHost)
	require.Equal(t, 3, code)
	failed := c.await(t, c.traceOf(t, s.queue+"-fails"), theRun...)
	require.Equal(t, "PlanFailed", failed["dpaflow-worker RunWorkflow:RunPlan"].tag("error.type"))
	bad := c.await(t, c.traceOf(t, s.queue+"-bad"), theRun[:4]...)
	require.Equal(t, "InvalidInput", bad["dpaflow-worker RunActivity:DpaTriggerPlan"].tag("error.type"))

	require.Eventually(t, func() bool { return c.hasMetric("dpaflow_platform_calls") && c.hasMetric("dpaflow_callbacks") }, patience, tick,
		"metrics come to the collector too")
	for _, private := range []string{plantedHost, "planted-input", clientSecret, dbPassword, s.key, "db-password", "主机<名>", "/callbacks/plan/A", "Bearer"} {
		require.NotContains(t, c.sent(), private)
	}
	require.NotContains(t, c.sent(), s.token(t), "the address of the callback")
}

// token is the last segment of the address that the first trigger was sent with.
func (s *stack) token(t *testing.T) string {
	t.Helper()
	for _, request := range s.sim.Requests() {
		if _, after, found := strings.Cut(request.Body, "/callbacks/plan/"); found {
			token, _, _ := strings.Cut(after, `"`)
			return token
		}
	}
	require.Fail(t, "no trigger")
	return ""
}

func TestARunStaysOneTraceWhenItsWorkerIsReplaced(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	s := newStack(t, catalogue(), c.env()...)
	run := s.run(s.queue, input("web1")) // not by the starter: the trace begins in the worker
	s.reaches(run, workflows.PhaseWaiting)
	require.NoError(t, s.worker.Stop())
	s.worker = s.start("worker")
	s.callsBack(s.instance("web1"), platformtest.Success)
	require.NoError(t, s.await(run, nil))
	require.Equal(t, workflows.PhaseEnded, s.state(run).Phase)

	var trace string
	require.Eventually(t, func() bool {
		for _, span := range c.spans() {
			if span.Name == "RunWorkflow:RunPlan" {
				trace = span.trace()
			}
		}
		return trace != ""
	}, patience, tick)
	spans := c.await(t, trace, theRun[1:]...)
	require.NoError(t, s.worker.Stop())
	s.worker = s.start("worker")
	require.Equal(t, workflows.PhaseEnded, s.state(run).Phase, "a query of an ended run has it replayed")
	require.NoError(t, s.worker.Stop())
	s.worker = s.start("worker")

	ended := 0
	for _, span := range c.spans() {
		require.Equal(t, trace, span.trace(), span.Name)
		if span.Name == "RunWorkflow:RunPlan" {
			ended++
		}
	}
	require.Equal(t, 1, ended, "the workflow is one span, sent once")
	require.Equal(t, spans[theRun[1]].SpanId, spans["dpaflow-worker StartActivity:DpaTriggerPlan"].ParentSpanId, "before")
	require.Equal(t, spans[theRun[1]].SpanId, spans["dpaflow-worker StartActivity:PlanOutputs"].ParentSpanId, "and after")
}

func TestTracesCostNoEvents(t *testing.T) {
	t.Parallel()
	shapes := map[string]string{}
	for name, env := range map[string][]string{"without": nil, "with": newCollector(t).env()} {
		t.Run(name, func(t *testing.T) { // each on a task queue of its own
			s := newStack(t, catalogue(), env...)
			for i := 0; shapes[name] == "" || strings.Contains(shapes[name], "ActivityTaskFailed"); i++ { // a busy machine sends one late
				require.Less(t, i, 10, shapes[name])
				host := fmt.Sprint("web", i)
				run := s.GetWorkflow(t.Context(), s.startedDetached(host), "")
				s.reaches(run, workflows.PhaseWaiting) // news that comes sooner saves a task
				s.callsBack(s.instance(host), platformtest.Success)
				require.NoError(t, s.await(run, nil))
				shapes[name] = strings.Join(s.undisturbed(run), "\n")
			}
		})
	}
	require.NotEmpty(t, shapes["with"])
	require.Equal(t, shapes["without"], shapes["with"])
}

func (s *stack) startedDetached(host string) (workflowID string) {
	s.t.Helper()
	workflowID = s.queue + "-" + host
	_, stderr, code := s.starter("run", "plan", "p", "--workflow-id", workflowID, "--detach",
		"--param", "md1.HOST="+host, "--secret", "md1.PASSWORD=db-password")
	require.Zero(s.t, code, stderr)
	return workflowID
}

func TestWithoutTheStandardVariablesNothingIsTraced(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	for name, env := range map[string][]string{
		"nothing is set": nil, "disabled": append(c.env(), "OTEL_SDK_DISABLED=true"),
		"no exporter": append(c.env(), "OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, catalogue(success(100*time.Millisecond)), env...)
			s.started(s.queue, "web1")
			run := s.GetWorkflow(t.Context(), s.queue, "")
			require.NotContains(t, s.raw(run), "traceparent")
			require.NotContains(t, s.logs.String(), "traceId")
			for _, request := range s.sim.Requests() {
				require.Empty(t, request.Traceparent, request.Endpoint)
			}
			require.NoError(t, s.worker.Stop()) // which would send what is left
			require.NoError(t, s.bridge.Stop())
			s.worker, s.bridge = s.start("worker"), s.start("signals/bridge")
			require.Empty(t, c.sent())
		})
	}
}

func TestADeadCollectorNeitherDelaysNorFailsARun(t *testing.T) {
	t.Parallel()
	// It takes connections and never answers: worse than one that is not there.
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = dead.Close() })
	// Whoever waited for it would do so for hours.
	s := newStack(t, catalogue(success(100*time.Millisecond)), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+dead.Addr().String(),
		"OTEL_EXPORTER_OTLP_TIMEOUT=10000000", "OTEL_BSP_EXPORT_TIMEOUT=10000000", "OTEL_METRIC_EXPORT_TIMEOUT=10000000")
	var runs []client.WorkflowRun
	for i := range 20 {
		runs = append(runs, s.run(fmt.Sprintf("%s-%d", s.queue, i), input("web1")))
	}
	for _, run := range runs {
		var result workflows.PlanResult
		require.NoError(t, s.await(run, &result))
		require.Equal(t, workflows.ObservedByCallback, result.ObservedBy)
	}
	begun := time.Now()
	started := s.startedDetached("web1")
	require.Less(t, time.Since(begun), patience, "the command line waits 2 seconds for it")
	require.NoError(t, s.await(s.GetWorkflow(t.Context(), started, ""), nil))
	require.NoError(t, errors.Join(s.worker.Stop(), s.bridge.Stop()), "nor do these")
	s.worker, s.bridge = s.start("worker"), s.start("signals/bridge")
	require.Contains(t, s.logs.String(), "traces or metrics are lost")
}
