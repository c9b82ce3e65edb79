package runbook

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnchorsMergeKeysAndExtensionsStandForWhatTheyName(t *testing.T) {
	t.Parallel()
	written := parse(t, `
name: r
x-once: &once {timeout: 30m, retries: 2, x-note: of ours}
x-more: &more {<<: *once, retries: 1, onUnknown: fail}
x-params: &params {md1: {x-input: "1"}}
vars: &vars {hosts: [a], limits: {x-max: 1}}
steps:
  - {id: a, plan: p, <<: *once, params: *params, x-owner: zhang}
  - {id: b, plan: p, <<: [*more, *once], timeout: 1h}
  - {id: c, runbook: {name: n, x-n: 1, vars: *vars, steps: [{id: d, model: m, <<: {retries: 3}, rollback: {plan: u, x-r: []}}]}}
`)
	plain := parse(t, `
name: r
vars: {hosts: [a], limits: {x-max: 1}}
steps:
  - {id: a, plan: p, timeout: 30m, retries: 2, params: {md1: {x-input: "1"}}}
  - {id: b, plan: p, retries: 1, onUnknown: fail, timeout: 1h}
  - {id: c, runbook: {name: n, vars: {hosts: [a], limits: {x-max: 1}}, steps: [{id: d, model: m, retries: 3, rollback: {plan: u}}]}}
`)
	require.Equal(t, plain, written)
	_, err := Parse([]byte(`{"name": "r", "x-note": [1], "steps": [{"id": "a", "plan": "p", "x-y": null}]}`))
	require.NoError(t, err, "in JSON too")
}

func TestFaultsOfWhatAliasesStandForAreWhereItIsWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"x-a: &a {timeout: soon}\nname: r\nsteps: [{id: a, plan: p, <<: *a}]":            `1:10: steps[0].timeout: must be a duration such as "90s" or "2h", got "soon"`,
		"name: r\nsteps: [{id: a, plan: p, <<: {tmeout: 1h}}]":                           "2:31: steps[0].tmeout: there is no such field",
		"name: r\nsteps: [{id: a, plan: p, <<: [1]}]":                                    "2:26: steps[0]: << must be an object, or a list of objects, that it is not a part of",
		"name: r\nx-a: &a {<<: *a}\nsteps: [{id: a, plan: p}]":                           "2:10: x-a: << must be an object, or a list of objects, that it is not a part of",
		"name: r\nx-a: {b: &b {<<: *b}, <<: *b}\nsteps: [{id: a, plan: p}]":              "2:14: x-a: << must be an object, or a list of objects, that it is not a part of",
		"name: r\nx-a: &a [{b: *a}]\nsteps: [{id: a, plan: p}]":                          "2:14: x-a[0].b: the alias a stands for something that it is a part of",
		"name: r\nX-a: 1\nsteps: [{id: a, plan: p}]":                                     "2:1: X-a: there is no such field",
		"name: r\nsteps: [{id: a, plan: p, needs: [{step: b, x-a: 1, y: 2}]}]":           "2:52: steps[0].needs[0].y: there is no such field",
		"name: r\nx-a: !secret b\nsteps: [{id: a, plan: p}]":                             "2:6: x-a: the tag !secret is not taken",
		`{"name": "r", "<<": {"description": "d"}, "steps": [{"id": "a", "plan": "p"}]}`: "1:15: <<: there is no such field",
	} {
		_, err := Parse([]byte(text))
		require.Contains(t, problems(err), want, text)
	}
}

func TestAliasesAreBounded(t *testing.T) {
	t.Parallel()
	text := "name: r\nx-a: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 12 {
		name, next := string(rune('a'+i)), string(rune('b'+i))
		if i == 0 {
			name = "a0"
		}
		text += "x-" + next + ": &" + next + " [" + strings.Repeat("*"+name+", ", 10) + "]\n"
	}
	_, err := Parse([]byte(text + "steps: [{id: a, plan: p}]"))
	require.Len(t, problems(err), 1)
	require.Contains(t, problems(err)[0], "the aliases stand for more than 1048576 bytes in all")

	merged := "name: r\nx-a: &a {" + strings.Repeat("y", 100) + ": 1}\nsteps: [{id: a, plan: p, x-b: ["
	_, err = Parse([]byte(merged + strings.Repeat("{<<: *a}, ", 20_000) + "]}]"))
	require.Len(t, problems(err), 1)
	require.Contains(t, problems(err)[0], "the aliases stand for more than", "names count too")
	_, err = Parse([]byte("name: r\nx: " + strings.Repeat("[", 65) + strings.Repeat("]", 65)))
	require.ErrorContains(t, err, "is nested too deeply")
}
