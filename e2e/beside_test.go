package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// runBeside is somebody else's workflow: it runs plans side by side, and says how much they gave out.
func runBeside(ctx workflow.Context, plans []string) (bytes int, failed error) {
	group := workflow.NewWaitGroup(ctx)
	for _, id := range plans {
		group.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			result, err := workflows.ExecutePlan(ctx, workflows.PlanInput{PlanID: id})
			failed = errors.Join(failed, err)
			for _, model := range result.Outputs {
				for _, node := range model.Nodes {
					bytes += len(node.Result)
				}
			}
			group.Done() // not deferred: a worker that stops ends all coroutines at once
		})
	}
	group.Wait(ctx)
	return bytes, failed
}

// The outputs of a run may be a megabyte, and what a workflow task gives the server four: those of several runs that are
// read at once must not come in one.
func TestLargeOutputsOfPlansSideBySideFitIntoTheServersMessages(t *testing.T) {
	t.Parallel()
	const beside, size = 8, 1_000_000
	var offered platformtest.Catalogue
	var plans []string
	for i := range beside {
		id := fmt.Sprintf("large-%d", i)
		plans = append(plans, id)
		offered.Plans = append(offered.Plans, platformtest.Plan{ID: id, Script: platformtest.Script{Outputs: []platformtest.ModelOutputs{
			{ModelID: "md1", Nodes: []platformtest.Node{{Name: "log", Result: strings.Repeat("x", size)}}}}}})
	}
	s := newStack(t, offered)
	c, err := client.Dial(client.Options{HostPort: s.temporal.Address, Namespace: s.temporal.Namespace, RPCTimeout: patience, ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: patience}})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	queue := s.queue + "-own"
	start := func() worker.Worker {
		w := worker.New(c, queue, worker.Options{})
		workflows.Register(w, s.ownActivities())
		w.RegisterWorkflow(runBeside)
		require.NoError(t, w.Start())
		return w
	}
	first := start()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: queue, TaskQueue: queue}, runBeside, plans)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		types := s.undisturbed(run)
		return strings.Count(strings.Join(types, " "), "ActivityTaskCompleted") == beside
	}, wait.Limit, 100*time.Millisecond)
	first.Stop()
	for _, execution := range s.sim.Executions() { // so that one workflow task takes in all the ends
		s.sim.Move(execution.InstanceID, platformtest.Success)
		s.callsBack(execution.InstanceID, platformtest.Success)
	}
	t.Cleanup(start().Stop)
	var bytes int
	require.NoError(t, s.await(run, &bytes))
	require.Equal(t, beside*size, bytes)
}
