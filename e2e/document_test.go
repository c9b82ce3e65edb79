package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// inputs is a plan that takes inputs, and succeeds at once.
func inputs(id string, names ...string) platformtest.Plan {
	plan := platformtest.Plan{ID: id, Title: id, Script: platformtest.Ends(platformtest.Success, 50*time.Millisecond,
		platformtest.ModelOutputs{ModelID: "md1", Nodes: []platformtest.Node{{Name: "节点", Result: id}}})}
	of := platformtest.ModelInputs{ModelID: "md1", ModelName: "模型"}
	for _, name := range names {
		of.Inputs = append(of.Inputs, platformtest.Input{Name: name, Type: "running"})
	}
	plan.Inputs = append(plan.Inputs, of)
	return plan
}

const typed = `
name: typed
vars:
  site: {type: string, enum: [beijing, shanghai], required: true}
  version: {type: string, pattern: "[0-9.]+", required: true}
  batch: {type: integer, default: 2}
  url: "http://${{ vars.site }}/${{ vars.version }}"
  password: {type: string, secretRef: db-password}
steps:
  - id: install
    plan: install
    params: {md1: {URL: "${{ vars.url }}", BATCH: "${{ vars.batch + 1 }}", PASSWORD: "${{ vars.password }}"}}
`

func TestTypedVariablesArriveAsTheyWereTypedAndSecretsOnlyOnThePlatform(t *testing.T) {
	t.Parallel()
	s := newStack(t, platformtest.Catalogue{Plans: []platformtest.Plan{inputs("install", "URL", "BATCH", "PASSWORD")}})
	book := file(t, typed)
	values := filepath.Join(t.TempDir(), "values.yaml")
	require.NoError(t, os.WriteFile(values, []byte("site: shanghai\nbatch: 4\n"), 0o600))
	_, stderr, code := s.starter("run", "runbook", book, "--vars-file", values, "--var", "site=mars", "--var", "batch=1.5", "--var", "password=x")
	require.Equal(t, 2, code)
	for _, finding := range []string{`--var site: must be "beijing" | "shanghai", got "mars"`, "--var batch: must be a whole number", "--var version: is required", "--var password: stands for the secret"} {
		require.Contains(t, stderr, finding)
	}

	_, stderr, code = s.starter("run", "runbook", book, "--vars-file", values, "--var", "version=1.10", "--workflow-id", s.queue)
	require.Zero(t, code, stderr)
	require.Equal(t, []string{"http://shanghai/1.10"}, s.given("md1", "URL"))
	require.Equal(t, []string{"5"}, s.given("md1", "BATCH"))
	require.Equal(t, []string{dbPassword}, s.given("md1", "PASSWORD"))
	result := s.book(s.GetWorkflow(t.Context(), s.queue, ""))
	require.Equal(t, map[string]any{"secretRef": "db-password"}, result.Vars["password"])
	require.Equal(t, "1.10", result.Vars["version"])
	report, stderr, code := s.starter("report", s.queue)
	require.Zero(t, code, stderr)
	require.Contains(t, report, `| password | {"secretRef":"db-password"} |`)
	require.NotContains(t, report+s.command("workflow", "show", "--workflow-id", s.queue, "--output", "json")+s.logs.String(), dbPassword)

	_, stderr, code = s.starter("run", "runbook", book, "--vars-file", values, "--var", "version=1.20", "--resume-from", s.queue)
	require.NotZero(t, code, "the inputs are compared, by the reference too")
	require.Contains(t, stderr, "its inputs are not those that it ran with in the earlier run")
	_, stderr, code = s.starter("run", "runbook", book, "--vars-file", values, "--var", "version=1.10", "--resume-from", s.queue)
	require.Zero(t, code, stderr)
	require.Equal(t, map[string]int{"install": 1}, s.ran())
}

