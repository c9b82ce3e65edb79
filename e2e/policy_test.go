package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// governed is an installation whose worker has a policy, which is written anew by write.
func governed(t *testing.T, text string) (s *stack, write func(text string)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	write = func(text string) {
		require.NoError(t, os.WriteFile(file+"~", []byte(text), 0o600))
		require.NoError(t, os.Rename(file+"~", file))
	}
	write(text)
	temporal := server // with search attributes
	return newStackOn(t, temporal, platformtest.Options{Catalogue: withSecond(catalogue(success(100 * time.Millisecond)))}, "DPA_POLICY_FILE="+file), write
}

// withSecond adds a second plan, "q", which is like the first, and a third that ends when the test says so.
func withSecond(c platformtest.Catalogue) platformtest.Catalogue {
	second, third := c.Plans[0], c.Plans[0]
	second.ID, third.ID = "q", "stands"
	third.Script = platformtest.Script{}
	c.Plans = append(c.Plans, second, third)
	return c
}

func TestAWorkerRunsWhatItsPolicyAllowsAndHoldsWhatIsFrozen(t *testing.T) {
	t.Parallel()
	s, write := governed(t, "plans: [q]\n")
	refused := s.run(s.queue+"-refused", workflows.PlanInput{PlanID: "p", Params: activities.PlanParams{
		"md1": {"HOST": runbook.Text("web1"), "PASSWORD": runbook.SecretRef("db-password")}}})
	err := s.await(refused, nil)
	require.ErrorContains(t, err, activities.ErrorInvalidInput)
	require.ErrorContains(t, err, `plan "p" is not allowed`)
	require.ErrorContains(t, err, "params.md1.PASSWORD")
	require.Zero(t, s.calls()["P3"], "nothing was asked")

	write("frozen: change freeze until Monday\nplans: [p]\nsecrets: {db-password: {plans: [p]}}\n")
	held := s.run(s.queue+"-held", input("web2"))
	s.reaches(held, workflows.PhaseFrozen)
	require.Contains(t, s.state(held).Reason, "change freeze until Monday")
	require.Contains(t, s.metrics(s.worker), `dpaflow_policy{state="frozen"} 1`)
	require.Eventually(t, func() bool {
		found := s.command("workflow", "list", "--query", "DpaStatus = 'FROZEN' AND ExecutionStatus = 'Running'")
		return strings.Contains(found, held.GetID())
	}, patience, 200*time.Millisecond)
	require.Eventually(t, func() bool { return s.state(held).Triggers > 1 }, patience, 100*time.Millisecond, "it looks again")

	write("frozen: [half written")
	require.Eventually(t, func() bool { return strings.Contains(s.state(held).Reason, "DPA_POLICY_FILE") }, patience, 100*time.Millisecond)
	require.Empty(t, s.sim.Executions())

	write("plans: [p]\nsecrets: {db-password: {plans: [p]}}\n")
	require.NoError(t, s.await(held, nil))
	require.Len(t, s.sim.Executions(), 1)
	require.Equal(t, 1, s.calls()["P5"])
}

func TestAFreezeHoldsStepsAndLetsRollbacksGo(t *testing.T) {
	t.Parallel()
	s, write := governed(t, "{}")
	document := `{"name": "freeze", "onFailure": "rollback", "steps": [
		{"id": "one", "plan": "p", "params": {"md1": {"HOST": "one", "PASSWORD": "x"}}, "rollback": {"plan": "q", "params": {"md1": {"HOST": "undone", "PASSWORD": "x"}}}},
		{"id": "two", "needs": ["one"], "plan": "stands", "params": {"md1": {"HOST": "two", "PASSWORD": "x"}}}]}`
	s.command("workflow", "start", "--type", "Runbook", "--task-queue", s.queue, "--workflow-id", s.queue, "--input", document)
	require.Eventually(t, func() bool { return s.executions("two") == 1 }, patience, 100*time.Millisecond)
	write("frozen: audit")
	s.callsBack(s.instance("two"), platformtest.Fail)
	require.ErrorContains(t, s.await(s.GetWorkflow(t.Context(), s.queue, ""), nil), workflows.ErrorRunbookFailed)
	require.Equal(t, 1, s.executions("undone"), "what has begun is undone")

	other := s.run(s.queue+"-other", input("web1"))
	s.reaches(other, workflows.PhaseFrozen)
	require.NoError(t, s.CancelWorkflow(t.Context(), other.GetID(), ""))
	require.Error(t, s.await(other, nil), "a run that is frozen can be cancelled")
}
