package runbook

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// stage is a document with a step to say something in, after others.
func stage(fields string) string {
	return `name: stage
vars: {site: east, hosts: [web1, web2], size: 2, "a-b": 1, deep: {list: [{name: x}], z: 1, a: 2, m: 3}}
steps:
  - {id: first, plan: p}
  - {id: cool-down, plan: p}
  - {id: aside, plan: p, needs: []}
  - {id: here, needs: [cool-down], ` + fields + `}
  - {id: later, plan: p}
`
}

const here = 3

func scene() Scope {
	return Scope{
		Vars: Vars{
			"site": "east", "hosts": []any{"web1", "web2"}, "size": int64(2), "a-b": int64(1),
			"deep": map[string]any{"list": []any{map[string]any{"name": "x"}}, "z": int64(1), "a": int64(2), "m": int64(3)},
		},
		Step: steps(map[string]Result{
			"first": {
				Status: "SUCCESS", InstanceID: "in1",
				Outputs: []ModelOutputs{
					{ModelID: "md1", Nodes: []NodeOutput{{Name: "复制延迟", Result: "0"}}},
					{ModelID: "md2", Nodes: []NodeOutput{{Name: "list", Result: "a,b\n"}}},
				},
				Items: []Result{{Status: "FAILED", InstanceID: "in2"}},
			},
			"cool-down": {Status: "SKIPPED"},
			"here":      {InstanceID: "in3"},
		}),
		WorkflowID: "run-1",
	}
}

func steps(results map[string]Result) func(id string) (Result, bool) {
	return func(id string) (Result, bool) {
		result, known := results[id]
		return result, known
	}
}

func compiled(t *testing.T, text string) *Program {
	t.Helper()
	program, err := parse(t, text).Compile()
	require.NoError(t, err)
	return program
}

func TestConditionsAreDecided(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]bool{
		`steps.first.outputs['复制延迟'] == '0'`:                                           true,
		`int(steps.first.outputs['复制延迟']) > 0`:                                         false,
		`steps['cool-down'].status == 'SKIPPED'`:                                       true,
		`steps.first.models.md1.outputs['复制延迟'] == '0'`:                                true,
		`steps.first.items[0].instanceId == 'in2' && vars['a-b'] == 1`:                 true,
		`has(steps.first.outputs.lag)`:                                                 false,
		`'lag' in steps.first.outputs || runbook.workflowId == 'run-1'`:                true,
		`steps.first.outputs.list.trim().split(',') == ['a', 'b']`:                     true,
		`vars.hosts.map(h, h.upperAscii()).join('+').lowerAscii() == 'web1+web2'`:      true,
		`['', 'a'].join(',') == ',a' && 'aXbX'.replace('X', '--') == 'a--b--'`:         true,
		`vars.deep.map(k, k) == ['a', 'list', 'm', 'z']`:                               true,
		`{'b': 1, 'a': 2, 3: 3, true: 4}.map(k, string(k)) == ['true', '3', 'a', 'b']`: true,
	} {
		program := compiled(t, stage("plan: p, when: "+string(quote(condition))))
		holds, err := program.When(here, scene())
		require.NoError(t, err, condition)
		require.Equal(t, want, holds, condition)
	}
	holds, err := compiled(t, stage("plan: p")).When(here, Scope{})
	require.NoError(t, err)
	require.True(t, holds, "without a condition")
}

