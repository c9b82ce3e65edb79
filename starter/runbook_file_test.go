package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

func TestARunbookOfSeveralFilesIsPrintedAsOne(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := call(t, "runbook", "resolve", "testdata/files/outer.yaml")
	require.Zero(t, code, stderr)
	golden(t, "resolved.yaml", stdout)
	whole, err := runbook.Parse([]byte(stdout))
	require.NoError(t, err)
	stdout, stderr, code = call(t, "runbook", "resolve", "testdata/files/outer.yaml", "-o", "json")
	require.Zero(t, code, stderr)
	var same runbook.Document
	require.NoError(t, runbook.ParseInto([]byte(stdout), &same))
	require.Equal(t, whole, &same)
	_, in, err := inputOf(t, "testdata/files/outer.yaml")
	require.NoError(t, err)
	require.Equal(t, same, in.Document, "which is what is started")
}

func TestFaultsOfSeveralFilesAreEachInTheirs(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := call(t, "runbook", "validate", "testdata/files/wrong.yaml", "-o", "json")
	require.Equal(t, exitUsage, code)
	require.Equal(t, `starter: testdata/files/wrong.yaml cannot be run, faults: 3
testdata/files/checks/wrong.yaml:4:36: steps[0].whem: there is no such field
testdata/files/wrong.yaml:3:18: steps[0].with: must give the variable "database" a value: it has no default
testdata/files/wrong.yaml:4:26: steps[1].runbook: the runbooks stand inside each other in a circle: testdata/files/wrong.yaml → testdata/files/wrong.yaml
`, stderr)
	var found struct{ Faults runbook.Faults }
	require.NoError(t, json.Unmarshal([]byte(stdout), &found))
	require.Equal(t, "testdata/files/checks/wrong.yaml", found.Faults[0].File)
}
