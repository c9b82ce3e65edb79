package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHandlersOfWhatFailedRunUnderEveryPolicy(t *testing.T) {
	t.Parallel()
	for policy, status := range map[string]string{"abort": "FAILED", "rollback": "FAILED", "continue": "SUCCESS", "pause": "ABORTED"} {
		r := begin(t, `
name: r
steps:
  - {id: a, plan: p, rollback: {plan: u}}
  - {id: bad, plan: p, onFailure: `+policy+`}
  - {id: page, plan: p, needs: [{step: bad, on: failure}]}
  - {id: note, plan: p, needs: [{step: bad, on: end}]}
  - {id: other, plan: p, needs: [{step: bad, on: success}]}
  - {id: never, plan: p, needs: [{step: a, on: failure}]}
`)
		r.succeeds("a.1")
		r.fails("bad.1")
		if policy == "pause" {
			r.does()
			require.Equal(t, "PAUSED", r.step("bad").Status, "it has not finally failed")
			r.act(Action{Name: ActionAbort})
		}
		r.does("start page.1", "start note.1")
		r.succeeds("page.1")
		r.succeeds("note.1")
		if policy == "rollback" {
			r.does("start a~rollback.1")
			r.succeeds("a~rollback.1")
		}
		r.does("finish")
		require.Equal(t, status, r.e.Status, policy)
		require.Equal(t, "SKIPPED", r.step("other").Status)
		require.Equal(t, "SKIPPED", r.step("never").Status)
	}
}

func TestAHandlerDoesNotFireForItemsWithinMaxFailures(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nvars: {hosts: [1, 2]}\nsteps: [{id: a, plan: p, forEach: vars.hosts, maxFailures: 1}, {id: page, plan: p, needs: [{step: a, on: failure}]}]")
	r.fails("a[0].1")
	r.succeeds("a[1].1")
	r.does("finish")
	require.Equal(t, "SKIPPED", r.step("page").Status)
}

func TestAFailedForEachUndoesItsItemsThatSucceeded(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: rollback\nvars: {hosts: [1, 2, 3]}\nsteps: [{id: a, plan: p, forEach: vars.hosts, rollback: {plan: u}}]")
	r.succeeds("a[0].1")
	r.fails("a[1].1")
	r.succeeds("a[2].1")
	r.does("start a[2]~rollback.1")
	r.succeeds("a[2]~rollback.1")
	r.does("start a[0]~rollback.1")
}

func TestAHandlerFiresOnceTheStepHasFinallyFailedAndNotWhileItIsPaused(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps: [{id: a, plan: p}, {id: page, plan: p, needs: [{step: a, on: failure}]}]")
	r.fails("a.1")
	r.does()
	r.act(Action{Name: ActionRetry, Step: "a", By: "li"})
	r.fails("a.2")
	r.does()
	r.act(Action{Name: ActionAbort, By: "li"})
	r.does("start page.1")
	r.succeeds("page.1")
	r.does("finish")
	require.Equal(t, "ABORTED", r.e.Status)
}

func TestTheFailureNamesTheStepThatFailedFirst(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: abort\nsteps: [{id: a, needs: [], plan: p}, {id: b, needs: [], plan: p}]")
	r.fails("b.1")
	r.fails("a.1")
	require.Equal(t, "b", r.e.Failed)
	require.Contains(t, r.e.Reason, "step b failed")
}

func TestANestedRunbookThatIsGivenUpNamesWhatStillRuns(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: abort\nsteps: [{id: in, timeout: 1h, runbook: {name: i, steps: [{id: a, plan: p}]}}]")
	r.after(time.Hour)
	r.does("cancel in/a.1")
	r.next(Ended{Key: "in/a.1", Outcome: GivenUp, InstanceID: "in1", MayRun: true})
	r.does("finish")
	require.Equal(t, []StillRunning{{Step: "in/a", InstanceID: "in1"}}, r.e.Result().StillRunning)
	require.Contains(t, r.step("in").Reason, "longer than 1h")
}

func TestWhatWasNotTriggeredYetIsNotOnceTheRunbookEnds(t *testing.T) {
	t.Parallel()
	const document = `
name: r
onFailure: rollback
timeout: 1h
steps:
  - {id: a, plan: p, rollback: {plan: u}}
  - {id: busy, model: m, needs: [a]}
  - {id: runs, plan: p, needs: [a]}
  - {id: c, plan: p, needs: [a]}
`
	for name, ends := range map[string]func(r *script){
		"a step failed":             func(r *script) { r.fails("c.1") },
		"a step failed, and paused": func(r *script) { r.act(Action{Name: ActionPause}); r.fails("c.1") },
		"it took too long":          func(r *script) { r.after(time.Hour) },
		"an operator's rollback":    func(r *script) { r.act(Action{Name: ActionRollback}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t, document)
			r.succeeds("a.1")
			r.does("start busy.1", "start runs.1", "start c.1")
			r.next(Progress{Key: "busy.1", Phase: "BUSY", Idle: true}, Progress{Key: "runs.1", Phase: "WAITING", InstanceID: "in1"})
			ends(r)
			r.does("cancel busy.1")
			r.next(Ended{Key: "busy.1", Outcome: GivenUp})
			require.Equal(t, "ABORTED", r.step("busy").Status)
			require.Equal(t, "RUNNING", r.step("runs").Status, "what runs on the platform is waited for")
		})
	}
}

func TestAHandlerThatWasNotTriggeredYetGoesOnThoughTheRunbookEnds(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: abort\nsteps: [{id: a, plan: p}, {id: page, model: m, needs: [{step: a, on: failure}]}]")
	r.fails("a.1")
	r.does("start page.1")
	r.next(Progress{Key: "page.1", Phase: "BUSY", Idle: true})
	r.does()
	require.True(t, r.e.MaySend("page.1"))
}
