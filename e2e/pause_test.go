package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// pause has Temporal pause a run, as an operator would.
func (s *stack) pause(run client.WorkflowRun) {
	s.t.Helper()
	s.command("workflow", "pause", "--workflow-id", run.GetID(), "--reason", "maintenance")
	described, err := s.DescribeWorkflow(s.t.Context(), run.GetID(), "")
	require.NoError(s.t, err)
	require.Equal(s.t, enums.WORKFLOW_EXECUTION_STATUS_PAUSED, described.Status)
}

func (s *stack) unpause(run client.WorkflowRun) {
	s.t.Helper()
	s.command("workflow", "unpause", "--workflow-id", run.GetID())
}

func TestARunThatIsPausedIsOpenToAllThatCountIt(t *testing.T) {
	t.Parallel()
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{SearchAttributes: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = temporal.Stop() })
	s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue()}) // no plan ends by itself
	run := s.run("paused", input("web1"))
	s.reaches(run, workflows.PhaseWaiting)
	s.pause(run)

	require.Eventually(t, func() bool {
		return strings.Contains(s.metrics(s.worker), "\ndpaflow_runs{state=\"waiting\"} 1\n")
	}, patience, time.Second, "the metric")
	require.Contains(t, s.command("workflow", "count", "--query", "CloseTime IS NULL"), "1", "the query of the documentation")

	var hint activities.PlanHint
	s.alone("PlanStatus", activities.PlanQuestion{PlanID: "p", Since: time.Now()}, &hint)
	require.False(t, hint.Alone, "what the platform says of the plan may be about the paused run")

	require.NoError(t, s.TerminateWorkflow(t.Context(), run.GetID(), "", "it is not wanted any more"))
	require.Eventually(t, func() bool {
		return strings.Contains(s.metrics(s.worker), "\ndpaflow_runs{state=\"waiting\"} 0\n")
	}, patience, time.Second, "the metric")
}

func TestARunThatIsPausedSaysSoToOperatorsAndGoesOnWithWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseWaiting)
	s.pause(run)

	for _, test := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"status", s.queue}, 1, []string{"paused", "maintenance", "temporal workflow unpause --workflow-id " + s.queue}},
		{[]string{"resolve", s.queue, "--status", "SUCCESS"}, 1, []string{"paused", "temporal workflow unpause --workflow-id " + s.queue}},
		{[]string{"report", s.queue}, 0, []string{"Paused", "temporal workflow unpause --workflow-id " + s.queue}},
	} {
		stdout, stderr, code := s.starter(test.args...)
		require.Equal(t, test.code, code, "%v: %s%s", test.args, stdout, stderr)
		for _, want := range test.want {
			require.Contains(t, stdout+stderr, want, "%v", test.args)
		}
	}

	s.callsBack(s.instance("web1"), platformtest.Success)
	s.unpause(run)
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Equal(t, "callback", result.ObservedBy)
	require.Len(t, s.sim.Executions(), 1)
}

func TestATriggerUnderWayIsSentOnceHoweverOftenItsRunIsPaused(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	answers := s.hold(platformtest.Fault{Endpoint: "P5", Times: 1, AfterExecution: true, Kind: platformtest.FaultDelay})
	run := s.run(s.queue, input("web1"))
	_, err := s.sim.WaitExecutions(wait.Context(t), 1)
	require.NoError(t, err)
	for range 2 { // to unpause a run has Temporal dispatch its activities anew
		s.pause(run)
		s.unpause(run)
	}
	answers()
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Equal(t, platformtest.Success, result.Status)
	require.Len(t, s.sim.Executions(), 1)
	require.Equal(t, 1, s.calls()["P5"])
}

func TestARunThatIsPausedBeforeItsTriggerTriggersNothingUntilItGoesOn(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	require.NoError(t, s.worker.Stop())
	run := s.run(s.queue, input("web1"))
	s.pause(run)
	s.worker = s.start("worker")
	require.NoError(t, s.await(s.run(s.queue+"-other", input("web2")), nil))
	require.Len(t, s.sim.Executions(), 1, "that of the other run")
	s.unpause(run)
	require.NoError(t, s.await(run, nil))
	require.Len(t, s.sim.Executions(), 2)
}