func TestExpressionsThatCannotBeRightAreRefused(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]string{
		`when: "1 +"`:                                                          "steps[3].when: Syntax error",
		`when: "vars.size"`:                                                    "",
		`when: "1"`:                                                            "when: must give true or false, gives int",
		`when: "site == 'a'"`:                                                  "undeclared reference to 'site' (at column 1 of the expression)",
		`when: "vars.cite == 'a'"`:                                             `there is no variable "cite" in vars`,
		`when: "vars['cite'] == 'a'"`:                                          `there is no variable "cite" in vars`,
		`when: "steps.nowhere.status == 'FAILED'"`:                             `there is no step "nowhere"`,
		`when: "steps.aside.status == 'FAILED'"`:                               `nothing is known of step "aside" here: it does not come before`,
		`when: "steps['later'].status == 'FAILED'"`:                            `nothing is known of step "later" here`,
		`when: "steps.here.status == 'FAILED'"`:                                `nothing is known of step "here" before it has run`,
		`when: "steps.exists(s, true)"`:                                        "steps must be followed by a step's id",
		`when: "steps[vars.site].status == 'FAILED'"`:                          "steps must be followed by a step's id",
		`when: "steps.first.state == 'a'"`:                                     "undefined field 'state'",
		`when: "steps.first.status == 1"`:                                      "found no matching overload for '_==_' applied to '(string, int)'",
		`when: "steps.first.outputs.lag < 5"`:                                  "found no matching overload for '_<_' applied to '(string, int)'",
		`when: "item == 'a'", forEach: "[1]"`:                                  "item is known only inside a step with forEach",
		`when: "now() > 1"`:                                                    "undeclared reference to 'now'",
		`when: "timestamp(0).getHours() > 1"`:                                  "undeclared reference to 'getHours'",
		`when: "${{ vars.size == 2 }}"`:                                        "this is an expression already: write it without ${{ }}",
		`forEach: "vars"`:                                                      "forEach: must give a list, gives map(string, dyn)",
		`params: {md1: {A: "${{ index }}"}}`:                                   "params.md1.A: index is known only inside a step with forEach",
		`params: {md1: {A: "${{ 1"}}`:                                          "params.md1.A: ${{ is not closed by }}",
		`params: {md1: {A: "${{ }}"}}`:                                         "params.md1.A: Syntax error",
		`params: {md1: {A: "${{ null }}"}}`:                                    "must give a value that JSON has, gives null",
		`params: {md1: {A: "${{ steps.first }}"}}`:                             "must give a value that JSON has, gives dpaflow.Step",
		`rollback: {plan: p, params: {md1: {A: "${{ steps.later.status }}"}}}`: "rollback.params.md1.A: nothing is known of step",
		`when: "` + strings.Repeat("1+", 100) + `1 > 0"`:                       "recursion",
		`when: "` + strings.Repeat("'a'", 2000) + `"`:                          "size",
		`when: "` + strings.Repeat("[1].all(a, ", 9) + "true" + strings.Repeat(")", 9) + `"`: "has more than 8 of map, filter",
	} {
		_, err := Parse([]byte(stage("plan: p, " + fields)))
		if want == "" {
			require.NoError(t, err, fields)
			continue
		}
		require.ErrorContains(t, err, want, fields)
		require.Len(t, err, 1, fields)
	}
}

func TestTextsAreRendered(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":            "plain",
		"${{ vars.site }}": "east",
		"to ${{ vars.site }}, ${{vars.size}} hosts": "to east, 2 hosts",
		"$${{ vars.site }} ${{ '}}' + \"}}\" }}":    "${{ vars.site }} }}}}",
		"${{ {'a': {'b': vars.size}} }}":            `{"a":{"b":2}}`,
		"${{ vars.hosts }} ${{ 1.5 }} ${{ 2.0 }}":   `["web1","web2"] 1.5 2`,
		"${{ vars.size > 1 }}${{ '<&>' }}":          "true<&>",
		"${{ r'\\' + '\\'}}' + '''a'}}''' }}":       `\'}}a'}}`,
		"${{ item.name }}/${{ index + 1 }}":         "x/1",
		"$ { { }} $$":                               "$ { { }} $$",
	} {
		program := compiled(t, stage("plan: p, forEach: vars.deep.list, params: {md1: {A: "+string(quote(text))+"}}"))
		items, err := program.ForEach(here, scene())
		require.NoError(t, err)
		require.Equal(t, []any{map[string]any{"name": "x"}}, items)
		scope := scene()
		scope.Item = &Item{Value: items[0]}
		job, err := program.Job(here, scope)
		require.NoError(t, err, text)
		require.Equal(t, want, job.Params["md1"].Inputs["A"].Text)
		require.Equal(t, text, program.document.Steps[here].Params["md1"].Inputs["A"].Text, "the document stays as it is")
	}
}

func TestApprovalsRollbacksAndNestedRunbooksAreRendered(t *testing.T) {
	t.Parallel()
	approval, err := compiled(t, stage(`approval: {message: "${{ vars.site }}?", approvers: ["${{ vars.hosts[0] }}"], quorum: 1}`)).Approval(here, scene())
	require.NoError(t, err)
	require.Equal(t, Approval{Message: "east?", Approvers: []string{"web1"}, Quorum: 1}, approval)

	program := compiled(t, stage(`plan: p, rollback: {model: m, params: {A: "${{ steps.here.instanceId }}", B: {secretRef: s}}}`))
	job, err := program.Rollback(here, scene())
	require.NoError(t, err)
	require.Equal(t, Job{Model: "m", Params: Params{"A": Text("in3"), "B": SecretRef("s")}}, job)

	program = compiled(t, stage(`runbook: {name: n, vars: {hosts: "${{ vars.hosts }}", n: "${{ vars.size + 1 }}", t: "${{ vars.size }}!", o: [{p: "${{ true }}"}]},
      steps: [{id: in, plan: q, forEach: vars.hosts, params: {md1: {A: "${{ vars.t }}"}}}]}`))
	vars, err := program.InnerVars(here, scene())
	require.NoError(t, err)
	require.Equal(t, Vars{
		"hosts": []any{"web1", "web2"}, "n": int64(3), "t": "2!", "o": []any{map[string]any{"p": true}},
	}, vars, "what is nothing but an expression keeps its type")
}

