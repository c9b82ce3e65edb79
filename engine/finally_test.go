package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

const withFinally = `{name: r, onFailure: abort, steps: [{id: a, plan: p}, {id: b, plan: q}],
	finally: [
		{id: tell, model: m, params: {STATUS: "${{ runbook.status }}", WHY: "${{ runbook.reason }}"}},
		{id: clean, plan: c}]}`

func TestFinallyRunsLastWhateverHappened(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]struct {
		happens              func(*script)
		status, reason, ends string
	}{
		"success": {func(r *script) { r.succeeds("a.1", "b.1") }, "SUCCESS", "", "SUCCESS"},
		"failure": {func(r *script) { r.fails("a.1") }, "FAILED", "step a failed: ended FAIL", "FAILED"},
		"abort": {func(r *script) {
			r.act(Action{Name: ActionAbort, By: "li"})
			r.next(Ended{Key: "a.1", Outcome: GivenUp})
		}, "ABORTED", "aborted by li", "ABORTED"},
		"cancellation": {func(r *script) { r.next(Cancelled{}); r.next(Ended{Key: "a.1", Outcome: GivenUp}) }, "CANCELLED", "the workflow was cancelled", "CANCELLED"},
		"rollback":     {func(r *script) { r.act(Action{Name: ActionRollback, By: "li"}); r.succeeds("a.1") }, "FAILED", "rolled back by li", "FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t, withFinally)
			of.happens(r)
			tell := r.start("tell.1")
			require.True(t, tell.Finally)
			require.Equal(t, of.status, tell.Job.Params["STATUS"].Text)
			require.Equal(t, of.reason, tell.Job.Params["WHY"].Text)
			require.Equal(t, PhaseEnding, r.e.Phase())
			r.succeeds("tell.1")
			r.does("start clean.1")
			r.succeeds("clean.1")
			r.does("finish")
			require.Equal(t, of.ends, r.e.Status)
		})
	}
}

func TestFinallyComesAfterHandlersAndRollbacks(t *testing.T) {
	t.Parallel()
	r := begin(t, `{name: r, onFailure: rollback, steps: [
		{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: q}, {id: h, needs: [{step: b, on: failure}], plan: h}],
		finally: [{id: last, plan: l}]}`)
	r.succeeds("a.1")
	r.fails("b.1")
	r.does("start h.1")
	r.succeeds("h.1")
	r.does("start a~rollback.1")
	r.succeeds("a~rollback.1")
	r.does("start last.1")
}

func TestAFailureInFinallyMakesASuccessAFailureAndTheOthersRun(t *testing.T) {
	t.Parallel()
	r := begin(t, withFinally)
	r.succeeds("a.1", "b.1")
	r.fails("tell.1")
	r.does("start clean.1")
	r.succeeds("clean.1")
	r.does("finish")
	require.Equal(t, runbook.StatusFailed, r.e.Status)
	require.Equal(t, "step tell failed: ended FAIL", r.e.Reason)

	r = begin(t, `{name: r, steps: [{id: a, plan: p}], finally: [{id: tell, model: m, onFailure: continue}]}`)
	r.succeeds("a.1")
	r.fails("tell.1")
	r.does("finish")
	require.Equal(t, runbook.StatusSuccess, r.e.Status)
}

func TestAPauseAndAnAbortLetFinallyGoOnASecondAbortEndsIt(t *testing.T) {
	t.Parallel()
	r := begin(t, withFinally)
	r.succeeds("a.1")
	r.act(Action{Name: ActionPause})
	r.fails("b.1")
	r.does("start tell.1")
	require.True(t, r.e.MaySend("tell.1"))
	r.act(Action{Name: ActionAbort})
	r.does()
	r.act(Action{Name: ActionAbort})
	r.does("cancel tell.1")
	r.next(Ended{Key: "tell.1", Outcome: GivenUp, MayRun: true})
	r.does("finish")
	require.Equal(t, "a SUCCESS, b FAILED, tell ABORTED, clean ABORTED", r.statuses())
}

func TestNothingIsUndoneOrPausedOnceFinallyRuns(t *testing.T) {
	t.Parallel()
	r := begin(t, withFinally)
	r.succeeds("a.1", "b.1")
	r.refuses(Action{Name: ActionRollback}, "the steps of finally run, after which nothing is undone")
	r.refuses(Action{Name: ActionPause}, "the runbook is ending")
}

