package runbook

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCompilerKnowsWhichOutputsAreRead(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]Use{
		`steps.a.outputs['hosts'] == ''`:                          {Names: []string{"hosts"}, By: []int{1}},
		`steps.a.outputs.hosts + steps.a.outputs['x'] == ''`:      {Names: []string{"hosts", "x"}, By: []int{1}},
		`steps.a.models['md'].outputs['hosts'] == ''`:             {Names: []string{"hosts"}, By: []int{1}},
		`steps.a.items[0].outputs['hosts'] == ''`:                 {Names: []string{"hosts"}, By: []int{1}},
		`'hosts' in steps.a.outputs`:                              {Names: []string{"hosts"}, By: []int{1}},
		`has(steps.a.outputs.hosts)`:                              {Names: []string{"hosts"}, By: []int{1}},
		`steps['a'].outputs[vars.n] == ''`:                        {All: true, By: []int{1}},
		`vars.n[steps.a.outputs['i']] == ''`:                      {Names: []string{"i"}, By: []int{1}},
		`vars.n in steps.a.outputs`:                               {All: true, By: []int{1}},
		`steps.a.outputs.exists(n, n == vars.n)`:                  {All: true, By: []int{1}},
		`steps.a.items.exists(i, i.outputs['v'] == '')`:           {All: true, By: []int{1}},
		`steps.a.items[0].models == {}`:                           {All: true, By: []int{1}},
		`steps.a.status == 'SUCCESS' && steps.a.instanceId == ''`: {},
		`steps.a.items[0].status == 'SUCCESS'`:                    {},
		`size(vars.n) == 0`:                                       {},
	} {
		document := New("r", Vars{"n": "x"}, Plan("a", "p"), Plan("b", "p", If(expression)))
		program, faults := compile(document)
		if len(faults) > 0 {
			require.Contains(t, faults.Error(), "undeclared", expression)
		}
		require.Equal(t, want, program.Use(0), expression)
		require.False(t, program.Use(1).Read())
	}
}

func TestOutputsAreReadInEveryPlaceOfAStep(t *testing.T) {
	t.Parallel()
	document := parse(t, `
name: r
steps:
  - {id: a, plan: p, rollback: {plan: u, params: {md: {X: "${{ steps.a.outputs['own'] }}"}}}}
  - {id: b, plan: p, forEach: "steps.a.outputs['list'].split(',')", params: {md: {X: "${{ steps.a.outputs['p'] }}"}}}
  - {id: c, approval: {message: "${{ steps.a.outputs['m'] }}"}}
  - {id: d, wait: {until: "${{ steps.a.outputs['t'] }}"}}
  - {id: e, runbook: {name: n, vars: {v: "${{ steps.a.outputs['v'] }}"}, steps: [{id: a, plan: p}, {id: x, plan: p, params: {md: {X: "${{ steps.a.outputs['inner'] }}"}}}]}}
`)
	program, err := document.Compile()
	require.NoError(t, err)
	require.Equal(t, Use{Names: []string{"own", "list", "p", "m", "t", "v"}, By: []int{0, 1, 2, 3, 4}}, program.Use(0))
	require.Equal(t, Use{Names: []string{"inner"}, By: []int{1}}, program.Inner(4).Use(0))
}
