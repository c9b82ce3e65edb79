package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestAResetToBeforeTheTriggerDoesNotTriggerAgain(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseWaiting)
	s.command("workflow", "reset", "--workflow-id", run.GetID(), "--type", "FirstWorkflowTask", "--reason", "test")

	again := s.GetWorkflow(t.Context(), run.GetID(), "")
	s.reaches(again, workflows.PhaseUnknown)
	require.Contains(t, s.state(again).Reason, "reset")
	require.Equal(t, 1, s.calls()["P5"])

	// The address of the first trigger leads to the run that was reset, and settles it.
	s.callsBack(s.instance("web1"), platformtest.Success)
	var result workflows.PlanResult
	require.NoError(t, s.await(again, &result))
	require.Equal(t, s.instance("web1"), result.InstanceID)
	require.Len(t, s.sim.Executions(), 1)
}

func TestASecondResetOfTheSameRunDoesNotTriggerAgain(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultCode, Code: 998})
	base := s.run(s.queue, input("web1"))
	require.Error(t, s.await(base, nil), "its trigger is rejected")
	first := s.resetTo(base, 1)
	s.reaches(first, workflows.PhaseWaiting)
	require.Len(t, s.sim.Executions(), 1)

	second := s.resetTo(base, 1) // which knows of base, and nothing of the first
	s.reaches(second, workflows.PhaseUnknown)
	s.callsBack(s.instance("web1"), platformtest.Success)
	var result workflows.PlanResult
	require.NoError(t, s.await(second, &result))
	require.Equal(t, s.instance("web1"), result.InstanceID)
	require.Len(t, s.sim.Executions(), 1)
}

func TestATriggerActivityThatIsPausedOrResetDoesNotTriggerAgain(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pause", "reset"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, catalogue())
			s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, AfterExecution: true, Kind: platformtest.FaultHang, Delay: 5 * time.Minute})
			run := s.run(s.queue, input("web1"))
			s.underWay("P5")
			activity := []string{"--workflow-id", run.GetID(), "--activity-id", "5"}
			s.command(append([]string{"activity", name}, activity...)...)
			s.killWorker() // the attempt is lost, and the server would start another
			if name == "pause" {
				s.command(append([]string{"activity", "unpause"}, activity...)...)
			}
			s.reaches(run, workflows.PhaseUnknown)
			s.callsBack(s.instance("web1"), platformtest.Success)
			require.NoError(t, s.await(run, nil))
			require.Len(t, s.sim.Executions(), 1)
			require.Equal(t, 1, s.calls()["P5"])
		})
	}
}

func TestAnOperatorSettlesARunWithTheTemporalCommand(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, AfterExecution: true, Kind: platformtest.FaultStatus, Status: http.StatusBadGateway})
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseUnknown)
	update := func(name, argument string) (string, error) {
		handle, err := s.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
			WorkflowID: run.GetID(), UpdateName: name, Args: []any{json.RawMessage(argument)}, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err != nil {
			return "", err
		}
		return handle.UpdateID(), handle.Get(wait.Context(t), nil)
	}
	before := s.undisturbed(run)
	_, err := update("resolveRun", `{"status":"SUCCESS"}`)
	require.ErrorContains(t, err, "name it first by resolveTrigger")
	require.Equal(t, before, s.undisturbed(run), "a refused update leaves no trace")

	s.command("workflow", "update", "execute", "--workflow-id", run.GetID(), "--name", "resolveTrigger",
		"--input", `{"action":"adopt","instanceId":"`+s.instance("web1")+`","by":"zhang","comment":"seen on the platform"}`)
	s.reaches(run, workflows.PhaseWaiting)
	s.command("workflow", "update", "execute", "--workflow-id", run.GetID(), "--name", "resolveRun",
		"--input", `{"status":"SUCCESS","by":"li","comment":"its callbacks are blocked"}`)
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Equal(t, workflows.ObservedByOperator, result.ObservedBy)
	actions := s.state(run).Actions
	require.Len(t, actions, 2)
	require.Equal(t, "li", actions[1].By)
	require.Equal(t, "its callbacks are blocked", actions[1].Comment)
}

func TestACallbackIsDeliveredByHandWithTheTemporalCommand(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseWaiting)
	instance := s.instance("web1")
	s.command("workflow", "signal", "--workflow-id", run.GetID(), "--name", "platform-callback:"+instance,
		"--input", `{"instanceId":"`+instance+`","status":"SUCCESS"}`)
	require.NoError(t, s.await(run, nil))
}

func TestAWorkflowIDMayBeChinese(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	run := s.runCLI("切换-"+strings.ToLower(s.queue), toJSON(t, input("web1")))
	require.NoError(t, s.await(run, nil))
}

func TestALostCallbackIsFoundByAsking(t *testing.T) {
	t.Parallel()
	plans := catalogue(success(4 * time.Second))
	plans.Plans[0].ID = "lost" // other tests' runs of a plan would make its status doubtful
	s := newStack(t, plans)
	s.sim.InjectCallback(platformtest.CallbackFault{Kind: platformtest.CallbackDrop})
	run := s.run(s.queue, map[string]any{
		"planId": "lost", "params": input("web1").Params, "pollAfter": "6s", "trustPlanStatus": true,
	})
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Equal(t, workflows.ObservedByPoll, result.ObservedBy)
	require.Equal(t, "web1", result.Outputs[0].Nodes[0].Result)
	require.LessOrEqual(t, s.calls()["P2"], 2)
}
