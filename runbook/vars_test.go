package runbook

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func varsOf(t *testing.T, vars string) (Vars, error) {
	t.Helper()
	doc, err := Parse([]byte("name: r\nvars: " + vars + "\nsteps: [{id: a, plan: p}]\n"))
	if err != nil {
		return nil, err
	}
	program, err := doc.Compile()
	if err != nil {
		return nil, err
	}
	require.NoError(t, doc.Bind(nil))
	return program.Vars()
}

func TestAVariableMayUseOthersInAnyOrder(t *testing.T) {
	t.Parallel()
	vars, err := varsOf(t, `{url: "http://${{ vars.host }}/health", host: "web.${{ vars.site }}", site: beijing,
		ports: [80, 443], all: "${{ vars.ports.map(p, p + 1) }}", nested: {to: ["${{ vars.ports[0] }}"]}, escaped: "$${{ vars.site }}"}`)
	require.NoError(t, err)
	require.Equal(t, Vars{
		"url": "http://web.beijing/health", "host": "web.beijing", "site": "beijing", "ports": []any{int64(80), int64(443)},
		"all": []any{int64(81), int64(444)}, "nested": map[string]any{"to": []any{int64(80)}}, "escaped": "${{ vars.site }}",
	}, vars)
}

func TestAVariableThatCannotBeKnownIsRefused(t *testing.T) {
	t.Parallel()
	for vars, because := range map[string]string{
		`{a: "${{ vars.b }}", b: "${{ vars.c }}", c: "x${{ vars.a }}"}`: "vars.a: uses itself in a circle: a → b → c → a",
		`{a: "${{ vars.a }}"}`:             "vars.a: uses itself in a circle",
		`{a: "${{ vars.none }}"}`:          `vars.a: there is no variable "none"`,
		`{a: "${{ steps.a.status }}"}`:     "vars.a: may only use other variables",
		`{a: "${{ runbook.workflowId }}"}`: "vars.a: may only use other variables",
		`{a: "${{ item }}"}`:               "vars.a: item is known only inside a step with forEach",
		`{a: {b: ["${{ 1 + }}"]}}`:         "vars.a.b[0]: ",
		`{a: "${{ vars.l[3] }}", l: [1]}`:  "vars.a: cannot be evaluated",
	} {
		_, err := varsOf(t, vars)
		require.ErrorContains(t, err, because, vars)
	}
}

func TestADeclarationIsCheckedWithItsDefault(t *testing.T) {
	t.Parallel()
	for declaration, want := range map[string]string{
		"{type: text}":                                                `vars.a.type: must be string | number | integer | boolean | list | object, got "text"`,
		"{type: null}":                                                "vars.a.type: must be a string, got nothing",
		"{type: string, defalt: x}":                                   "vars.a.defalt: there is no such field",
		"{type: string, default: 1.10}":                               "vars.a.default: must be a string, got 1.1",
		"{type: integer, default: 1.5}":                               "vars.a.default: must be a whole number, got 1.5",
		"{type: number, default: 'x'}":                                `vars.a.default: must be a number, got "x"`,
		"{type: boolean, default: 'yes'}":                             `vars.a.default: must be true or false, got "yes"`,
		"{type: list, default: {}}":                                   "vars.a.default: must be a list, got {}",
		"{type: object, default: []}":                                 "vars.a.default: must be an object, got []",
		"{type: string, enum: [a, b], default: c}":                    `vars.a.default: must be "a" | "b", got "c"`,
		"{type: string, enum: [a, 1]}":                                "vars.a.enum[1]: must be a string, got 1",
		"{type: string, enum: [a, a]}":                                `vars.a.enum[1]: "a" is allowed already`,
		`{type: string, enum: ["${{ vars.b }}"]}`:                     "vars.a.enum[0]: takes no expressions",
		"{type: string, pattern: '[', required: true}":                "vars.a.pattern: must be a regular expression: ",
		"{type: number, pattern: '1'}":                                "vars.a.pattern: is only for type: string",
		"{type: string, pattern: '[a-z]+', default: a1}":              `vars.a.default: must match [a-z]+, got "a1"`,
		"{type: string, required: true, default: a}":                  "vars.a.default: is never used: the variable is required",
		"{type: list, secretRef: s}":                                  "vars.a.secretRef: is only for type: string",
		"{type: string, secretRef: s, default: hunter2}":              "vars.a.secretRef: rules out enum, pattern, required and default",
		`{type: string, secretRef: "${{ vars.b }}"}`:                  "vars.a.secretRef: takes no expressions",
		"{type: string, default: \"${{ vars.none }}\"}":               `vars.a.default: there is no variable "none" in vars`,
		"{type: string, pattern: '" + strings.Repeat("a", 257) + "'}": "vars.a.pattern: must have at most 256 bytes, got 257",
	} {
		_, err := Parse([]byte("name: r\nvars: {b: 1, a: " + declaration + "}\nsteps: [{id: a, plan: p}]"))
		require.Len(t, problems(err), 1, "%s: one mistake is one fault", declaration)
		require.Contains(t, problems(err)[0], want, declaration)
		require.Regexp(t, `^2:\d+: `, problems(err)[0])
	}
}

