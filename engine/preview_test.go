package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADryRunFindsWhatCannotBeRendered(t *testing.T) {
	t.Parallel()
	r := open(t, `
name: r
vars: {hosts: [web1], who: [], no: {}}
lock: {name: "core-${{ vars.hosts[0] }}"}
steps:
  - {id: a, plan: p, params: {md: {A: "${{ vars.hosts[3] }}", B: "${{ vars.hosts[0] }}", C: "${{ vars.no.such }}"}}}
  - {id: b, plan: p, when: "vars.no.such == 1"}
  - {id: c, plan: p, forEach: vars.no.such}
  - {id: ok, approval: {message: m, approvers: ["${{ vars.who }}"]}}
  - {id: in, runbook: {name: i, vars: {v: "${{ vars.hosts[4] }}"}, steps: [{id: x, plan: p, params: {md: {A: "${{ vars.v[0] }}"}}}]}}
  - {id: undo, plan: p, rollback: {plan: u, params: {md: {A: "${{ vars.hosts[5] }}"}}}}
  - {id: later, plan: p, params: {md: {A: "${{ steps.a.instanceId }}", B: "${{ vars.hosts[0] }}"}}}
`)
	result, findings := r.e.Preview()
	var places []string
	for _, finding := range findings {
		places = append(places, finding.Path)
	}
	require.Subset(t, places, []string{
		"steps[0].params.md.A", "steps[0].params.md.C", "steps[1].when", "steps[2].forEach", "steps[3].approval.approvers",
		"steps[4].runbook.vars.v", "steps[5].rollback.params.md.A",
	})
	require.Equal(t, "PLANNED", result.Status)
	require.Equal(t, "lock core-web1 PLANNED", result.Lock.String(), "which is not taken")
	require.Equal(t, "PLANNED", result.Steps[6].Status, "what depends on steps is not known yet")
	require.NotContains(t, places, "steps[6].params.md.A")
}
