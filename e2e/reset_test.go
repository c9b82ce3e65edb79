package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// resets are the workflow tasks that a run is reset to, one after another: the first schedules the trigger, the second
// comes of a signal while the trigger is pending.
var resets = map[string][]int{
	"before its trigger":            {1},
	"after its trigger":             {2},
	"after and before its trigger":  {2, 1},
	"after its trigger and again":   {2, 2},
	"before its trigger, and again": {1, 1},
}

// pendingRuns are runs that each have two workflow tasks behind them, and their trigger pending.
func (s *stack) pendingRuns() map[string]client.WorkflowRun {
	s.t.Helper()
	runs := map[string]client.WorkflowRun{}
	for name := range resets {
		runs[name] = s.run(s.queue+" "+name, input(name))
	}
	for _, run := range runs {
		s.takes(run, 1)
		require.NoError(s.t, s.SignalWorkflow(s.t.Context(), run.GetID(), run.GetRunID(), "a-signal-that-nobody-reads", nil))
		s.takes(run, 2)
	}
	return runs
}

func TestATriggerThatIsPendingWhenItsRunIsResetRunsOnce(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	require.NoError(t, s.worker.Stop())
	stop := s.onlyWorkflows()
	runs := s.pendingRuns()
	for name, run := range runs {
		for _, task := range resets[name] {
			run = s.resetTo(run, task)
		}
		runs[name] = run
	}
	stop()
	require.Empty(t, s.sim.Executions())

	s.worker = s.start("worker")
	for name, run := range runs {
		var result workflows.PlanResult
		require.NoError(t, s.await(run, &result), name)
		require.Equal(t, s.instance(name), result.InstanceID, name)
		require.Equal(t, 1, s.executions(name), name)
	}
}

func TestATriggerThatIsPreparedWhenItsRunIsResetRunsOnce(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	release := s.hold(platformtest.Fault{Endpoint: "P3", Kind: platformtest.FaultDelay})
	runs := s.pendingRuns()
	require.Eventually(t, func() bool { return s.calls()["P3"] == len(runs) }, patience, 50*time.Millisecond, "all are prepared")
	for name, run := range runs {
		for _, task := range resets[name] {
			run = s.resetTo(run, task)
		}
		runs[name] = run
	}
	s.sim.ClearFaults()
	release()
	for name, run := range runs {
		require.NoError(t, s.await(run, nil), name)
		require.Equal(t, 1, s.executions(name), name)
	}
}

func TestATriggerThatIsOnTheWireWhenItsRunIsResetRunsOnce(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	s.hold(platformtest.Fault{Endpoint: "P5", AfterExecution: true, Kind: platformtest.FaultDelay})
	runs := s.pendingRuns()
	_, err := s.sim.WaitExecutions(wait.Context(t), len(runs))
	require.NoError(t, err)
	for name, run := range runs {
		for _, task := range resets[name] {
			run = s.resetTo(run, task)
			s.takes(run, task)
		}
		runs[name] = run
	}
	for name, run := range runs {
		require.Eventually(t, func() bool {
			return s.state(run).Phase == workflows.PhaseUnknown || s.executions(name) > 1
		}, patience, 200*time.Millisecond, name)
		require.Equal(t, 1, s.executions(name), "executions of the run that was reset to %s", name)
	}
	// The address that the platform was given leads to the run that follows.
	for name, run := range runs {
		s.callsBack(s.instance(name), platformtest.Success)
		var result workflows.PlanResult
		require.NoError(t, s.await(run, &result), name)
		require.Equal(t, s.instance(name), result.InstanceID, name)
		require.Equal(t, workflows.ObservedByCallback, result.ObservedBy, name)
	}
	require.Len(t, s.sim.Executions(), len(runs))
	require.Equal(t, len(runs), s.calls()["P5"])
}

func TestARetriggerAfterAResetReallySends(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)), briefly)
	s.doubt(false)
	answered := s.run(s.queue+"-answered", input("answered"))
	s.reaches(answered, workflows.PhaseUnknown)
	s.hold(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultStatus})
	lost := s.run(s.queue+"-lost", input("lost"))
	s.underWay("P5")
	runs := []client.WorkflowRun{s.resetTo(answered, 1), s.resetTo(lost, 1)}
	for _, run := range runs {
		s.reaches(run, workflows.PhaseUnknown)
	}
	require.Empty(t, s.sim.Executions())
	for _, run := range runs {
		require.NoError(t, s.retrigger(run))
		require.NoError(t, s.await(run, nil), run.GetID())
	}
	require.Equal(t, 1, s.executions("answered"))
	require.Equal(t, 1, s.executions("lost"))
	require.Equal(t, 4, s.calls()["P5"])
}
