package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestAPlanIsTriggeredAgainAfterItsPauseAndUntilItsOutputsSatisfy(t *testing.T) {
	t.Parallel()
	s := newStack(t, simple("flaky", "ready", "next"))
	s.sim.SetScript("flaky", platformtest.Script{Steps: []platformtest.Step{{Status: platformtest.Success}}, Flaky: true})
	answers := func(ready string) {
		s.sim.SetScript("ready", platformtest.Ends(platformtest.Success, 0,
			platformtest.ModelOutputs{ModelID: "md1", ModelName: "模型", Nodes: []platformtest.Node{{Name: "ok", Result: ready}}}))
	}
	answers("no")
	run := s.runbook(s.queue, `
name: rounds
steps:
  - {id: flaky, plan: flaky, retries: {max: 1, pause: 3s, backoff: 2}}
  - {id: ready, plan: ready, until: "steps.ready.outputs['ok'] == 'yes'", every: 2s, timeout: 5m}
  - {id: next, plan: next, when: "steps.ready.outputs['ok'] == 'yes'"}
`)
	require.Eventually(t, func() bool { return at(s.book(run), "ready").Rounds >= 2 }, patience, 100*time.Millisecond)
	s.killWorker()
	answers("yes")
	var result workflows.RunbookResult
	require.NoError(t, s.operate(run, &result))

	flaky, ready := at(result, "flaky"), at(result, "ready")
	require.Equal(t, 2, flaky.Attempts)
	require.Equal(t, workflows.StatusFailed, flaky.Earlier[0].Status)
	require.GreaterOrEqual(t, flaky.StartedAt.Sub(*flaky.Earlier[0].FinishedAt), 3*time.Second)
	require.GreaterOrEqual(t, ready.Attempts, 3)
	require.Len(t, ready.Earlier, ready.Attempts-1)
	for i, earlier := range ready.Earlier {
		next := ready.Execution
		if i+1 < len(ready.Earlier) {
			next = ready.Earlier[i+1]
		}
		if earlier.Status == workflows.StatusSuccess { // the killed worker may have left a trigger in doubt
			require.GreaterOrEqual(t, next.StartedAt.Sub(*earlier.FinishedAt), 2*time.Second)
		}
		require.NotEqual(t, earlier.InstanceID, next.InstanceID)
	}
	require.Equal(t, map[string]int{"flaky": 2, "ready": ready.Attempts, "next": 1}, s.ran())
}

func TestFinallyRunsOnceHoweverTheRunbookEnds(t *testing.T) {
	t.Parallel()
	s := newStack(t, simple("work", "broken", "always", "SUCCESS", "FAILED", "ABORTED", "CANCELLED", "TIMED_OUT"))
	s.sim.SetScript("broken", platformtest.Ends(platformtest.Fail, 0))
	document := func(head, step string) string {
		text := "name: last\n" + head + "\nsteps:\n  - " + step + "\nfinally:\n  - {id: always, plan: always}\n"
		for _, status := range []string{"SUCCESS", "FAILED", "ABORTED", "CANCELLED", "TIMED_OUT"} {
			text += "  - {id: " + status + ", plan: " + status + ", when: \"runbook.status == '" + status + "'\"}\n"
		}
		return text
	}
	const question = "{id: ask, approval: {message: 'go?'}}"
	asks := func(name string) (waiting func() workflows.RunbookResult, act func(what string)) {
		run := s.runbook(s.queue+name, document("", question))
		s.is(run, "ask", workflows.StatusRunning)
		var result workflows.RunbookResult
		return func() workflows.RunbookResult {
				err := s.operate(run, nil)
				var failure *temporal.ApplicationError
				var cancelled *temporal.CanceledError
				switch {
				case temporal.IsCanceledError(err):
					require.ErrorAs(t, err, &cancelled)
					require.NoError(t, cancelled.Details(&result))
				default:
					require.ErrorAs(t, err, &failure)
					require.NoError(t, failure.Details(&result))
				}
				return result
			}, func(what string) {
				if what == "cancel" {
					require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), ""))
					return
				}
				s.act(run, what, workflows.RunAction{By: "li"})
			}
	}

	var succeeded workflows.RunbookResult
	require.NoError(t, s.operate(s.runbook(s.queue+"ok", document("", "{id: work, plan: work}")), &succeeded))
	require.Equal(t, workflows.StatusSuccess, succeeded.Status)
	s.failed(s.runbook(s.queue+"failed", document("onFailure: abort", "{id: broken, plan: broken}")), workflows.ErrorRunbookFailed)
	s.failed(s.runbook(s.queue+"late", document("timeout: 1s", question)), workflows.ErrorRunbookFailed)
	ended, act := asks("aborted")
	act(engine.ActionAbort)
	require.Equal(t, workflows.StatusAborted, ended().Status)
	ended, act = asks("cancelled")
	act("cancel")
	require.Equal(t, workflows.StatusCancelled, ended().Status)

	require.Equal(t, map[string]int{
		"work": 1, "broken": 1, "always": 5, "SUCCESS": 1, "FAILED": 1, "ABORTED": 1, "CANCELLED": 1, "TIMED_OUT": 1,
	}, s.ran())
}
