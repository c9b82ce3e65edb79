package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
)

// each does something with all items, several at a time.
func each[T any](t *testing.T, items []T, do func(T) error) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for _, item := range items {
		group.Go(func() error { return do(item) })
	}
	require.NoError(t, group.Wait())
}

// update lets an operator act on a run.
func (s *stack) update(run client.WorkflowRun, name string, argument any) error {
	handle, err := s.UpdateWorkflow(s.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), RunID: run.GetRunID(), UpdateName: name, Args: []any{argument},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(wait.Context(s.t), nil)
	}
	if err != nil {
		return fmt.Errorf("%s of %s: %w", name, run.GetID(), err)
	}
	return nil
}

// silentPlans succeed at once, give out HOST, and do not call back.
func silentPlans(ids ...string) (c platformtest.Catalogue) {
	for _, id := range ids {
		c.Plans = append(c.Plans, platformtest.Plan{
			ID: id, Title: id,
			Inputs: []platformtest.ModelInputs{{ModelID: "md1", Inputs: []platformtest.Input{{Name: "HOST", Type: "running"}}}},
			Script: platformtest.Script{
				Steps: []platformtest.Step{success(0)}, NoCallbacks: true,
				Outputs: []platformtest.ModelOutputs{{ModelID: "md1", Nodes: []platformtest.Node{{Name: "host", Result: "{{HOST}}"}}}},
			},
		})
	}
	return c
}

func hostOf(host string) activities.PlanParams {
	return activities.PlanParams{"md1": {"HOST": runbook.Text(host)}}
}

// instances are the last ones of each plan.
func (s *stack) instances() map[string]string {
	instances := map[string]string{}
	for _, execution := range s.sim.Executions() {
		instances[execution.PlanID] = execution.InstanceID
	}
	return instances
}