func TestADeclaredVariableHasItsValue(t *testing.T) {
	t.Parallel()
	vars, err := varsOf(t, `{site: {type: string, enum: [beijing, shanghai], default: beijing}, url: {type: string, default: "http://${{ vars.site }}"},
		n: {type: integer, default: "${{ size(vars.url) }}"}, none: {type: number}, to: {type: object, default: {type: vm}},
		given: "${{ vars.none == null }}", cost: {type: string, default: "$${{ 5 }}", pattern: "[${ 5}]+"}, password: {type: string, secretRef: db-password}}`)
	require.NoError(t, err)
	require.Equal(t, Vars{
		"site": "beijing", "url": "http://beijing", "n": int64(14), "none": nil, "to": map[string]any{"type": "vm"}, "given": true, "cost": "${{ 5 }}",
		"password": map[string]any{"secretRef": "db-password"},
	}, vars)
	for vars, because := range map[string]string{
		`{a: {type: integer, default: "${{ vars.b }}"}, b: 1.5}`:                                                     "vars.a: must be a whole number, got 1.5",
		`{a: {type: string, pattern: "[a-z]+", default: "x${{ vars.b }}"}, b: 1}`:                                    `vars.a: must match [a-z]+, got "x1"`,
		`{a: {type: string, pattern: "a*", default: "${{ vars.b }}"}, b: ` + strings.Repeat("a", maxMatched+1) + `}`: "vars.a: must have at most 8192 bytes, since it has a pattern",
		`{a: {type: string, default: "${{ vars.b }}"}, b: {type: string, default: "${{ vars.a }}"}}`:                 "vars.a: uses itself in a circle: a → b → a",
	} {
		_, err := varsOf(t, vars)
		require.ErrorContains(t, err, because, clip(vars))
	}
}

func TestAllThatIsWrongWithGivenValuesComesAtOnce(t *testing.T) {
	t.Parallel()
	doc := parse(t, `
name: r
vars:
  site: {type: string, enum: [beijing, shanghai], required: true}
  ticket: {type: string, pattern: "FZ-[0-9]+", required: true}
  limit: 4
  hosts: [web1]
  none: null
  list: "${{ vars.hosts }}"
  password: {type: string, secretRef: db-password}
steps: [{id: a, plan: p}]
`)
	require.Equal(t, []string{
		"vars.siet: there is no such variable",
		"vars.hosts: must be a list, got \"web1\"",
		"vars.limit: must be a number, got \"4\"",
		"vars.none: is required: it has no default",
		"vars.password: stands for the secret db-password, and cannot be given a value",
		"vars.site: must be \"beijing\" | \"shanghai\", got \"mars\"",
		"vars.ticket: must match FZ-[0-9]+, got \"XFZ-1\"",
	}, problems(doc.Bind(map[string]any{"siet": "x", "site": "mars", "ticket": "XFZ-1", "limit": "4", "hosts": "web1", "password": "hunter2"})))
	require.NoError(t, doc.Bind(map[string]any{"site": "beijing", "ticket": "FZ-1", "none": map[string]any{"type": "vm"}, "list": []any{"a"}}))
	data, err := json.Marshal(doc)
	require.NoError(t, err)
	sent := parse(t, string(data))
	program, err := sent.Compile()
	require.NoError(t, err)
	vars, err := program.Vars()
	require.NoError(t, err)
	require.Equal(t, Vars{
		"site": "beijing", "ticket": "FZ-1", "limit": int64(4), "hosts": []any{"web1"}, "none": map[string]any{"type": "vm"}, "list": []any{"a"},
		"password": map[string]any{"secretRef": "db-password"},
	}, vars)
	require.ErrorContains(t, sent.Bind(map[string]any{"site": "mars"}), "vars.site: must be", "what was declared is, in what the worker is sent")
}

