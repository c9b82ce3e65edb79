package runbook

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParse(f *testing.F) {
	for _, file := range []string{"dr-switchover.yaml", "patch-hosts.yaml", "nightly-check.json"} {
		text, err := os.ReadFile("testdata/" + file)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte("name: x\nsteps:\n- {id: a, plan: p, params: {m: {A: '${{ vars.b }}'}}}\nvars: {b: 1}"))
	f.Add([]byte("name: x\nsteps: [{id: a, needs: [b]}, {id: b, needs: [a, {step: a, on: end}]}]"))
	f.Add([]byte("x-a: &a {retries: 1}\nx-b: &b {<<: *a, timeout: 1h}\nname: x\nsteps: [{id: a, plan: p, <<: [*b, *a]}, {id: b, runbook: &c {name: y, vars: {v: {type: string, enum: [a], default: a}}, steps: [{id: c, wait: 1s, x-c: [*a]}]}, with: {v: a}}]"))
	f.Add([]byte("name: x\nvars: {a: {type: integer, default: '${{ vars.b }}'}, b: {type: string, secretRef: s}}\nsteps: [{id: a, plan: p, params: {m: {A: '${{ vars.b }}'}}}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		document, err := Parse(text)
		if err != nil {
			require.NotEmpty(t, err.(Faults))
			return
		}
		require.NoError(t, document.Validate(), "what Parse accepts is valid")
		program, err := document.Compile()
		require.NoError(t, err)
		values, err := program.Vars()
		again, errAgain := program.Vars()
		require.Equal(t, values, again)
		require.Equal(t, err, errAgain)
		document.Graph()
		data, err := json.Marshal(document)
		require.NoError(t, err)
		reread, err := Parse(data)
		require.NoError(t, err, "what Go writes can be read")
		written, err := json.Marshal(reread)
		require.NoError(t, err)
		require.Equal(t, string(data), string(written), "and means the same: no inputs are no inputs, written as {} or not at all")
	})
}

func FuzzExpression(f *testing.F) {
	for _, seed := range []string{
		"vars.a + 1", "'a' + 'b'", "[1, 2].map(x, x * 2)", "{'a': 1}.a", "steps.a.status", "vars.a ? 1 : 'a'", "[vars, vars] == [vars]",
		"'a,b'.split(',').join('') == 'ab'.trim()", "1 / 0", "vars.b.c[0]", "has(vars.b.d)", "string(1.5) + string(b'a')", "timestamp(0)", `json('{"a": [1, null]}').a`, `lines("a\r\nb\n").map(l, l + '.')`, "json(vars.b.e)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := New("x", Vars{"a": 1, "b": map[string]any{"c": []int{1}, "e": "f"}}, Plan("a", "p"),
			Plan("b", "p", If(text), With(Params{"md1": Inputs(Params{"A": Text("${{ " + text + " }} ${{" + text)})})))
		program, err := d.Compile()
		if err != nil {
			d.Steps[1].Params = nil // nearly always: the last one is not closed
			if program, err = d.Compile(); err != nil {
				return
			}
		}
		scope := Scope{Vars: d.Vars, Step: steps(map[string]Result{"a": {Outputs: []ModelOutputs{{ModelID: "m", Nodes: []NodeOutput{{Name: "x", Result: "y"}}}}}})}
		holds, err := program.When(1, scope)
		job, errJob := program.Job(1, scope)
		for range 3 {
			again, errAgain := program.When(1, scope)
			require.Equal(t, holds, again)
			require.Equal(t, err, errAgain)
			jobAgain, errJobAgain := program.Job(1, scope)
			require.Equal(t, job, jobAgain)
			require.Equal(t, errJob, errJobAgain)
		}
	})
}

func FuzzParseFile(f *testing.F) {
	f.Add("name: x\nsteps: [{id: a, runbook: b}, {id: b, runbook: b, with: {v: 1}}]", "name: y\nvars: {v: 1}\nsteps: [{id: c, plan: p}]")
	f.Add("name: x\nx-s: &s {id: a, runbook: b}\nsteps: [*s]\nfinally: [{<<: *s, id: e}]", "name: y\nsteps: [{id: c, runbook: a}]")
	f.Fuzz(func(t *testing.T, a, b string) {
		whole, err := ParseFile("a", folder{"a": a, "b": b}.load)
		if err != nil {
			require.NotEmpty(t, err.(Faults))
			return
		}
		require.NoError(t, whole.Validate())
		written, err := whole.YAML()
		require.NoError(t, err)
		again, err := Parse(written)
		require.NoError(t, err)
		one, err := json.Marshal(whole)
		require.NoError(t, err)
		other, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(one), string(other))
	})
}
