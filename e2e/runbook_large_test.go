package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// TestARunbookOfManyPlansContinuesAsNewWhileItsWorkersAreKilled is of 300 plans, with a server that suggests it early;
// -scale 1 makes it 5,000.
func TestARunbookOfManyPlansContinuesAsNewWhileItsWorkersAreKilled(t *testing.T) {
	t.Parallel()
	rng := random(t)
	plans, events := 300, "300"
	if *scale >= 1 {
		plans, events = sized(5000), "2000"
	}
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{
		SearchAttributes: true, Args: []string{"--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=" + events},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, temporal.Stop()) })
	s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue(success(100 * time.Millisecond))}, briefly)

	// Half of the plans are in runbooks inside the runbook.
	var hosts [8][]string
	for i := range plans {
		hosts[i%8] = append(hosts[i%8], fmt.Sprintf("host-%d", i))
	}
	steps := func(first, second int, more string) string {
		var vars, steps []string
		for _, i := range []int{first, second} {
			vars = append(vars, fmt.Sprintf("h%d: [%s]", i, strings.Join(hosts[i], ", ")))
			steps = append(steps, fmt.Sprintf("{id: s%d, needs: [], plan: p, forEach: vars.h%d, maxParallel: 2, "+
				"params: {md1: {HOST: '${{ item }}', PASSWORD: {secretRef: db-password}}}}", i, i))
		}
		return "vars: {" + strings.Join(vars, ", ") + "}, steps: [" + strings.Join(steps, ", ") + more + "]"
	}
	inside := func(name, runbook string) string {
		return fmt.Sprintf(", {id: %s, needs: [], runbook: {name: %s, %s}}", name, name, runbook)
	}
	run := s.runbook(s.queue, "{name: many, "+steps(0, 1, inside("in", steps(2, 3, inside("deep", steps(4, 5, ""))))+
		inside("beside", steps(6, 7, "")))+"}")

	ended, kills, settled := make(chan error, 1), 0, 0
	go func() { ended <- run.Get(t.Context(), nil) }()
	for open := true; open; {
		select {
		case err := <-ended:
			require.NoError(t, err)
			open = false
		case <-time.After(time.Duration(500+rng.IntN(2500)) * time.Millisecond):
			if done := len(s.sim.Executions()); kills < 3 && done > plans*(kills+1)/5 {
				s.killWorker()
				kills++
			}
			settled += s.settles(s.GetWorkflow(t.Context(), s.queue, "")) // the latest run: a handle keeps to the one that it found first
		}
	}
	var result workflows.RunbookResult
	require.NoError(t, run.Get(t.Context(), &result))
	require.Equal(t, workflows.StatusSuccess, result.Status)
	ran := map[string]int{}
	for _, execution := range s.sim.Executions() {
		ran[execution.Params["md1"]["HOST"]]++
	}
	require.Positive(t, kills)
	require.Len(t, ran, plans)
	for host, times := range ran {
		require.Equal(t, 1, times, host)
	}
	described, err := s.DescribeWorkflow(t.Context(), s.queue, "")
	require.NoError(t, err)
	info := described.RawResponse.GetWorkflowExecutionInfo()
	require.NotEqual(t, info.GetFirstRunId(), info.GetExecution().GetRunId(), "it continued as new")
	t.Logf("%d plans, %d kills, %d settled by an operator, %d events in the last run", plans, kills, settled, info.GetHistoryLength())
}

// settles lets an operator trigger again what a killed worker left in doubt, and the platform never executed. No
// callback will come for that.
func (s *stack) settles(run client.WorkflowRun) (settled int) {
	executed := map[string]bool{}
	for _, execution := range s.sim.Executions() {
		executed[execution.Params["md1"]["HOST"]] = true
	}
	result := s.book(run)
	for _, waits := range result.WaitsFor {
		host := strings.Trim(string(at(result, waits.Step).Item), `"`)
		if waits.Kind != "doubt" || executed[host] {
			continue
		}
		if taken, err := s.tryRetrigger(run, waits.Step); err == nil && taken {
			settled++
		}
	}
	return settled
}