func TestWhatIsTypedIsWhatArrives(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of    VarType
		typed string
		want  any
		wrong string
	}{
		{StringVar, "1.10", "1.10", ""}, {StringVar, "[1]", "[1]", ""}, {StringVar, "", "", ""},
		{NumberVar, "1.5", 1.5, ""}, {NumberVar, "2", int64(2), ""}, {NumberVar, "1.10", nil, "1.10 would arrive as 1.1"}, {NumberVar, "1e3", nil, "1e3 would arrive as 1000"},
		{NumberVar, "many", nil, `must be a number, got "many"`}, {NumberVar, "1 2", nil, "must be a number"}, {NumberVar, "", nil, "must be a number"},
		{IntegerVar, "12345678901234567890", nil, "must be a whole number"}, {IntegerVar, "1.0", nil, "1.0 would arrive as 1"}, {IntegerVar, "-3", int64(-3), ""}, {IntegerVar, "1.5", nil, "must be a whole number"},
		{BooleanVar, "true", true, ""}, {BooleanVar, "yes", nil, `must be true or false, got "yes"`},
		{ListVar, `["a", 1]`, []any{"a", int64(1)}, ""}, {ListVar, "[1.10]", nil, "1.10 would arrive as 1.1"}, {ListVar, "a", nil, "must be a list in JSON"}, {ListVar, "[1] 2", nil, "must be a list in JSON"},
		{ObjectVar, `{"a": null}`, map[string]any{"a": nil}, ""}, {ObjectVar, "[]", nil, "must be an object in JSON"}, {ObjectVar, "null", nil, "must be an object in JSON"},
		{"", "1.10", "1.10", ""}, {"", "[a, b]", "[a, b]", ""}, {"", "[1.10]", nil, "would arrive as"}, {"", `["a"]`, []any{"a"}, ""},
	} {
		value, err := Var{Type: c.of}.Read(c.typed)
		if c.wrong != "" {
			require.ErrorContains(t, err, c.wrong, "%s %s", c.of, c.typed)
			continue
		}
		require.NoError(t, err, "%s %s", c.of, c.typed)
		require.Equal(t, c.want, value, "%s %s", c.of, c.typed)
	}
}

func TestASecretMayOnlyBeTheWholeValueOfAnInput(t *testing.T) {
	t.Parallel()
	head := "name: r\nvars: {password: {type: string, secretRef: db-password}, db-key: {type: string, secretRef: key}, other: x}\nsteps:\n- "
	doc := parse(t, head+`{id: a, plan: p, params: {md1: {P: "${{ vars.password }}", K: "${{vars['db-key']}}", O: "${{ vars.other }}"}}, rollback: {model: m, params: {P: '${{ vars["password"] }}'}}}`)
	program, err := doc.Compile()
	require.NoError(t, err)
	vars, err := program.Vars()
	require.NoError(t, err)
	job, err := program.Job(0, Scope{Vars: vars})
	require.NoError(t, err)
	require.Equal(t, Params{"P": SecretRef("db-password"), "K": SecretRef("key"), "O": Text("x")}, job.Params["md1"].Inputs)
	job, err = program.Rollback(0, Scope{Vars: vars, Step: steps(map[string]Result{"a": {}})})
	require.NoError(t, err)
	require.Equal(t, Params{"P": SecretRef("db-password")}, job.Params)

	for step, at := range map[string]string{
		`{id: a, plan: p, params: {md1: {P: "x${{ vars.password }}"}}}`:                                                         "steps[0].params.md1.P",
		`{id: a, plan: p, params: {md1: {P: "${{ vars.password + 'x' }}"}}}`:                                                    "steps[0].params.md1.P",
		`{id: a, plan: p, when: "vars.password == 'x'"}`:                                                                        "steps[0].when",
		`{id: a, plan: p, forEach: "[vars.password]"}`:                                                                          "steps[0].forEach",
		`{id: a, approval: {message: "${{ vars.password }}?"}}`:                                                                 "steps[0].approval.message",
		`{id: a, runbook: {name: n, vars: {p: "${{ vars.password }}"}, steps: [{id: b, plan: p}]}}`:                             "steps[0].runbook.vars.p",
		`{id: a, with: {p: "${{ vars.password }}"}, runbook: {name: n, vars: {p: x}, steps: [{id: b, plan: p}]}}`:               "steps[0].with.p",
		`{id: a, runbook: {name: n, vars: {q: {type: string, secretRef: s}}, steps: [{id: b, plan: p, when: "vars.q == ''"}]}}`: "steps[0].runbook.steps[0].when",
	} {
		_, err := Parse([]byte(head + step))
		require.Len(t, problems(err), 1, step)
		require.Contains(t, problems(err)[0], at+": the variable ", step)
		require.Contains(t, problems(err)[0], "stands for a secret: it may only be the whole value of an input", step)
	}
	doc = parse(t, head+`{id: a, plan: p, params: {md1: {A: "${{ vars }}", B: "${{ vars['pass' + 'word'] }}"}}}`)
	program, err = doc.Compile()
	require.NoError(t, err)
	job, err = program.Job(0, Scope{Vars: vars})
	require.EqualError(t, err, "steps[0].params.md1.B: cannot be evaluated: no such key: password")
	require.Equal(t, `{"other":"x"}`, job.Params["md1"].Inputs["A"].Text, "expressions do not see it by a detour either")
}

func TestANestedRunbookKnowsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	nested := `runbook: {name: n, vars: {database: {type: string, required: true}, port: 3306, url: "db://${{ vars.database }}:${{ vars.port }}", password: {type: string, secretRef: s}}, steps: [{id: b, plan: p}]}`
	program := compiled(t, stage(`with: {database: "${{ vars.site }}", port: "${{ vars.size }}"}, `+nested))
	vars, err := program.InnerVars(here, scene())
	require.NoError(t, err)
	require.Equal(t, Vars{"database": "east", "port": int64(2), "url": "db://east:2", "password": map[string]any{"secretRef": "s"}}, vars)

	program = compiled(t, stage(`with: {database: "${{ steps.first.status == 'SUCCESS' ? steps.first.outputs['x'] : '' }}"}, `+nested))
	vars, err = program.InnerVars(here, Scope{Vars: scene().Vars, Step: steps(map[string]Result{
		"first": {Status: StatusSuccess, Outputs: []ModelOutputs{{ModelID: "m", Nodes: []NodeOutput{{Name: "x", Result: "${{ vars.port }}"}}}}},
	})})
	require.NoError(t, err)
	require.Equal(t, "db://${{ vars.port }}:3306", vars["url"], "what is given is a value, and no expression")

	vars, err = program.InnerVars(here, Scope{Vars: scene().Vars, Preview: true})
	require.NoError(t, err, "what is not known yet is no fault")
	require.Equal(t, unknown("db://${{ vars.database }}:${{ vars.port }}"), vars["url"])
	program = compiled(t, stage(`with: {database: "${{ vars.size }}"}, `+nested))
	_, err = program.InnerVars(here, scene())
	require.EqualError(t, err, "steps[3].runbook.vars.database: must be a string, got 2")

	for step, want := range map[string]string{
		`with: {}, ` + nested:                                                                    `steps[3].with: must give the variable "database" a value: it has no default`,
		`with: {database: 5}, ` + nested:                                                         "steps[3].with.database: must be a string, got 5",
		`with: {database: null}, ` + nested:                                                      "steps[3].with.database: is required",
		`with: {database: x, prt: 1}, ` + nested:                                                 "steps[3].with.prt: there is no such variable in the vars of the runbook",
		`with: {database: x, password: hunter2}, ` + nested:                                      "steps[3].with.password: stands for the secret s, and cannot be given a value",
		`with: {database: "${{ vars.none }}"}, ` + nested:                                        `steps[3].with.database: there is no variable "none" in vars`,
		`with: {}, runbook: {name: n, vars: {a: "${{ vars.site }}"}, steps: [{id: b, plan: p}]}`: `steps[3].runbook.vars.a: there is no variable "site" in vars`,
		`with: {}, plan: p`:                                                                      "steps[3].with: does not fit a step with plan, only one with runbook",
	} {
		_, err := Parse([]byte(stage(step)))
		require.Len(t, problems(err), 1, step)
		require.Contains(t, problems(err)[0], want, step)
	}
}

func TestVariablesAreDeclaredInGo(t *testing.T) {
	t.Parallel()
	built := New("r", Vars{"site": Var{Type: StringVar, Enum: []any{"beijing"}, Required: true}},
		Nest("n", New("n", Vars{"to": Var{Type: StringVar, Required: true}}, Plan("a", "p")), Give(Vars{"to": "${{ vars.site }}"})))
	require.NoError(t, built.Validate())
	require.Equal(t, parse(t, `
name: r
vars: {site: {type: string, enum: [beijing], required: true}}
steps: [{id: n, with: {to: "${{ vars.site }}"}, runbook: {name: n, vars: {to: {type: string, required: true}}, steps: [{id: a, plan: p}]}}]
`), built)
	require.Equal(t, []Input{{"site", Var{Type: StringVar, Enum: []any{"beijing"}, Required: true}}}, built.Inputs())
}
