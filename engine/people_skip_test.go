package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNobodySkipsAnApprovalAheadThatSomebodyElseWillBeAsked(t *testing.T) {
	t.Parallel()
	r := begin(t, `{name: r, steps: [{id: a, plan: p}, {id: ok, approval: {message: m, approvers: ["${{ 'owner' in steps.a.outputs ? steps.a.outputs['owner'] : 'duty' }}"]}}, {id: b, plan: p}]}`)
	r.refuses(Action{Name: ActionSkip, Step: "ok", By: "duty"}, "not known yet")
}

func TestNobodyPassesByAnApprovalThatIsAskedAnewByWayOfTheRunbookAroundIt(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: in, rollback: {plan: u}, runbook: {name: i, steps: [{id: ok, approval: {message: m, approvers: [zhang]}}, {id: x, plan: p}]}}, {id: bad, plan: p}]"
	r := begin(t, document)
	r.refuses(Action{Name: ActionSkip, Step: "in", By: "li"}, "step in/ok must be answered by zhang")
	r.succeeds("a.1")
	r.act(Action{Name: ActionApprove, Step: "in/ok", By: "zhang"})
	r.succeeds("in/x.1")
	r.fails("bad.1")
	r.succeeds("in~rollback.1", "a~rollback.1")
	next, err := r.resumed(document, Choices{})
	require.NoError(t, err)
	next.does("start a.2")
	next.refuses(Action{Name: ActionSkip, Step: "in", By: "li"}, "step in/ok must be answered by zhang")
}