func TestTheWorkerChecksWhatProgramsGive(t *testing.T) {
	t.Parallel()
	s := newStack(t, platformtest.Catalogue{Plans: []platformtest.Plan{inputs("install", "PASSWORD")}})
	refused := func(input string) string {
		t.Helper()
		s.command("workflow", "start", "--type", "Runbook", "--task-queue", s.queue, "--workflow-id", s.queue, "--input", input)
		failure := s.await(s.GetWorkflow(t.Context(), s.queue, ""), nil)
		require.Equal(t, activities.ErrorInvalidInput, workflows.TypeOf(failure))
		return failure.Error()
	}
	message := refused(`{"name": "r", "x-by": "a program", "vars": {"site": {"type": "string", "enum": ["a"], "default": "b"}, "n": {"type": "integer", "default": "1"}},
		"steps": [{"id": "a", "runbook": "./verify.yaml"}, {"id": "b", "runbook": {"name": "n", "vars": {"v": 1}, "steps": [{"id": "c", "wait": "1s"}]}, "with": {"v": "x"}}]}`)
	for _, finding := range []string{
		`vars.site.default: must be "a", got "b"`, `vars.n.default: must be a whole number, got "1"`, `steps[1].with.v: must be a number, got "x"`,
		"steps[0].runbook: is in a file, ./verify.yaml: starter runbook resolve puts it in its place",
	} {
		require.Contains(t, message, finding)
	}
	require.Contains(t, refused(`{"name": "r", "vars": {"a": {"type": "string", "pattern": "[a-z]+", "default": "${{ vars.b }}"}, "b": 1}, "steps": [{"id": "a", "wait": "1s"}]}`), "vars.a: must be a string, got 1")
	require.Contains(t, refused(`{"name": "r", "vars": {"p": {"type": "string", "secretRef": "none"}}, "steps": [{"id": "a", "plan": "install", "params": {"md1": {"PASSWORD": "${{ vars.p }}"}}}]}`), "steps[0].params.md1.PASSWORD: ", "the preflight looks for the secret")
	require.Empty(t, s.sim.Executions())
}

func TestTheFailoverRunsFromItsFiles(t *testing.T) {
	t.Parallel()
	s := newStack(t, platformtest.Example())
	stdout, stderr, code := s.starter("run", "runbook", "../examples/failover/runbook.yaml", "--var", "cluster=core", "--var", "ticket=FZ-1042", "--dry-run")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "PLANNED")
	_, stderr, code = s.starter("run", "runbook", "../examples/failover/runbook.yaml", "--vars-file", "../examples/failover/core.yaml", "--workflow-id", s.queue, "--detach")
	require.Zero(t, code, stderr)
	s.asks(s.queue, "starter approve "+s.queue+" confirm")
	_, stderr, code = s.starter("approve", s.queue, "confirm")
	require.Zero(t, code, stderr)
	var result workflows.RunbookResult
	require.NoError(t, s.await(s.GetWorkflow(t.Context(), s.queue, ""), &result))
	require.Equal(t, workflows.StatusSuccess, result.Status)
	require.Equal(t, map[string]int{"acf42df1": 2, "bcf42dd4": 1, "acf42de6": 3, "ccf42dd5": 1}, s.ran())
	require.Equal(t, []string{"core-standby", "10.0.0.12"}, s.given("md1606743911101", "DATABASE"))
	require.Equal(t, []string{dbPassword, dbPassword}, s.given("md1606743911101", "PASSWORD"))
	require.ElementsMatch(t, []string{"web1", "web2", "web3"}, s.given("md1606743911006", "HOST"))
	require.Equal(t, "SUCCESS", at(result, "verify/data").Status)

	resolved, stderr, code := s.starter("runbook", "resolve", "../examples/failover/runbook.yaml", "-o", "json")
	require.Zero(t, code, stderr)
	_, stderr, code = s.starter("run", "runbook", file(t, resolved), "--vars-file", "../examples/failover/core.yaml", "--resume-from", s.queue)
	require.Zero(t, code, stderr, "what is resolved is the same, and all of it is done")
	require.Equal(t, 2, s.ran()["acf42df1"])
}
