package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestATimedPlanLosesNoExecutionHoweverOftenItContinuesAsNew(t *testing.T) {
	t.Parallel()
	const runs = 300 // two callbacks each, over several histories
	// The spool keeps what a busy server does not take before the platform gives up.
	s := newStackOn(t, server, platformtest.Options{
		Catalogue:     catalogue(platformtest.Step{Status: platformtest.Running}, success(50*time.Millisecond)),
		SceneInterval: 150 * time.Millisecond, SceneExecutions: runs, // so that one that is lost is missed for ever
	}, "DPA_SPOOL_DIR="+t.TempDir())
	// Outputs take longer than the next end, so that some are always being read.
	s.sim.Inject(platformtest.Fault{Endpoint: "P6", Kind: platformtest.FaultDelay, Delay: 1500 * time.Millisecond})
	run, err := s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: s.queue, TaskQueue: s.queue}, workflows.TimedPlan, workflows.TimedInput{
		PlanID: "p", SceneName: "巡检", ExecuteStrategy: "cycle", Dimension: "seconds", Intervals: "1", MaxRuns: runs,
		Params: input("web1").Params,
	})
	require.NoError(t, err)
	var result workflows.TimedResult
	require.NoError(t, s.await(run, &result))
	require.Len(t, result.Runs, runs)
	require.Len(t, s.sim.Executions(), runs)
	require.Equal(t, 1, s.calls()["P4"])
	collected := map[string]bool{}
	for _, one := range result.Runs {
		require.False(t, collected[one.InstanceID], "%s is there twice", one.InstanceID)
		collected[one.InstanceID] = true
		require.Equal(t, "SUCCESS", one.Status)
		require.Equal(t, "web1", one.Outputs[0].Nodes[0].Result)
	}
	described, err := s.DescribeWorkflow(t.Context(), s.queue, "")
	require.NoError(t, err)
	info := described.RawResponse.GetWorkflowExecutionInfo()
	require.Less(t, info.GetHistoryLength(), int64(5000))
	require.NotEqual(t, info.GetFirstRunId(), info.GetExecution().GetRunId(), "it continued as new")
}

func TestASingleSceneEndsWithItsOneExecution(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	s.command("workflow", "start", "--type", "TimedPlan", "--task-queue", s.queue, "--workflow-id", s.queue, "--input",
		`{"planId":"p","sceneName":"一次","executeStrategy":"single","dimension":"seconds","intervals":1,"params":`+toJSON(t, input("web1").Params)+`}`)
	var result workflows.TimedResult
	require.NoError(t, s.await(s.GetWorkflow(t.Context(), s.queue, ""), &result))
	require.Len(t, result.Runs, 1)
	require.Len(t, s.sim.Executions(), 1)
}

// The platform never stops: whenever the last outputs are read, the next execution has called back.
func TestATimedPlanEndsAlthoughItsSceneGoesOn(t *testing.T) {
	t.Parallel()
	const runs = 5
	s := newStackOn(t, server, platformtest.Options{
		Catalogue: catalogue(success(50 * time.Millisecond)), SceneInterval: 200 * time.Millisecond,
	})
	s.sim.Inject(platformtest.Fault{Endpoint: "P6", Kind: platformtest.FaultDelay, Delay: 1500 * time.Millisecond})
	run, err := s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: s.queue, TaskQueue: s.queue}, workflows.TimedPlan, workflows.TimedInput{
		PlanID: "p", SceneName: "巡检", ExecuteStrategy: "cycle", Dimension: "seconds", Intervals: "1", MaxRuns: runs,
		Params: input("web1").Params,
	})
	require.NoError(t, err)
	var result workflows.TimedResult
	require.NoError(t, s.await(run, &result))
	require.Len(t, result.Runs, runs)
	require.Equal(t, "web1", result.Runs[runs-1].Outputs[0].Nodes[0].Result)
}
