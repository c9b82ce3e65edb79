package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

func TestAFailureUnderAbortOrRollbackEndsPeopleWaitsAndDecisionsAtOnce(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"abort", "rollback"} {
		r := begin(t, `
name: r
onFailure: `+policy+`
steps:
  - {id: ask, needs: [], approval: {message: m, approvers: [zhang, li, wang]}}
  - {id: wait, needs: [], wait: 1h}
  - {id: decide, needs: [], plan: p, onFailure: pause}
  - {id: runs, needs: [], plan: p}
  - {id: inner, needs: [], runbook: {name: i, steps: [{id: ask, needs: [], approval: {message: m}}, {id: runs, needs: [], plan: p}]}}
  - {id: bad, needs: [], plan: p}
`)
		r.fails("decide.1")
		require.Equal(t, "PAUSED", r.step("decide").Status)
		r.fails("bad.1")
		for step, want := range map[string]string{
			"ask": "ABORTED", "wait": "ABORTED", "decide": "FAILED", "runs": "RUNNING", "inner/ask": "ABORTED", "inner/runs": "RUNNING",
		} {
			require.Equal(t, want, r.step(step).Status, "%s: what runs on the platform is waited for, nothing else", step)
		}
		require.Empty(t, r.waitsFor())
		r.succeeds("runs.1", "inner/runs.1")
		r.does("finish")
		require.Equal(t, "FAILED", r.e.Status)
	}
}

func TestADecidedRollbackRunsWhateverOperatorsDo(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]Event{"abort": Action{ID: "x", Name: ActionAbort}, "cancel": Cancelled{}} {
		r := begin(t, "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p, rollback: {plan: u}}, {id: c, plan: p}]")
		r.succeeds("a.1", "b.1")
		r.fails("c.1")
		r.does("start b~rollback.1")
		r.next(act)
		r.succeeds("b~rollback.1")
		r.does("start a~rollback.1")
		r.succeeds("a~rollback.1")
		r.does("finish")
		require.Equal(t, "FAILED", r.e.Status, "%s does not rewrite the outcome", name)
		require.Equal(t, "c", r.e.Failed)
	}
}

func TestAnOperatorEndsARollbackItself(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p, rollback: {plan: u}}, {id: c, plan: p}]")
	r.succeeds("a.1", "b.1")
	r.fails("c.1")
	r.refuses(Action{Name: ActionAbort, Step: "a"}, "no rollback of step a is running")
	r.act(Action{Name: ActionAbort, Step: "b", By: "li"})
	r.does("cancel b~rollback.1")
	r.next(Ended{Key: "b~rollback.1", Outcome: GivenUp, InstanceID: "in9", MayRun: true})
	r.does("start a~rollback.1")
	r.succeeds("a~rollback.1")
	require.Equal(t, []StillRunning{{Step: "b", InstanceID: "in9", Rollback: true}}, r.e.Result().StillRunning)
	require.Equal(t, "ABORTED", r.step("b").Rollback.Status)
}

func TestASecondAbortEndsHandlersAndRollbacks(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p}, {id: page, plan: p, needs: [{step: b, on: failure}]}]")
	r.succeeds("a.1")
	r.fails("b.1")
	r.does("start page.1")
	r.act(Action{Name: ActionAbort})
	r.does()
	r.act(Action{Name: ActionAbort})
	r.does("cancel page.1")
	r.next(Ended{Key: "page.1", Outcome: GivenUp})
	r.does("finish")
	require.Nil(t, r.step("a").Rollback)
}

func TestRollbacksGoInTheReverseOfHowThingsEnded(t *testing.T) {
	t.Parallel()
	const document = `
name: r
onFailure: rollback
vars: {hosts: [1, 2]}
steps:
  - {id: a, needs: [], plan: p, rollback: {plan: u}}
  - {id: each, needs: [], plan: p, forEach: vars.hosts, rollback: {plan: u}}
  - {id: inner, needs: [], runbook: {name: i, steps: [{id: x, plan: p, rollback: {plan: u}}]}}
  - {id: bad, needs: [a, each, inner], plan: p}
`
	r := begin(t, document)
	r.succeeds("inner/x.1", "each[1].1", "a.1", "each[0].1")
	r.fails("bad.1")
	undone := func(r *script) (order []string) {
		for len(r.did) == 1 && r.did[0] != "finish" {
			key := r.did[0][len("start "):]
			order = append(order, key)
			r.succeeds(key)
		}
		return order
	}
	require.Equal(t, []string{"each[0]~rollback.1", "a~rollback.1", "each[1]~rollback.1", "inner/x~rollback.1"}, undone(r))

	first := begin(t, document)
	first.succeeds("inner/x.1", "each[1].1", "a.1")
	first.next(Cancelled{})
	first.next(Ended{Key: "each[0].1", Outcome: Success})
	first.does("finish")
	resumed, err := first.resumed(document, Choices{})
	require.NoError(t, err)
	resumed.fails("bad.1")
	require.Equal(t, []string{"each[0]~rollback.1", "a~rollback.1", "each[1]~rollback.1", "inner/x~rollback.1"}, undone(resumed), "after a resume too")
}

