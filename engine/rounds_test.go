package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

// gives is a success that gave out one value.
func gives(key, name, result string) Ended {
	return Ended{Key: key, Outcome: Success, InstanceID: "in-" + key, Outputs: []runbook.ModelOutputs{
		{ModelID: "md", Nodes: []runbook.NodeOutput{{Name: name, Result: result}}},
	}}
}

func TestAFailedPlanIsTriedAgainAfterItsPause(t *testing.T) {
	t.Parallel()
	r := begin(t, `{name: r, steps: [{id: a, plan: p, retries: {max: 3, pause: 30s, backoff: 2}}]}`)
	r.does("start a.1")
	for i, pause := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
		r.fails(fmt.Sprintf("a.%d", i+1))
		r.does()
		due, _ := r.e.Due()
		require.Equal(t, r.now.Add(pause), due)
		r.after(pause - time.Second)
		r.does()
		r.after(time.Second)
		r.does(fmt.Sprintf("start a.%d", i+2))
	}
	r.fails("a.4")
	require.Equal(t, runbook.StatusPaused, r.step("a").Status)
	r.act(Action{Name: ActionRetry, Step: "a"})
	r.does("start a.5")
	r.fails("a.5")
	r.after(30 * time.Second)
	r.does("start a.6")
}

func TestOnlyADefiniteFailureIsTriedAgain(t *testing.T) {
	t.Parallel()
	r := begin(t, `{name: r, steps: [{id: a, plan: p, retries: {max: 3, pause: 30s}}]}`)
	r.timesOut("a.1")
	require.Equal(t, runbook.StatusPaused, r.step("a").Status)
}

func TestWhatWaitsToBeTriedAgainIsHeldAndEndsWithItsRunbook(t *testing.T) {
	t.Parallel()
	const document = `{name: r, onFailure: abort, steps: [{id: a, plan: p, retries: {max: 3, pause: 30s}}, {id: b, needs: [], plan: p}]}`
	r := begin(t, document)
	r.fails("a.1")
	r.act(Action{Name: ActionPause})
	r.after(time.Minute)
	r.does()
	r.act(Action{Name: ActionResume})
	r.does("start a.2")

	r = begin(t, document)
	r.fails("a.1")
	r.fails("b.1")
	r.does("finish")
	require.Equal(t, "a FAILED, b FAILED", r.statuses())
}

func TestAnOperatorSkipsWhatWaitsToBeTriedAgain(t *testing.T) {
	t.Parallel()
	r := begin(t, `{name: r, steps: [{id: a, plan: p, retries: {max: 3, pause: 30s}}]}`)
	r.fails("a.1")
	r.act(Action{Name: ActionSkip, Step: "a"})
	r.does("finish")
	require.Equal(t, runbook.StatusSuccess, r.e.Status)
}

const polled = `{name: r, steps: [
	{id: ready, plan: p, until: "steps.ready.outputs['ok'] == 'yes'", every: 30s, timeout: 20m, retries: 1, rollback: {plan: u}, onFailure: rollback},
	{id: next, plan: q, params: {md: {A: "${{ steps.ready.outputs['ok'] }}"}}}]}`

func TestAStepRunsUntilItsOutputsSatisfy(t *testing.T) {
	t.Parallel()
	r := begin(t, polled)
	r.does("start ready.1")
	r.after(time.Minute, gives("ready.1", "ok", "no"))
	r.does()
	r.after(29 * time.Second)
	r.does()
	r.after(time.Second)
	r.does("start ready.2")
	r.next(gives("ready.2", "ok", "yes"))
	r.does("start next.1")
	ready := r.step("ready")
	require.Equal(t, 2, ready.Attempts)
	require.Len(t, ready.Earlier, 1)
	require.Equal(t, runbook.StatusSuccess, ready.Earlier[0].Status)
	require.Equal(t, "in-ready.1", ready.Earlier[0].InstanceID)
	require.Empty(t, ready.Earlier[0].Outputs, "which nothing reads any more")

	r.fails("next.1")
	r.act(Action{Name: ActionRollback})
	r.does("start ready~rollback.1")
	r.succeeds("ready~rollback.1")
	r.does("finish")
}