func TestTheTimeoutLetsFinallyRunByItsOwn(t *testing.T) {
	t.Parallel()
	const document = `{name: r, timeout: 10m, steps: [{id: a, plan: p}], finally: [{id: tell, model: m, params: {S: "${{ runbook.status }}"}}]}`
	r := begin(t, document)
	r.after(10 * time.Minute)
	r.succeeds("a.1")
	require.Equal(t, "TIMED_OUT", r.start("tell.1").Job.Params["S"].Text)
	r.after(time.Hour)
	r.succeeds("tell.1")
	require.Equal(t, StatusTimedOut, r.e.Status)

	r = begin(t, document)
	r.after(9 * time.Minute)
	r.succeeds("a.1")
	r.after(time.Hour)
	r.succeeds("tell.1")
	require.Equal(t, runbook.StatusSuccess, r.e.Status, "what finally takes is not counted")
	_, due := r.e.Due()
	require.False(t, due)
}

func TestANestedRunbookHasAFinallyOfItsOwn(t *testing.T) {
	t.Parallel()
	r := begin(t, `{name: r, onFailure: rollback, steps: [
		{id: in, runbook: {name: i, onFailure: rollback, steps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: q}], finally: [{id: z, plan: z}]}}]}`)
	r.succeeds("in/a.1")
	r.fails("in/b.1")
	r.does("start in/a~rollback.1")
	r.succeeds("in/a~rollback.1")
	r.does("start in/z.1")
	r.fails("in/z.1")
	r.does("finish")
	require.Equal(t, "step in failed: runbook i failed at step in/b: ended FAIL", r.e.Reason)
}

func TestARetryRunsTheFinallyOfANestedRunbookAgain(t *testing.T) {
	t.Parallel()
	r := begin(t, `{name: r, steps: [{id: in, runbook: {name: i, onFailure: abort, steps: [{id: a, plan: p}, {id: b, plan: q}], finally: [{id: z, plan: z}]}}]}`)
	r.succeeds("in/a.1")
	r.fails("in/b.1")
	r.succeeds("in/z.1")
	r.act(Action{Name: ActionRetry, Step: "in"})
	r.does("start in/b.2")
	r.succeeds("in/b.2")
	r.does("start in/z.2")
	r.succeeds("in/z.2")
	r.does("finish")
}

func TestAHandlerOfANestedRunbookRunsThoughItsFinallyWasSkippedBefore(t *testing.T) {
	t.Parallel()
	r := begin(t, `{name: r, maxParallel: 1, steps: [{id: a, plan: p},
		{id: v, runbook: {name: i, steps: [{id: b, plan: q}], finally: [{id: z, plan: z}]}},
		{id: h, needs: [{step: a, on: success}, {step: v, on: end}], join: any, plan: h}]}`)
	r.succeeds("a.1")
	r.does("start v/b.1")
	r.act(Action{Name: ActionSkip, Step: "v/z"})
	r.fails("v/b.1")
	r.act(Action{Name: ActionRollback})
	r.does("start h.1")
}

func TestAResumeRunsFinallyAnew(t *testing.T) {
	t.Parallel()
	r := begin(t, withFinally)
	r.succeeds("a.1")
	r.fails("b.1")
	r.succeeds("tell.1", "clean.1")
	next, err := r.resumed(withFinally, Choices{})
	require.NoError(t, err)
	next.does("start b.2")
	next.succeeds("b.2")
	next.does("start tell.2")
	require.Equal(t, "SUCCESS", next.start("tell.2").Job.Params["STATUS"].Text)

	r = begin(t, withFinally)
	r.fails("a.1")
	r.timesOut("tell.1")
	r.succeeds("clean.1")
	_, err = r.resumed(withFinally, Choices{})
	require.ErrorContains(t, err, "resumeFrom[tell]: the platform may still run in-tell.1: look there, then say rerun")
	_, err = r.resumed(withFinally, Choices{Rerun: []string{"tell"}})
	require.NoError(t, err)
}

func TestNothingOfFinallyRunsBeforeTheStart(t *testing.T) {
	t.Parallel()
	r := open(t, withFinally)
	r.next(Action{ID: "1", Name: ActionAbort})
	r.does("done 1", "finish")
	require.Equal(t, "a ABORTED, b SKIPPED, tell ABORTED, clean ABORTED", r.statuses())
}
