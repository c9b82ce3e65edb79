package e2e

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

var record = flag.String("record", "", "folder to record one history of every workflow shape into")

// TestRecordHistories makes the fixtures that workflows' replay test reads: make record.
func TestRecordHistories(t *testing.T) {
	if *record == "" {
		t.Skip("only with -record")
	}
	t.Parallel()
	recordPlans(t)
	recordModels(t)
	recordTimed(t)
	recordUnsigned(t)
	recordRunbooks(t)
	recordWatch(t)
}

func recordPlans(t *testing.T) {
	for name, act := range map[string]func(*stack) client.WorkflowRun{
		"plan-succeeds": func(s *stack) client.WorkflowRun { return s.run(s.queue, input("web1")) },
		"plan-fails": func(s *stack) client.WorkflowRun {
			s.sim.SetScript("p", platformtest.Ends(platformtest.Fail, time.Second))
			return s.run(s.queue, input("web1"))
		},
		"plan-with-bad-input": func(s *stack) client.WorkflowRun { return s.run(s.queue, workflows.PlanInput{PlanID: "none"}) },
		"plan-in-doubt-settled-by-its-callback": func(s *stack) client.WorkflowRun {
			s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, AfterExecution: true, Kind: platformtest.FaultStatus, Status: http.StatusBadGateway})
			return s.run(s.queue, input("web1"))
		},
		"plan-in-doubt-triggered-again-by-an-operator": func(s *stack) client.WorkflowRun {
			s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultStatus, Status: http.StatusBadGateway})
			run := s.run(s.queue, input("web1"))
			s.reaches(run, workflows.PhaseUnknown)
			require.NoError(s.t, s.retrigger(run))
			return run
		},
		"plan-in-doubt-given-up-by-an-operator": func(s *stack) client.WorkflowRun {
			s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultStatus, Status: http.StatusBadGateway})
			run := s.run(s.queue, input("web1"))
			s.reaches(run, workflows.PhaseUnknown)
			s.resolve(run, workflows.ResolveTrigger{Action: workflows.ActionAbort, By: "operator"})
			return run
		},
		"plan-not-sent-at-first": func(s *stack) client.WorkflowRun {
			s.sim.Inject(platformtest.Fault{Endpoint: "P3", Times: 3, Kind: platformtest.FaultStatus, Status: http.StatusServiceUnavailable})
			return s.run(s.queue, input("web1"))
		},
		"plan-rejected-for-its-token": func(s *stack) client.WorkflowRun {
			s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultCode, Code: http.StatusForbidden})
			return s.run(s.queue, input("web1"))
		},
		"plan-asked-for": func(s *stack) client.WorkflowRun {
			s.sim.InjectCallback(platformtest.CallbackFault{Kind: platformtest.CallbackDrop})
			in := input("web1")
			in.PollAfter, in.Timeout = runbook.Duration(time.Second), runbook.Duration(5*time.Second)
			return s.run(s.queue, in)
		},
		"plan-cancelled": func(s *stack) client.WorkflowRun {
			s.sim.SetScript("p", platformtest.Script{})
			run := s.run(s.queue, input("web1"))
			s.reaches(run, workflows.PhaseWaiting)
			require.NoError(s.t, s.CancelWorkflow(s.t.Context(), run.GetID(), ""))
			return run
		},
		"plan-whose-outputs-come-late": func(s *stack) client.WorkflowRun {
			s.sim.Inject(platformtest.Fault{Endpoint: "P6", Times: 4, Kind: platformtest.FaultStatus, Status: http.StatusServiceUnavailable})
			return s.run(s.queue, input("web1"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, catalogue(platformtest.Step{Status: platformtest.Running, Delay: 300 * time.Millisecond}, success(300*time.Millisecond)), briefly)
			s.record(name, act(s))
		})
	}
}

func recordWatch(t *testing.T) {
	t.Run("watch-goes-to-another-worker", func(t *testing.T) {
		t.Parallel()
		s := newStack(t, catalogue(), newReceiver(t).env()...)
		s.watches(s.worker)
		require.NoError(t, s.worker.Stop())
		s.worker = s.start("worker")
		s.watches(s.worker)
		watch := s.GetWorkflow(t.Context(), workflows.WatchID(s.queue), "")
		require.NoError(t, s.TerminateWorkflow(t.Context(), watch.GetID(), "", "recorded"))
		s.record("watch-goes-to-another-worker", watch)
	})
}

// record waits for the end of a run and writes its history down.
func (s *stack) record(name string, run client.WorkflowRun) {
	s.t.Helper()
	_ = s.await(run, nil) // some of them fail, as they should
	data, err := protojson.Marshal(&historypb.History{Events: s.history(run)})
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(filepath.Join(*record, name+".json"), anonymous(s.t, data), 0o644))
}

// anonymous takes the machine out of a history's JSON.
func anonymous(t *testing.T, data []byte) []byte {
	t.Helper()
	var history any
	require.NoError(t, json.Unmarshal(data, &history))
	var clean func(any)
	clean = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			delete(value, "identity")
			for _, nested := range value {
				clean(nested)
			}
		case []any:
			for _, nested := range value {
				clean(nested)
			}
		}
	}
	clean(history)
	data, err := json.MarshalIndent(history, "", " ")
	require.NoError(t, err)
	return append(data, '\n')
}
