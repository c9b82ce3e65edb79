package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// A synchronous model is answered when it has ended, long after any other call would have been given up: a worker that
// is being stopped waits for that, since nothing else tells what became of the trigger.
func TestAWorkerThatIsStoppedWaitsForASynchronousModel(t *testing.T) {
	t.Parallel()
	offered := models(1, success(20*time.Second))
	offered.Models[0].Script.NoCallbacks = true
	s := newStack(t, offered, executePath, "DPA_HTTP_TIMEOUT=5s") // others are waited for for ten seconds
	run := s.runModel(s.queue, workflows.ModelInput{
		ModelID: offered.Models[0].ID, Params: host("x"), Sync: true, SyncTimeout: runbook.Duration(time.Minute),
	})
	executions, err := s.sim.WaitExecutions(wait.Context(t), 1)
	require.NoError(t, err)
	require.NoError(t, s.worker.Stop())
	ended, err := s.sim.WaitDelivered(wait.Context(t), executions[0].InstanceID)
	require.NoError(t, err)
	require.False(t, ended.EndedAt.IsZero())

	s.worker = s.start("worker")
	var result workflows.ModelResult
	require.NoError(t, s.await(run, &result))
	require.Equal(t, ended.InstanceID, result.InstanceID)
	require.Equal(t, platformtest.Success, result.Status)
	require.NotContains(t, s.logs.String(), "nobody can know", "the answer was not lost")
	require.Zero(t, s.calls()["W4"], "nor had anybody to ask")
}
