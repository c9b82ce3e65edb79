package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestARunThatTemporalTriesAgainTriggersNothingAgain(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(platformtest.Step{Status: platformtest.Running}))
	step := runbook.Step{ID: "a", Job: runbook.Job{Plan: "p", Params: runbook.Params{"md1": runbook.Inputs(runbook.Params{"HOST": runbook.Text("web2"), "PASSWORD": runbook.SecretRef("db-password")})}}}
	for workflowType, in := range map[string]any{
		"RunPlan": input("web1"),
		"Runbook": workflows.RunbookInput{Document: runbook.Document{Name: "r", Steps: []runbook.Step{step}}},
	} {
		t.Run(workflowType, func(t *testing.T) {
			t.Parallel()
			run, err := s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
				ID: s.queue + "-" + workflowType, TaskQueue: s.queue, WorkflowRunTimeout: 15 * time.Second,
				RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second},
			}, workflowType, in)
			require.NoError(t, err)
			first := run.GetRunID()
			err = run.Get(t.Context(), nil)
			require.Equal(t, activities.ErrorTriggerOutcomeUnknown, workflows.TypeOf(err), "%v", err)
			require.ErrorContains(t, err, "by its retry policy, after its run "+first)
		})
	}
	t.Cleanup(func() {
		require.LessOrEqual(t, s.executions("web1"), 1, "a plan runs twice")
		require.LessOrEqual(t, s.executions("web2"), 1, "a plan runs twice")
	})
}