func TestWhatGoesWrongInAnEvaluationSaysWhere(t *testing.T) {
	t.Parallel()
	program := compiled(t, stage(`plan: p, when: "vars.size", forEach: "vars.site", params: {md1: {A: "${{ steps.first.outputs.lag }}", B: "${{ vars.deep.q }}"}}`))
	_, err := program.When(here, scene())
	require.EqualError(t, err, "steps[3].when: must give true or false, gave int")
	_, err = program.ForEach(here, scene())
	require.EqualError(t, err, "steps[3].forEach: must give a list, gave string")
	_, err = program.Job(here, scene())
	require.EqualError(t, err, "steps[3].params.md1.A: cannot be evaluated: no such key: lag; steps[3].params.md1.B: cannot be evaluated: no such key: q")
	_, err = program.Job(here, Scope{Vars: scene().Vars})
	require.ErrorContains(t, err, `steps[3].params.md1.A: nothing is known of step "first"`)
}

func TestAPreviewLeavesWhatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	program := compiled(t, stage(`plan: p, when: "steps.first.status == 'FAILED'", forEach: "steps.first.outputs.list.split(',')", params: {md1: {A: "${{ item }}", B: "${{ vars.site }}"}}`))
	preview := Scope{Vars: scene().Vars, Preview: true}
	_, err := program.When(here, preview)
	require.ErrorIs(t, err, ErrNotYetKnown)
	_, err = program.ForEach(here, preview)
	require.ErrorIs(t, err, ErrNotYetKnown)
	job, err := program.Job(here, preview)
	require.NoError(t, err)
	require.Equal(t, Params{"md1": Inputs(Params{"A": Text("${{ item }}"), "B": Text("east")})}, job.Params)
}

// Not parallel: allocations, which are counted for the whole process, tell how much is done, and a clock would tell how
// busy the machine is.
func TestAnExpressionCannotHangAWorkflow(t *testing.T) {
	loop := func(times int, around string) string {
		return strings.Replace(around, "…", strings.Repeat("1,", times)+"1", -1)
	}
	scope := scene()
	scope.Vars["hosts"] = make([]any, 2000)
	scope.Vars["site"] = strings.Repeat("a", 100_000)
	for name, expression := range map[string]string{
		"loops in loops":     loop(100, "[…].all(a, […].all(b, […].all(c, […].all(d, a + b + c + d > 0))))"),
		"a list of itself":   "[[1, 1]]" + strings.Repeat(".map(a, [a, a, a, a, a, a, a, a])", 7) + ".size() > 0",
		"a sum of itself":    "[[1, 1]]" + strings.Repeat(".map(a, a + a + a + a + a + a)", 7) + "[0].size() > 0",
		"a text of itself":   "['aaaaaaaa']" + strings.Repeat(".map(a, a + a + a + a + a + a)", 7) + "[0].size() > 0",
		"a text of texts":    "['aaaaaaaa']" + strings.Repeat(".map(a, [a, a, a, a, a, a].join('aaaaaaa'))", 7) + "[0].size() > 0",
		"a text replaced":    "['aaaaaaaa']" + strings.Repeat(".map(a, a.replace('a', 'aaaaaaaaa'))", 7) + "[0].size() > 0",
		"lists compared":     loop(100, "[…].all(a, […].all(b, vars.hosts == vars.hosts))"),
		"a list looked into": loop(100, "[…].all(a, […].all(b, !(1 in vars.hosts)))"),
		"a text taken apart": loop(100, "[…].all(a, […].all(b, vars.site.split('').size() > 0))"),
		"an object made":     loop(100, "[…].all(a, […].all(b, {'a': vars.hosts, 'b': vars.hosts}.size() > 0))"),
	} {
		program := compiled(t, stage("plan: p, when: "+string(quote(expression))))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := program.When(here, scope)
		runtime.ReadMemStats(&after)
		require.Error(t, err, name)
		require.Less(t, after.Mallocs-before.Mallocs, uint64(20_000_000), "%s: at 50 ns each a second", name)
	}
	program := compiled(t, stage(`plan: p, forEach: "vars.hosts", params: {md1: {A: "${{ vars.site + vars.site }}${{ vars.site }}"}}`))
	_, err := program.ForEach(here, scope)
	require.ErrorContains(t, err, "gives 2000 items, at most 1000 are taken")
	_, err = program.Job(here, scope)
	require.ErrorContains(t, err, "is longer than 262144 bytes")
}

func TestAnExpressionGivesTheSameEveryTime(t *testing.T) {
	t.Parallel()
	program := compiled(t, stage(`plan: p, params: {md1: {A: "${{ vars.deep.map(k, k) }} ${{ {'z': 1, 'b': 2, 'm': 3}.map(k, k) }} ${{ vars.deep.filter(k, k != 'a') }} ${{ steps.first.outputs.map(k, k) }}"}}`))
	first, err := program.Job(here, scene())
	require.NoError(t, err)
	require.Equal(t, `["a","list","m","z"] ["b","m","z"] ["list","m","z"] ["list","复制延迟"]`, first.Params["md1"].Inputs["A"].Text)
	for range 50 {
		again, err := program.Job(here, scene())
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}
