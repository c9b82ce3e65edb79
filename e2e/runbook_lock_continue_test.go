package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestALockOutlivesTheHistoriesOfItsHolderAndOfWhoWaits(t *testing.T) {
	t.Parallel()
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{
		SearchAttributes: true, Args: []string{"--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, temporal.Stop()) })
	s := newStackOn(t, temporal, platformtest.Options{Catalogue: simple("a", "b")})
	var steps strings.Builder
	for i := range 8 {
		fmt.Fprintf(&steps, "  - {id: s%d, plan: a}\n", i)
	}
	holder := s.runbook(s.queue+"-holder", "name: holder\nlock: {name: core}\nsteps:\n"+steps.String()+"  - {id: confirm, approval: {message: Go on}}\n")
	waiter := s.runbook(s.queue+"-waiter", "name: waiter\nsteps:\n"+steps.String()+
		"  - {id: n, runbook: {name: n, lock: {name: core}, steps: [{id: x, plan: b}]}}\n")
	latest := func(run client.WorkflowRun) client.WorkflowRun { return s.GetWorkflow(t.Context(), run.GetID(), "") }
	require.Eventually(t, func() bool {
		result := s.book(latest(waiter))
		return result.Steps[8].Runbook != nil && result.Steps[8].Runbook.Lock.By != nil
	}, patience, 100*time.Millisecond)
	s.stands(latest(holder), 8, workflows.StatusRunning)
	for _, run := range []client.WorkflowRun{holder, waiter} {
		require.Eventually(t, func() bool {
			described, err := s.DescribeWorkflow(t.Context(), run.GetID(), "")
			return err == nil && described.WorkflowExecution.RunID != run.GetRunID()
		}, patience, 100*time.Millisecond, "%s continues as new", run.GetID())
	}
	require.Equal(t, engine.LockHeld, s.book(latest(holder)).Lock.Status)
	require.True(t, s.book(latest(waiter)).Steps[8].Runbook.Lock.Waits())
	require.Zero(t, s.ran()["b"])
	s.acts(latest(holder), "approve", workflows.StepAction{Step: "confirm"})
	require.NoError(t, s.await(latest(holder), nil))
	require.NoError(t, s.await(latest(waiter), nil))
	require.Equal(t, map[string]int{"a": 16, "b": 1}, s.ran())
}
