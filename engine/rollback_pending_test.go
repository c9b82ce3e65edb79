package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAStepWhoseRollbackNeverRanIsNotRunAgain(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p}]"
	r := begin(t, document)
	r.succeeds("a.1")
	r.fails("b.1")
	r.next(Ended{Key: "a~rollback.1", Outcome: Broken, Reason: "the platform rejected the trigger"})
	r.does("finish")
	next, err := r.resumed(document, Choices{})
	require.NoError(t, err)
	next.does("start b.2")
	next.fails("b.2")
	next.does("start a~rollback.2")
}

func TestHalfDoneItemsThatWaitForARetryAreUndone(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nvars: {hosts: [1]}\nsteps: [{id: a, plan: p, forEach: vars.hosts, rollback: {plan: u, when: started}}, {id: b, plan: p}]")
	r.fails("a[0].1")
	r.act(Action{Name: ActionPause})
	r.act(Action{Name: ActionRetry, Step: "a", By: "li"})
	r.act(Action{Name: ActionRollback, By: "li"})
	r.does("start a[0]~rollback.1")
}

func TestAHalfDoneStepOfANestedRunbookIsUndoneAfterAResume(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: abort\nsteps: [{id: a, plan: p, onFailure: rollback}, {id: in, runbook: {name: i, onFailure: abort, steps: [{id: x, plan: p, rollback: {plan: u, when: started}}]}}]"
	r := begin(t, document)
	r.succeeds("a.1")
	r.fails("in/x.1")
	next, err := r.resumed(document, Choices{Rerun: []string{"a"}})
	require.NoError(t, err)
	next.fails("a.2")
	next.does("start in/x~rollback.1")
}

func TestARollbackWaitsForWhatAnOperatorSaidTheEndOf(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps: [{id: in, runbook: {name: i, onFailure: abort, steps: [{id: x, plan: p, rollback: {plan: u}}]}}]")
	r.fails("in/x.1")
	r.act(Action{Name: ActionResolveRun, Step: "in/x", Status: "SUCCESS", By: "li"})
	r.does("fetch in/x.1")
	r.act(Action{Name: ActionRollback, By: "li"})
	r.does()
	r.succeeds("in/x.1")
	r.does("start in/x~rollback.1")
}