func TestTheTimeoutBoundsAllRounds(t *testing.T) {
	t.Parallel()
	r := begin(t, polled)
	require.Equal(t, runbook.Duration(20*time.Minute), r.start("ready.1").Job.Timeout)
	r.after(19*time.Minute, gives("ready.1", "ok", "no"))
	r.after(30 * time.Second)
	require.Equal(t, runbook.Duration(30*time.Second), r.start("ready.2").Job.Timeout)
	r.next(gives("ready.2", "ok", "no"))
	r.does("finish")
	require.Equal(t, "until was not satisfied in 2 rounds, and the next would come after its timeout of 20m", r.step("ready").Reason)
}

func TestTheTimeoutOfRoundsRunsOnWhileTheRunbookIsPaused(t *testing.T) {
	t.Parallel()
	r := begin(t, polled)
	r.next(gives("ready.1", "ok", "no"))
	r.act(Action{Name: ActionPause})
	r.after(20 * time.Minute)
	require.Equal(t, "until was not satisfied in 1 round within 20m", r.step("ready").Reason)
}

func TestAFailureCountsOverAllRounds(t *testing.T) {
	t.Parallel()
	r := begin(t, polled)
	r.fails("ready.1")
	r.does("start ready.2")
	r.next(gives("ready.2", "ok", "no"))
	r.after(30 * time.Second)
	r.fails("ready.3")
	require.Equal(t, runbook.StatusFailed, r.step("ready").Status)
}

func TestRoundsAreAtMost200(t *testing.T) {
	t.Parallel()
	r := begin(t, `{name: r, onFailure: abort, steps: [{id: ready, plan: p, until: "steps.ready.outputs['ok'] == 'yes'", every: 1s}]}`)
	for round := 1; round <= runbook.MaxRounds; round++ {
		r.next(gives(fmt.Sprintf("ready.%d", round), "ok", "no"))
		r.after(time.Second)
	}
	require.Equal(t, "until was not satisfied in 200 rounds, which is as many as there may be", r.step("ready").Reason)
	require.Less(t, r.e.OutputBytes, 100, "only the last round's outputs are kept")
}

func TestWhatUntilCannotReadIsAFailure(t *testing.T) {
	t.Parallel()
	r := begin(t, polled)
	r.next(gives("ready.1", "else", "no"))
	require.Contains(t, r.step("ready").Reason, "steps[0].until: cannot be evaluated: no such key: ok")
}

func TestItemsArePolledOneByOne(t *testing.T) {
	t.Parallel()
	r := begin(t, `{name: r, steps: [
		{id: up, forEach: "['a', 'b']", plan: p, until: "steps.up.items[index].outputs['ok'] == item", every: 10s}]}`)
	r.does("start up[0].1", "start up[1].1")
	r.next(gives("up[0].1", "ok", "a"), gives("up[1].1", "ok", "a"))
	require.Equal(t, "up RUNNING, up[0] SUCCESS, up[1] WAITING", r.statuses())
	r.after(10 * time.Second)
	r.does("start up[1].2")
	r.next(gives("up[1].2", "ok", "b"))
	r.does("finish")
}

func TestAResumedPollBeginsItsRoundsAnew(t *testing.T) {
	t.Parallel()
	r := begin(t, polled)
	r.next(gives("ready.1", "ok", "no"))
	r.act(Action{Name: ActionAbort})
	next, err := r.resumed(polled, Choices{})
	require.NoError(t, err)
	next.does("start ready.2")
	require.Equal(t, runbook.Duration(20*time.Minute), next.start("ready.2").Job.Timeout)
}
