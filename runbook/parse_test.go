package runbook

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTenMistakesAreTenFaultsEachAtItsPlace(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte(`name: ten mistakes
onFailure: ignore
vars: {site: null}
steps:
  - id: first
    plan: p1
    retry: 1
  - id: first
    plan: p2
  - id: both
    plan: p3
    wait: 10s
  - id: dangling
    needs: [nowhere]
    plan: p4
  - id: left
    needs: [right]
    plan: p5
  - id: right
    needs: [left]
    plan: p6
  - id: slow
    wait: soon
  - id: ask
    approval: {message: "Go?", approvers: [zhang], quorum: 2}
  - id: early
    needs: []
    plan: p7
    params: {md1: {TARGET: "${{ steps.ask.status }}"}}
  - id: typo
    plan: p8
    when: "vars.sitee == 'a'"
`))
	require.Equal(t, []string{
		`2:1: onFailure: must be pause | abort | continue | rollback, got "ignore"`,
		`7:5: steps[0].retry: there is no such field`,
		`8:5: steps[1].id: "first" is the id of steps[0] already`,
		`10:5: steps[2]: must have exactly one of plan, model, approval, ask, wait, runbook, got plan and wait`,
		`14:13: steps[3].needs[0]: there is no step "nowhere"`,
		`16:5: steps[4]: the steps need each other in a circle: left needs right needs left`,
		`23:5: steps[6].wait: must be a duration such as "90s" or "2h", got "soon"`,
		`25:52: steps[7].approval.quorum: must be at most 1, as many as there are approvers, got 2`,
		`29:20: steps[8].params.md1.TARGET: nothing is known of step "ask" here: it does not come before this one by way of needs`,
		`32:5: steps[9].when: there is no variable "sitee" in vars`,
	}, problems(err))
}

func TestFaultsOfJSONHaveTheirPlacesToo(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte("{\n  \"name\": \"切换\", \"nmae\": 1,\n  \"steps\": [{\"id\": \"a\", \"plan\": 5}, {\"id\": \"b\",\n\t\"wait\": \"1h\", \"retries\": -1}]\n}"))
	require.Equal(t, []string{
		`2:17: nmae: there is no such field`,
		`3:25: steps[0].plan: must be a string, in quotes, got 5`,
		`4:16: steps[1].retries: does not fit a step with wait, only one with plan, model`,
		`4:16: steps[1].retries: must be at least 0, got -1`,
	}, problems(err))
}

func TestWhatIsNoDocumentIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                          "there is no document",
		"- a":                       "1:1: the document must be an object, got a list",
		"name: [":                   "1:1: this is neither YAML nor JSON: did not find expected node content",
		"name: a\nname: b":          "2:1: name: is given twice",
		`{"name": "a", "name": ""}`: "1:15: name: is given twice",
		"name: a\n---\nname: b":     "2:1: the text goes on after its document",
		"1: {name: a}\n? [a]\n: b":  "2:3: the name of a field must be a string",
		"name: !secret a":           "1:7: name: the tag !secret is not taken",
		strings.Repeat("[", 5000):   "",
		strings.Repeat(" ", 2<<20):  "the document must have at most 1048576 bytes in all, got 2097152",
	} {
		_, err := Parse([]byte(text))
		require.Error(t, err, text)
		require.Contains(t, strings.Join(problems(err), "\n"), want, clip(text))
	}
}

func TestTheSameDocumentInYAMLAndJSON(t *testing.T) {
	t.Parallel()
	for _, file := range examples(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		first := parse(t, string(text))
		require.Equal(t, first, parse(t, string(asJSON(t, text))), "as it was written, in JSON")

		data, err := json.Marshal(first)
		require.NoError(t, err)
		require.Equal(t, first, parse(t, string(data)), "as Go writes it")
		require.NoError(t, bySchema(t, data))
		var decoded Document
		require.NoError(t, json.Unmarshal(data, &decoded))
		require.Equal(t, first, &decoded, "as encoding/json reads it")
	}
}

func TestInputsAreSentAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	document := parse(t, "name: x\nsteps: [{id: a, model: m, params: {A: 1.10, B: 007, C: true, D: 2026-01-02, E: '', F: {secretRef: s}, G: True}}]")
	require.Equal(t, Params{
		"A": Text("1.10"), "B": Text("007"), "C": Text("true"), "D": Text("2026-01-02"), "E": Text(""), "F": SecretRef("s"), "G": Text("True"),
	}, document.Steps[0].Params)
	for params, want := range map[string]string{
		"{A: null}":                 "steps[0].params.A: must be a string",
		"{A: {secretRef: 1}}":       "steps[0].params.A: secretRef must be the name of a secret",
		"{A: {B: c}}":               "steps[0].params.A: must be a string such as",
		`{A: {secretRef: "${{1}}"}`: "",
	} {
		_, err := Parse([]byte("name: x\nsteps: [{id: a, model: m, params: " + params + "}]"))
		require.ErrorContains(t, err, want)
	}
}

func TestVariablesAreWhatJSONHas(t *testing.T) {
	t.Parallel()
	document := parse(t, "name: x\nvars: {a: 2, b: 2.0, c: 0.5, d: 0x10, e: [true, null], f: {g: 1e3}}\nsteps: [{id: a, plan: p}]")
	require.Equal(t, Vars{
		"a": int64(2), "b": int64(2), "c": 0.5, "d": int64(16), "e": []any{true, nil}, "f": map[string]any{"g": int64(1000)},
	}, document.Vars)
	for value, want := range map[string]string{"010": "may mean two numbers", ".inf": "no number that JSON has", "!!binary aGk=": "the tag"} {
		_, err := Parse([]byte("name: x\nvars: {a: " + value + "}\nsteps: [{id: a, plan: p}]"))
		require.ErrorContains(t, err, want)
	}
}

func TestNoNeedsAndEmptyNeedsStayApart(t *testing.T) {
	t.Parallel()
	document := parse(t, "name: x\nsteps: [{id: a, plan: p}, {id: b, plan: p, needs: []}]")
	require.Nil(t, document.Steps[0].Needs)
	require.Equal(t, []Need{}, document.Steps[1].Needs)
	data, err := json.Marshal(document)
	require.NoError(t, err)
	require.Equal(t, document, parse(t, string(data)))
}

func TestAStructAroundTheDocumentIsReadStrictlyToo(t *testing.T) {
	t.Parallel()
	type run struct {
		Document
		DryRun bool `json:"dryRun,omitempty"`
	}
	var in run
	require.NoError(t, ParseInto([]byte(`{"name": "x", "dryRun": true, "steps": [{"id": "a", "wait": "1m30s"}]}`), &in))
	require.True(t, in.DryRun)
	require.Equal(t, Duration(90*time.Second), in.Steps[0].Wait.For)
	err := ParseInto([]byte(`{"name": "x", "dryRun": "yes", "dry": 1, "steps": [{"id": "a"}]}`), &in)
	require.Equal(t, []string{
		`1:15: dryRun: must be true or false, got "yes"`,
		`1:32: dry: there is no such field`,
		`1:52: steps[0]: must have exactly one of plan, model, approval, ask, wait, runbook`,
	}, problems(err))
}

func TestManyFaultsAreCutShort(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte("name: x\nsteps:\n" + strings.Repeat("- {}\n", 200)))
	require.Len(t, err, maxFaults+1)
	require.ErrorContains(t, err, "and 300 more faults")
}

func TestDurationsAreWrittenShort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"7200s": "2h", "90s": "1m30s", "600s": "10m", "3601s": "1h0m1s", "10ms": "10ms", "24h30m": "24h30m"} {
		var d Duration
		require.NoError(t, d.UnmarshalJSON(quote(text)))
		require.Equal(t, want, d.String())
	}
}
