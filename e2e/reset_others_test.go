package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// triggerTask waits for the workflow task that schedules the trigger of a run, and returns its number.
func (s *stack) triggerTask(run client.WorkflowRun) (task int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		task = 0
		for _, event := range s.history(run) {
			switch event.GetEventType() {
			case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
				task++
			case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
				return true
			}
		}
		return false
	}, patience, 50*time.Millisecond, "the trigger of %s", run.GetID())
	return task
}

// resetRun is a run of a model or a runbook that has one execution, and is reset while its trigger is on the wire.
type resetRun struct {
	client.WorkflowRun
	host  string
	later int // workflow tasks after the one that schedules the trigger
	phase func(client.WorkflowRun) workflows.Phase
}

// executed are the instances that the platform executed for the run's host.
func (s *stack) executed(host string) (instances []string) {
	for _, execution := range s.sim.Executions() {
		for _, params := range execution.Params {
			if params["HOST"] == host {
				instances = append(instances, execution.InstanceID)
			}
		}
	}
	return instances
}

func TestModelsAndStepsOnTheWireWhenTheirRunIsResetRunOnce(t *testing.T) {
	t.Parallel()
	plans := catalogue()
	plans.Models = models(2).Models
	s := newStack(t, plans, executePath)
	for _, endpoint := range []string{"P5", "W3"} {
		s.hold(platformtest.Fault{Endpoint: endpoint, AfterExecution: true, Kind: platformtest.FaultDelay})
	}
	var runs []*resetRun
	for later := range 2 {
		model, step := fmt.Sprintf("model-%d", later), fmt.Sprintf("step-%d", later)
		runs = append(runs, &resetRun{
			s.runModel(s.queue+"-"+model, workflows.ModelInput{ModelID: plans.Models[later].ID, Params: host(model)}), model, later,
			func(run client.WorkflowRun) workflows.Phase { return s.state(run).Phase },
		}, &resetRun{
			s.runbook(s.queue+"-"+step, fmt.Sprintf("name: %s\nsteps:\n  - {id: one, plan: p, params: {md1: {HOST: %s, PASSWORD: x}}}\n", step, step)),
			step, later,
			func(run client.WorkflowRun) workflows.Phase {
				if result := s.book(run); len(result.Steps) > 0 {
					return workflows.Phase(result.Steps[0].Phase)
				}
				return ""
			},
		})
	}
	_, err := s.sim.WaitExecutions(wait.Context(t), len(runs))
	require.NoError(t, err)
	for _, r := range runs {
		task := s.triggerTask(r)
		if r.later > 0 {
			before := len(s.tasks(r))
			require.NoError(t, s.SignalWorkflow(t.Context(), r.GetID(), r.GetRunID(), "a-signal-that-nobody-reads", nil))
			s.takes(r, before+1)
			task = before + 1
		}
		r.WorkflowRun = s.resetTo(r, task)
	}
	for _, r := range runs {
		require.Eventually(t, func() bool {
			return r.phase(r) == workflows.PhaseUnknown || len(s.executed(r.host)) > 1
		}, patience, 200*time.Millisecond, r.host)
		require.Len(t, s.executed(r.host), 1, r.host)
	}
	for _, r := range runs {
		s.callsBack(s.executed(r.host)[0], platformtest.Success)
		require.NoError(t, s.await(r, nil), r.host)
		require.Len(t, s.executed(r.host), 1, r.host)
	}
}