func TestARollbackWithWhenStartedUndoesWhatIsHalfDone(t *testing.T) {
	t.Parallel()
	for when, undoes := range map[string]bool{"started": true, "succeeded": false} {
		r := begin(t, "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u, when: "+when+"}}]")
		r.fails("a.1")
		if undoes {
			r.does("start a~rollback.1")
		} else {
			r.does("finish")
		}
	}
	r := begin(t, "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u, when: started}}]")
	r.next(Ended{Key: "a.1", Outcome: Broken, Reason: "rejected"})
	r.does("finish")
	require.Nil(t, r.step("a").Rollback, "what never ran is not undone")
}

func TestARollbackThatFailsDoesNotKeepTheOthersFromRunning(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: rollback\nvars: {no: {}}\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p, rollback: {plan: u, params: {md: {A: '${{ vars.no.such }}'}}}}, {id: c, plan: p, rollback: {plan: u}}, {id: d, plan: p}]")
	r.succeeds("a.1", "b.1", "c.1")
	r.fails("d.1")
	r.fails("c~rollback.1")
	r.does("start a~rollback.1")
	require.Equal(t, "FAILED", r.step("b").Rollback.Status)
	require.Contains(t, r.step("b").Rollback.Reason, "no such key")
}

func TestARollbackIsAnExecutionInTheResultAndUnfinishedItIsStillRunning(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p, rollback: {model: m}}, {id: c, plan: p}]")
	r.succeeds("a.1", "b.1")
	r.fails("c.1")
	r.after(time.Minute, Ended{Key: "b~rollback.1", Outcome: Success, InstanceID: "in8", ObservedBy: "callback", Outputs: []runbook.ModelOutputs{{ModelID: "md", Nodes: []runbook.NodeOutput{{Name: "o", Result: "1"}}}}})
	undone := r.step("b").Rollback
	require.Equal(t, "in8", undone.InstanceID)
	require.Equal(t, "m", undone.ModelID)
	require.Equal(t, "1", undone.Outputs[0].Nodes[0].Result)
	require.Equal(t, noon, *undone.StartedAt)
	require.Equal(t, noon.Add(time.Minute), *undone.FinishedAt)
	r.next(Ended{Key: "a~rollback.1", Outcome: Broken, InstanceID: "in9", Reason: "no end in time", MayRun: true})
	r.does("finish")
	require.Equal(t, []StillRunning{{Step: "a", InstanceID: "in9", Rollback: true}}, r.e.Result().StillRunning)
}

func TestHandlersComeBeforeRollbacksAndNeitherMakesAFailureASuccess(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p}, {id: page, plan: p, needs: [{step: b, on: failure}]}]")
	r.succeeds("a.1")
	r.fails("b.1")
	r.does("start page.1")
	r.succeeds("page.1")
	r.does("start a~rollback.1")
	r.succeeds("a~rollback.1")
	r.does("finish")
	require.Equal(t, "FAILED", r.e.Status)
}

func TestAnAbortDuringARollbackChangesNeitherTheOutcomeNorTheRollback(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p}]")
	r.succeeds("a.1")
	r.fails("b.1")
	r.act(Action{Name: ActionAbort, By: "li"})
	r.does()
	r.succeeds("a~rollback.1")
	r.does("finish")
	require.Equal(t, "FAILED", r.e.Status)
	require.Contains(t, r.e.Reason, "step b failed")
}

func TestARollbackThatRunsWhenTheTimeIsUpGoesOnAndNoOtherBegins(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\ntimeout: 1h\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p, rollback: {plan: u}}, {id: c, plan: p}]")
	r.succeeds("a.1", "b.1")
	r.fails("c.1")
	r.does("start b~rollback.1")
	r.after(time.Hour)
	r.does()
	r.succeeds("b~rollback.1")
	r.does("finish")
	require.Equal(t, "FAILED", r.e.Status)
	require.Nil(t, r.step("a").Rollback)
}

func TestARollbackInDoubtIsResolvedByTheNameOfItsStep(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p}]")
	r.succeeds("a.1")
	r.fails("b.1")
	r.next(Progress{Key: "a~rollback.1", Phase: "UNKNOWN", Doubt: "no answer"})
	require.Equal(t, "doubt a", r.waitsFor())
	require.Equal(t, "a~rollback.1", r.e.Target(Action{Name: ActionResolveTrigger, Step: "a"}))
	require.Equal(t, PhaseRollingBack, r.e.Phase())
}

func TestAnOperatorsRollbackUndoesAllThatSucceededAndFailsTheRunbook(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, needs: [a], plan: p, rollback: {plan: u}}, {id: c, needs: [a], plan: p}, {id: d, plan: p}]")
	r.succeeds("a.1", "b.1")
	r.act(Action{Name: ActionRollback, By: "li"})
	r.does()
	r.succeeds("c.1")
	r.does("start b~rollback.1")
	r.succeeds("b~rollback.1", "a~rollback.1")
	r.does("finish")
	require.Equal(t, "FAILED", r.e.Status)
	require.Equal(t, "rolled back by li", r.e.Reason)
	require.Equal(t, "ABORTED", r.step("d").Status)
}

func TestARunbookThatTakesTooLongEndsAsAfterAFailureAndBeginsNoRollback(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\ntimeout: 1h\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p}, {id: c, plan: p}]")
	r.succeeds("a.1")
	due, any := r.e.Due()
	require.True(t, any)
	require.Equal(t, noon.Add(time.Hour), due)
	r.after(time.Hour)
	r.does()
	require.Equal(t, PhaseEnding, r.e.Phase())
	r.fails("b.1")
	r.does("finish")
	require.Equal(t, StatusTimedOut, r.e.Status)
}
