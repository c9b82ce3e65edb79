package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// requireNothingTriggered requires that the platform was asked to run nothing.
func (s *stack) requireNothingTriggered() {
	s.t.Helper()
	calls := s.calls()
	require.Zero(s.t, calls["P4"]+calls["P5"]+calls["W3"], "%v", calls)
	require.Empty(s.t, s.sim.Executions())
}

// requireCancelled waits for the end of a run that was cancelled.
func (s *stack) requireCancelled(run client.WorkflowRun) {
	s.t.Helper()
	var cancelled *temporal.CanceledError
	require.ErrorAs(s.t, s.await(run, nil), &cancelled, run.GetID())
}

// heeds waits until a run has completed a workflow task that brought its cancellation.
func (s *stack) heeds(run client.WorkflowRun) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		requested := false
		for _, event := range s.history(run) {
			switch event.GetEventType() {
			case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
				requested = true
			case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
				if requested {
					return true
				}
			}
		}
		return false
	}, patience, 50*time.Millisecond, "%s", run.GetID())
}

func TestARunCancelledBeforeItsFirstWorkflowTaskTriggersNothing(t *testing.T) {
	t.Parallel()
	plans := catalogue()
	plans.Models = models(1).Models
	s := newStack(t, plans, executePath)
	require.NoError(t, s.worker.Stop())
	document, err := runbook.Parse([]byte("name: cancelled\nsteps:\n  - {id: one, plan: p, params: {md1: {HOST: web1, PASSWORD: x}}}\n"))
	require.NoError(t, err)
	var runs []client.WorkflowRun
	for name, in := range map[string]any{
		"RunPlan":  input("web1"),
		"RunModel": workflows.ModelInput{ModelID: plans.Models[0].ID, Params: host("web1")},
		"Runbook":  workflows.RunbookInput{Document: *document},
		"TimedPlan": workflows.TimedInput{
			PlanID: "p", SceneName: "巡检", ExecuteStrategy: "cycle", Dimension: "seconds", Intervals: "1", MaxRuns: 1,
			Params: input("web1").Params,
		},
	} {
		run, err := s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: s.queue + "-" + name, TaskQueue: s.queue}, name, in)
		require.NoError(t, err)
		require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
		runs = append(runs, run)
	}
	s.worker = s.start("worker")
	for _, run := range runs {
		require.Error(t, s.await(run, nil))
	}
	s.requireNothingTriggered()
}

func TestARunCancelledWhileItsTriggerWaitsForAWorkerTriggersNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	require.NoError(t, s.worker.Stop())
	stop := s.onlyWorkflows()
	run := s.run(s.queue, input("web1"))
	s.takes(run, 1)
	require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
	s.heeds(run)
	stop()
	s.worker = s.start("worker")
	s.requireCancelled(run)
	s.requireNothingTriggered()
}

func TestARunCancelledWhileItsTriggerIsPreparedTriggersNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	release := s.hold(platformtest.Fault{Endpoint: "P3", Kind: platformtest.FaultDelay})
	run := s.run(s.queue, input("web1"))
	s.underWay("P3")
	require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
	s.heeds(run)
	release()
	s.requireCancelled(run)
	s.requireNothingTriggered()
}

func TestARunCancelledWhileItsTriggerIsRefusedForItsTokenTriggersNoMore(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	release := s.hold(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultCode, Code: 403})
	run := s.run(s.queue, input("web1"))
	s.underWay("P5")
	require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
	s.heeds(run)
	release()
	s.requireCancelled(run)
	require.Empty(t, s.sim.Executions())
	require.Equal(t, 1, s.calls()["P5"])
}

// runsOfTheCancelled executes a plan and a model under a context that is cancelled already, and returns how many of
// them say so.
func runsOfTheCancelled(ctx workflow.Context, model string) (refused int, err error) {
	ctx, cancel := workflow.WithCancel(ctx)
	cancel()
	if _, err := workflows.ExecutePlan(ctx, input("web1")); temporal.IsCanceledError(err) {
		refused++
	}
	if _, err := workflows.ExecuteModel(ctx, workflows.ModelInput{ModelID: model, Params: host("web1")}); temporal.IsCanceledError(err) {
		refused++
	}
	return refused, nil
}

func TestPlansAndModelsUnderACancelledContextAreNotTriggered(t *testing.T) {
	t.Parallel()
	plans := catalogue()
	plans.Models = models(1).Models
	s := newStack(t, plans, executePath)
	w := worker.New(s.Client.(*connect.Client).Client, s.queue+"-own", worker.Options{})
	workflows.Register(w, s.ownActivities())
	w.RegisterWorkflow(runsOfTheCancelled)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	run, err := s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: s.queue, TaskQueue: s.queue + "-own"},
		runsOfTheCancelled, plans.Models[0].ID)
	require.NoError(t, err)
	var refused int
	require.NoError(t, s.await(run, &refused))
	require.Equal(t, 2, refused)
	s.requireNothingTriggered()
}
