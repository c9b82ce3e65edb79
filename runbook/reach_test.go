package runbook

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnOutputOfAStepThatMayBeSkippedReadWithoutAGuardIsAFinding(t *testing.T) {
	t.Parallel()
	const (
		bare  = "steps.x.outputs['o'] == '1'"
		param = "params: {md: {A: \"${{ steps.x.outputs['o'] }}\"}}"
	)
	for name, c := range map[string]struct {
		x, reader string // fields of a step x, and of one that comes after it
		found     string // where; empty for nowhere
	}{
		"in a parameter":              {"when: vars.a", param, "steps[2].params.md.A"},
		"in its condition":            {"when: vars.a", `when: "` + bare + `"`, "steps[2].when"},
		"in a list":                   {"when: vars.a", `forEach: "steps.x.outputs['o'].split(',')"`, "steps[2].forEach"},
		"of a model":                  {"when: vars.a", `when: "steps.x.models.md.outputs['o'] == '1'"`, "steps[2].when"},
		"by a field's name":           {"when: vars.a", `when: "steps.x.outputs.o == '1'"`, "steps[2].when"},
		"of an item":                  {"when: vars.a, forEach: '[1]'", `when: "steps.x.items[0].outputs.o == '1'"`, "steps[2].when"},
		"in a rollback":               {"when: vars.a", "rollback: {plan: u, " + param + "}", "steps[2].rollback.params.md.A"},
		"guarded by another step":     {"when: vars.a", `when: "steps.first.status == 'SUCCESS' && ` + bare + `"`, "steps[2].when"},
		"also after a success":        {"when: vars.a", "needs: [{step: x, on: success}], " + param, "steps[2].params.md.A"},
		"of a handler that need not":  {"needs: [{step: first, on: failure}]", "needs: [{step: x, on: end}], " + param, "steps[2].params.md.A"},
		"where any of several is met": {"needs: [{step: first, on: failure}]", "join: any, needs: [first, x], " + param, "steps[2].params.md.A"},
		"that all skips skip":         {"join: any, needs: [first]", param, ""},

		"of a step that is not skipped":      {"retries: 1", param, ""},
		"guarded by its status":              {"when: vars.a", `when: "steps.x.status == 'SUCCESS' && ` + bare + `"`, ""},
		"guarded the other way round":        {"when: vars.a", `when: "` + bare + ` && steps.x.status == 'SUCCESS'"`, ""},
		"guarded by or":                      {"when: vars.a", `when: "steps.x.status == 'SKIPPED' || ` + bare + `"`, ""},
		"guarded by a question":              {"when: vars.a", `when: "steps.x.status == 'SUCCESS' ? ` + bare + ` : false"`, ""},
		"guarded by in":                      {"when: vars.a", `when: "'o' in steps.x.outputs && ` + bare + `"`, ""},
		"guarded by has":                     {"when: vars.a", `when: "has(steps.x.outputs.o) && ` + bare + `"`, ""},
		"guarded by its condition":           {"when: vars.a", `when: "steps.x.status == 'SUCCESS'", ` + param, ""},
		"under the same condition":           {"when: vars.a", "when: vars.a, " + param, ""},
		"under more than the same":           {"when: vars.a", "when: 'vars.b && vars.a', " + param, ""},
		"of a handler by what follows it":    {"needs: [{step: first, on: failure}]", param, ""},
		"after a failure":                    {"when: vars.a", "needs: [{step: x, on: failure}], " + param, ""},
		"of all outputs":                     {"when: vars.a", `when: "size(steps.x.outputs) == 0"`, ""},
		"of its status":                      {"when: vars.a", `when: "steps.x.status == 'SKIPPED' && steps.x.instanceId == ''"`, ""},
		"of the items, none of which is":     {"when: vars.a, forEach: '[1]'", `when: "steps.x.items.all(i, i.outputs.o == '1')"`, ""},
		"where the runbook would have ended": {"retries: 1", "needs: [{step: x, on: end}], " + param, ""},
	} {
		_, err := Parse([]byte("name: r\nvars: {a: true, b: true}\nsteps:\n  - {id: first, plan: p}\n  - {id: x, plan: p, " + c.x + "}\n  - {id: reader, plan: p, " + c.reader + "}\n"))
		if c.found == "" {
			require.NoError(t, err, name)
			continue
		}
		require.Len(t, err, 1, "%s: %v", name, err)
		require.ErrorContains(t, err, c.found+`: step "x" may be skipped, and has no outputs then`, name)
	}
	_, err := Parse([]byte(`name: r
vars: {a: true}
steps:
  - {id: x, plan: p, when: vars.a}
  - id: in
    runbook: {name: i, vars: {v: "${{ steps.x.outputs.o }}"}, steps: [{id: y, plan: p, when: vars.v == '1'}, {id: z, plan: p, params: {md: {A: "${{ steps.y.outputs.o }}"}}}]}
`))
	require.ErrorContains(t, err, `steps[1].runbook.vars.v: step "x"`)
	require.ErrorContains(t, err, `steps[1].runbook.steps[1].params.md.A: step "y"`)
}

