package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

func TestAVariableWithoutADefaultIsWhatWasTyped(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]any{
		"site=beijing":              "beijing",
		"site=3":                    "3",
		"site=1.10":                 "1.10",
		"site=true":                 "true",
		"site=null":                 "null",
		`site=["a", 1]`:             []any{"a", int64(1)},
		`site={"a": {"b": null}}`:   map[string]any{"a": map[string]any{"b": nil}},
		`site="3"`:                  `"3"`,
		"site=":                     "",
		"site=a=b":                  "a=b",
		"site=${{ vars.x }}":        "$${{ vars.x }}",
		"site=[a, b]":               "[a, b]",
		"site=12345678901234567890": "12345678901234567890",
	} {
		_, in, err := inputOf(t, "testdata/check.yaml", "--var", given)
		require.NoError(t, err, given)
		require.Equal(t, want, in.Vars["site"], given)
	}
	_, in, err := inputOf(t, "testdata/check.yaml", "--var", "site=x", "--var", "version=1.20", "--var", "limit=4")
	require.NoError(t, err)
	require.Equal(t, "1.20", in.Vars["version"])
	require.Equal(t, int64(4), in.Vars["limit"])
}

func TestAVariableHasTheTypeOfItsDefault(t *testing.T) {
	t.Parallel()
	for given, refusal := range map[string]string{
		"limit=many":                 `--var limit: must be a number, got "many"`,
		"limit=4.10":                 "--var limit: 4.10 would arrive as 4.1",
		"limit=12345678901234567890": "--var limit: must be a number",
		"limit=true":                 "--var limit: must be a number",
		"limit=null":                 "--var limit: must be a number",
	} {
		_, _, err := inputOf(t, "testdata/check.yaml", "--var", "site=x", "--var", given)
		require.ErrorContains(t, err, refusal)
	}
}

func TestAllThatIsWrongWithVariablesIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, stderr, code := call(t, "run", "runbook", "testdata/check.yaml", "--var", "x", "--var", "nothing=1", "--var", "limit=1", "--var", "limit=2")
	require.Equal(t, exitUsage, code)
	for _, want := range []string{
		`--var must be NAME=value, got "x"`, "--var nothing: there is no such variable", "--var limit is given twice", "--var site: is required",
	} {
		require.Contains(t, stderr, want)
	}
}

func TestValuesComeFromAFileAndFromFlags(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "vars.yaml")
	require.NoError(t, os.WriteFile(file, []byte("site: ${{ vars.x }}\nversion: '1.20'\nhosts: [web1, web2]\n"), 0o600))
	_, in, err := inputOf(t, "testdata/check.yaml", "--vars-file", file, "--var", "version=1.30")
	require.NoError(t, err)
	require.Equal(t, runbook.Vars{"site": "$${{ vars.x }}", "version": "1.30", "hosts": []any{"web1", "web2"}, "limit": int64(3)}, in.Vars)

	_, _, err = inputOf(t, "testdata/check.yaml", "--vars-file", filepath.Join(t.TempDir(), "none.yaml"), "--var", "limit=x")
	require.ErrorContains(t, err, "none.yaml: no such file")
	require.ErrorContains(t, err, "--var limit: must be a number")
}

func TestEverythingThatIsWrongWithValuesIsAtItsPlace(t *testing.T) {
	t.Parallel()
	book := filepath.Join(t.TempDir(), "runbook.yaml")
	require.NoError(t, os.WriteFile(book, []byte(`
name: r
vars:
  site: {type: string, enum: [beijing, shanghai], required: true, description: where to}
  ticket: {type: string, pattern: "FZ-[0-9]+", required: true}
  lag: {type: number}
  hosts: {type: list, default: [web1]}
  url: "http://${{ vars.site }}"
  short: {type: string, pattern: "http://[a-z]{7}", default: "${{ vars.url }}"}
  password: {type: string, secretRef: db-password}
steps: [{id: a, plan: p}]
`), 0o600))
	file := filepath.Join(t.TempDir(), "vars.yaml")
	require.NoError(t, os.WriteFile(file, []byte("site: mars\nnone: 1\nhosts:\n  web1\nlag: 5\n"), 0o600))
	_, _, err := inputOf(t, book, "--vars-file", file, "--var", "lag=1.10", "--var", "password=hunter2", "--var", "x")
	require.EqualError(t, err, strings.Join([]string{
		`--var lag: 1.10 would arrive as 1.1: write it so, or as a string`,
		`--var must be NAME=value, got "x"`,
		`--var password: stands for the secret db-password, and cannot be given a value`,
		`--var ticket: is required: it has no default`,
		file + `:1:1: site: must be "beijing" | "shanghai", got "mars"`,
		file + `:2:1: none: there is no such variable`,
		file + `:3:1: hosts: must be a list, got "web1"`,
	}, "\n"))
	_, in, err := inputOf(t, book, "--var", "site=beijing", "--var", "ticket=FZ-7", "--var", "lag=0.3")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"type": "number", "default": 0.3}, in.Vars["lag"])
	_, _, err = inputOf(t, book, "--var", "site=shanghai", "--var", "ticket=FZ-7")
	require.ErrorContains(t, err, "vars.short: must match http://[a-z]{7}")

	require.NoError(t, os.WriteFile(file, []byte("site: [\n"), 0o600))
	_, _, err = inputOf(t, book, "--vars-file", file)
	require.ErrorContains(t, err, file+":1:1: this is neither YAML nor JSON")
	require.NotContains(t, err.Error(), "required")
}

func TestTheInputsOfARunbookAreListed(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := call(t, "inputs", "--runbook", "testdata/declared.yaml")
	require.Zero(t, code, stderr)
	golden(t, "inputs.txt", stdout)
	stdout, stderr, code = call(t, "inputs", "--runbook", "testdata/declared.yaml", "-o", "json")
	require.Zero(t, code, stderr)
	var inputs []runbook.Input
	require.NoError(t, json.Unmarshal([]byte(stdout), &inputs))
	require.Len(t, inputs, 7)
	require.Equal(t, "db-password", inputs[2].SecretRef)
	stdout, _, code = call(t, "inputs", "--runbook", "testdata/check.yaml", "--model", "m")
	require.Equal(t, exitUsage, code, stdout)
	_, _, code = call(t, "inputs", "--runbook", "testdata/wrong.yaml")
	require.Equal(t, exitUsage, code)
}
