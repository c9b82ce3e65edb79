package main

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// inputOf is what a command line would send to the workflow.
func inputOf(t *testing.T, file string, flags ...string) (job, workflows.RunbookInput, error) {
	t.Helper()
	kind := (&runFlags{}).runbook(strings.NewReader(""))
	require.NoError(t, kind.flags.Parse(flags))
	job, err := kind.job(file)
	in, _ := job.input.(workflows.RunbookInput)
	return job, in, err
}

func TestARunbookIsSentAsOneDocument(t *testing.T) {
	t.Parallel()
	job, _, err := inputOf(t, "testdata/check.yaml", "--var", "site=x", "--dry-run", "--step-by-step", "--preflight=false",
		"--resume-from", "dr-1/clean-up.1/0190d0f4-6c5e-7f5b-9a4d-0123456789ab")
	require.NoError(t, err)
	require.Equal(t, "Runbook", job.workflow)
	require.Equal(t, "runbook-检查-site", job.name)
	data, err := json.Marshal(job.input)
	require.NoError(t, err)
	var sent workflows.RunbookInput
	require.NoError(t, runbook.ParseInto(data, &sent), "the worker reads it strictly")
	require.Equal(t, "x", sent.Vars["site"])
	require.True(t, sent.DryRun)
	require.True(t, sent.StepByStep)
	require.False(t, *sent.Preflight)
	require.Equal(t, workflows.ResumeFrom{WorkflowID: "dr-1/clean-up.1", RunID: "0190d0f4-6c5e-7f5b-9a4d-0123456789ab"}, *sent.ResumeFrom)

	_, in, err := inputOf(t, "testdata/check.yaml", "--var", "site=x", "--resume-from", "dr-1/clean-up.1")
	require.NoError(t, err)
	require.Equal(t, workflows.ResumeFrom{WorkflowID: "dr-1/clean-up.1"}, *in.ResumeFrom)
	require.True(t, *in.Preflight)
}

func TestEveryFaultOfAFileIsAtItsPlace(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"runbook validate testdata/wrong.yaml", "runbook graph testdata/wrong.yaml", "run runbook testdata/wrong.yaml"} {
		stdout, stderr, code := call(t, strings.Fields(args)...)
		require.Equal(t, exitUsage, code)
		require.Empty(t, stdout)
		golden(t, "wrong.txt", stderr)
	}
	stdout, _, code := call(t, "runbook", "validate", "testdata/wrong.yaml", "-o", "json")
	require.Equal(t, exitUsage, code)
	var document struct{ Faults runbook.Faults }
	require.NoError(t, json.Unmarshal([]byte(stdout), &document))
	require.Equal(t, 2, document.Faults[0].Line)

	_, stderr, code := call(t, "runbook", "validate", "testdata/nothing.yaml")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "testdata/nothing.yaml: no such file")
}

func TestARunbookIsReadFromStandardInput(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/check.yaml")
	require.NoError(t, err)
	stdout, stderr, code := callWith(t, string(data), "runbook", "validate", "-")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "检查 site")
	_, stderr, code = callWith(t, "name: x", "runbook", "validate", "-")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "-:1:1: steps is missing")
}

func TestAFileIsDrawn(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := call(t, "runbook", "graph", "testdata/check.yaml")
	require.Zero(t, code, stderr)
	require.True(t, strings.HasPrefix(stdout, "flowchart TD\n"))
	stdout, stderr, code = call(t, "runbook", "graph", "testdata/check.yaml", "--format", "svg")
	require.Zero(t, code, stderr)
	require.NoError(t, xml.Unmarshal([]byte(stdout), new(struct{})))
	stdout, _, code = call(t, "runbook", "graph", "testdata/check.yaml", "-o", "json")
	require.Zero(t, code)
	var document struct{ Mermaid string }
	require.NoError(t, json.Unmarshal([]byte(stdout), &document))
	require.NotEmpty(t, document.Mermaid)
}

func TestTheSchemaIsPrinted(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"runbook schema", "runbook schema -o json"} {
		stdout, stderr, code := call(t, strings.Fields(args)...)
		require.Zero(t, code, stderr)
		require.JSONEq(t, string(runbook.Schema()), stdout)
	}
}