func TestAHandlerThatCanNeverRunIsRefused(t *testing.T) {
	t.Parallel()
	for steps, refused := range map[string]bool{
		"{id: a, wait: 1h}, {id: h, plan: p, needs: [{step: a, on: failure}]}":                                                true,
		"{id: a, wait: 1h, when: vars.x}, {id: h, plan: p, needs: [{step: a, on: failure}]}":                                  false, // when may be wrong
		"{id: a, plan: p}, {id: b, plan: p}, {id: h, plan: p, needs: [b, {step: a, on: failure}]}":                            true,
		"{id: a, plan: p}, {id: b, plan: p}, {id: h, plan: p, join: any, needs: [b, {step: a, on: failure}]}":                 false,
		"{id: a, plan: p}, {id: b, plan: p, needs: []}, {id: h, plan: p, needs: [b, {step: a, on: failure}]}":                 false,
		"{id: a, plan: p}, {id: b, plan: p}, {id: h, plan: p, needs: [{step: b, on: failure}, {step: a, on: failure}]}":       true,
		"{id: a, plan: p, onFailure: continue}, {id: b, plan: p}, {id: h, plan: p, needs: [b, {step: a, on: failure}]}":       false,
		"{id: a, plan: p}, {id: h, plan: p, needs: [{step: a, on: failure}]}":                                                 false,
		"{id: a, approval: {message: m}}, {id: h, plan: p, needs: [{step: a, on: failure}]}":                                  false,
		"{id: a, plan: p}, {id: h, approval: {message: m}, needs: [{step: a, on: failure}]}":                                  true, // nobody is asked any more
		"{id: a, plan: p, onFailure: continue}, {id: h, approval: {message: m}, needs: [{step: a, on: failure}]}":             false,
		"{id: a, plan: p}, {id: h, approval: {message: m}, needs: [{step: a, on: end}]}":                                      false,
		"{id: a, wait: 1h}, {id: b, plan: p, needs: [{step: a, on: failure}]}, {id: h, plan: p, needs: [{step: b, on: end}]}": true, // b, and h then after all
	} {
		_, err := Parse([]byte("name: r\nvars: {x: true}\nsteps: [" + steps + "]"))
		if refused {
			require.ErrorContains(t, err, ".needs: this step can never run", steps)
			require.Len(t, err, 1)
		} else {
			require.NoError(t, err, steps)
		}
	}
}

func TestARollbackThatCanNeverRunIsRefused(t *testing.T) {
	t.Parallel()
	for document, refused := range map[string]bool{
		"steps: [{id: in, rollback: {plan: u, when: started}, runbook: {name: i, steps: [{id: a, plan: p, rollback: {plan: u}}]}}]":                                          true,
		"steps: [{id: in, rollback: {plan: u}, runbook: {name: i, steps: [{id: a, plan: p, rollback: {plan: u}}]}}]":                                                         false, // where the step fails
		"steps: [{id: in, rollback: {plan: u, when: started}, runbook: {name: i, onFailure: rollback, steps: [{id: a, plan: p, rollback: {plan: u}}]}}]":                     false,
		"steps: [{id: in, rollback: {plan: u, when: started}, runbook: {name: i, steps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p, onFailure: rollback}]}}]":   false,
		"steps: [{id: in, rollback: {plan: u, when: started}, runbook: {name: i, steps: [{id: deep, runbook: {name: d, steps: [{id: a, plan: p, rollback: {plan: u}}]}}]}}]": true,
		"steps: [{id: a, plan: p, rollback: {plan: u}}]": false, // an operator can start it
	} {
		_, err := Parse([]byte("name: r\n" + document))
		if refused {
			require.ErrorContains(t, err, "rollback: can never run", document)
		} else {
			require.NoError(t, err, document)
		}
	}
}

func TestTextThatIsNotUTF8IsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"name: r\nsteps:\n- {id: a, plan: p, name: \"\xb1\xb1\xbe\xa9\"}",
		"{\"name\": \"r\",\n\"steps\": [\n{\"id\": \"a\", \"plan\": \"p\", \"name\": \"\xb1\xb1\xbe\xa9\"}]}",
	} {
		_, err := Parse([]byte(text))
		require.ErrorContains(t, err, "is not UTF-8")
		require.Equal(t, 3, err.(Faults)[0].Line)
	}
	const beijing = "\xb1\xb1\xbe\xa9" // in GBK
	require.ErrorContains(t, New("r", Vars{"site": beijing}, Plan("a", "p")).Validate(), "vars.site: holds text that is not UTF-8")
	require.ErrorContains(t, New("r", Plan("a", "p", With(Params{"md": Inputs(Params{"A": Text(beijing)})}))).Validate(), "steps[0]: holds text")
	require.ErrorContains(t, parse(t, "name: r\nvars: {site: null}\nsteps: [{id: a, plan: p}]").Bind(map[string]any{"site": beijing}), "vars.site: holds text")
	require.NoError(t, New("r", Vars{"site": "\ufffd", "path": `\ufffd \\ufffd`}, Plan("a", "p")).Validate(), "what only looks like it is taken")
	require.NoError(t, New("r", Vars{"long": strings.Repeat("北", 10)}, Plan("a", "p")).Validate())
}
