package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/tool"
	"github.com/dpaflow/dpaflow/internal/wait"
)

// notRun are the blocks of commands that no test can run as printed, by how
// they begin. A block that is neither run nor here fails the test.
var notRun = []struct{ begins, because string }{
	{"make ", "CI calls make test, and another test of this package is the demo"},
	{"docker ", "it takes an engine; make test-docker runs the profiles"},
	{"kubectl ", "it takes a cluster; the tests of deploy/ build the manifests"},
	{"sh deploy/compose/secrets.sh", "it writes into the repository"},
	{"go run ./console", "it serves until it is stopped; the demo runs it, and e2e/console/ does"},
	{"export NOTIFY_SECRET", "it listens until it is stopped; the demo runs the same program"},
	{"mkdir -p ", "it is about a copy of the manifests"},
	{"export ", "programs that stay: e2e/encryption_test.go, e2e/trace_test.go, e2e/versioning_test.go"},
	{"temporal worker deployment set-current-version", "e2e/versioning_test.go takes these steps"},
	{"temporal workflow start --codec-endpoint", "e2e/encryption_test.go does"},
	{"temporal workflow show --codec-endpoint", "e2e/encryption_test.go does"},
	{"temporal workflow reset --workflow-id switch-over-1 --event-id 12", "e2e/encryption_test.go does, with the event that there is"},
	{"TEMPORAL_NAMESPACE=releases ./releases", "a program of the reader's; e2e/nexus_test.go runs such a one"},
	{"temporal workflow start --namespace releases", "it is for that program"},
	{"mkdir failover ", "a module of the reader's; e2e/own_worker_test.go builds and runs it"},
	{"temporal workflow start --type FailOver", "a worker of the reader's; e2e/own_worker_test.go does"},
}

// before brings about what a block is for, which the reader has or waits for.
var before = map[string]func(*reader){
	"go run ./starter approve switch-over-5 confirm":                                 func(r *reader) { r.wanted("switch-over-5") },
	"go run ./starter approve switch-over-1 confirm":                                 func(r *reader) { r.wanted("switch-over-1") },
	"go run ./starter status drill-1":                                                func(r *reader) { r.wanted("drill-1") },
	"go run ./starter resolve switch-over-2 --adopt":                                 func(r *reader) { r.inDoubt("switch-over-2"); r.silent("verify-1") },
	"go run ./starter resolve switch-over-3":                                         func(r *reader) { r.inDoubt("switch-over-3") },
	"go run ./starter resolve switch-over-4":                                         func(r *reader) { r.inDoubt("switch-over-4") },
	"go run ./starter resolve patrol-2":                                              func(r *reader) { r.collecting("patrol-2") },
	"go run ./starter resolve verify-2":                                              func(r *reader) { r.silent("verify-2") },
	"temporal workflow update execute --workflow-id switch-over-3 --name resolveTri": func(r *reader) { r.inDoubt("switch-over-3"); r.silent("verify-2") },
	"temporal workflow signal --workflow-id verify-1":                                func(r *reader) { r.silent("verify-1") },
	"temporal workflow pause --workflow-id switch-over-1":                            func(r *reader) { r.silent("switch-over-1") },
	"temporal workflow terminate --workflow-id switch-over-1":                        func(r *reader) { r.silent("switch-over-1") },
}

// sideBySide is the block whose last command ends when the next block has run.
const sideBySide = "go run ./starter runbook validate"

func TestTheCommandsOfTheDocumentsRunAsPrinted(t *testing.T) {
	tool.Needed(t, "curl")
	tool.Needed(t, "openssl")
	r := newReader(t)
	documents, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	used := map[string]bool{}
	for _, document := range slices.Concat([]string{"../../README.md", "../../CONTRIBUTING.md"}, documents) {
		var other chan error
		for _, block := range blocks(t, document) {
			if begins, found := listed(block); found {
				used[begins] = true
				continue
			}
			for begins, prepare := range before {
				if strings.HasPrefix(block, begins) {
					used[begins] = true
					prepare(r)
				}
			}
			if strings.HasPrefix(block, sideBySide) {
				other = make(chan error, 1)
				go func() { other <- r.run(block) }()
				continue
			}
			require.NoError(t, r.run(block), "%s; a block that cannot be run belongs into notRun", document)
			if other != nil {
				require.NoError(t, <-other, document)
				other = nil
			}
		}
		require.Nil(t, other, document)
	}
	for _, entry := range notRun {
		require.True(t, used[entry.begins], "no document has %q any more", entry.begins)
	}
	for begins := range before {
		require.True(t, used[begins], "no document has %q any more", begins)
	}
	open := `"CloseTime IS NULL AND WorkflowType != 'DpaWatch'"`
	r.until("every run has ended", "temporal workflow list --query "+open+"; temporal workflow count --query "+open, "Total: 0")
}

// blocks are the shell commands of a document, as they are printed.
func blocks(t *testing.T, document string) (found []string) {
	t.Helper()
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	for _, match := range regexp.MustCompile("(?ms)^([ \t]*)```sh\n(.*?)^[ \t]*```").FindAllStringSubmatch(string(text), -1) {
		found = append(found, strings.TrimPrefix(strings.ReplaceAll("\n"+match[2], "\n"+match[1], "\n"), "\n"))
	}
	return found
}

func listed(block string) (begins string, found bool) {
	for _, entry := range notRun {
		if strings.HasPrefix(block, entry.begins) {
			return entry.begins, true
		}
	}
	return "", false
}

// reader has a stack as make dev starts it, but for quicker plans, and takes
// over what that prints.
type reader struct {
	t        *testing.T
	stack    *stack
	folder   string
	env      []string
	inDoubts string // instance of the latest run in doubt
	silents  string // and of the latest whose callbacks are lost
}

func newReader(t *testing.T) *reader {
	s := &stack{out: t.Output(), folder: t.TempDir(), simulator: []string{"-speed", "10", "-scene-interval", "500ms"}}
	t.Cleanup(func() { require.NoError(t, errors.Join(s.stop(), devstack.Cleanup())) })
	require.NoError(t, s.start(t.Context()))

	r := &reader{t: t, stack: s, folder: t.TempDir()}
	for _, name := range []string{"docs", "examples"} {
		there, err := filepath.Abs("../../" + name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(there, filepath.Join(r.folder, name)))
	}
	path := t.TempDir()
	require.NoError(t, os.Symlink(s.temporal.CLI, filepath.Join(path, "temporal")))
	var quick strings.Builder // go run, already built
	fmt.Fprintln(&quick, "#!/bin/sh\ncase \"$1 $2\" in")
	for _, program := range []string{"starter", "signals/bridge"} {
		built, err := devstack.Build(t.Context(), program, false)
		require.NoError(t, err)
		fmt.Fprintf(&quick, "'run ./%s') shift 2; exec '%s' \"$@\";;\n", program, built)
	}
	fmt.Fprintln(&quick, "*) echo \"there is no go $*: only what the documents print is built\" >&2; exit 1;;\nesac")
	require.NoError(t, os.WriteFile(filepath.Join(path, "go"), []byte(quick.String()), 0o700))
	r.env = append(append(os.Environ(), s.workerEnv()...), "PATH="+path+":"+os.Getenv("PATH"), "DPA_SPOOL_DIR="+t.TempDir())
	return r
}

// output runs commands, with the reader's addresses and instances in place of
// those in the documents, and returns what they print.
func (r *reader) output(commands string) (string, error) {
	own := []string{
		"http://127.0.0.1:8090", r.stack.platformURL, "127.0.0.1:9090", r.stack.worker.Admin,
		"in10000004", cmp.Or(r.inDoubts, "in10000004"), "in10000005", cmp.Or(r.silents, "in10000005"),
	}
	cmd := exec.CommandContext(wait.Context(r.t), "sh", "-e", "-c", strings.NewReplacer(own...).Replace(commands))
	cmd.Dir, cmd.Env, cmd.WaitDelay = r.folder, r.env, 10*time.Second
	printed, err := cmd.CombinedOutput()
	return string(printed), err
}

func (r *reader) run(block string) error {
	began := time.Now()
	printed, err := r.output(block)
	if err != nil && (strings.Contains(printed, "unexpected workflow task failure") || // as reliability.md says
		strings.Contains(printed, "Workflow is busy")) { // as a loaded server says
		printed, err = r.output(block)
	}
	patient := wait.Context(r.t)
	for tick := time.NewTicker(time.Second); err != nil && strings.Contains(printed, "may still be on its way"); { // so does this
		select {
		case <-tick.C:
			printed, err = r.output(block)
		case <-patient.Done():
			return fmt.Errorf("%s is still refused:\n%s", block, printed)
		}
	}
	if err != nil {
		return fmt.Errorf("%w:\n%s\n%s", err, block, printed)
	}
	first, _, _ := strings.Cut(block, "\n")
	r.t.Logf("%5.1fs  %s", time.Since(began).Seconds(), first)
	return nil
}

// until runs commands again and again until they print what is expected.
func (r *reader) until(what, commands, expected string) {
	r.t.Helper()
	deadline := time.After(wait.Limit)
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		printed, _ := r.output(commands)
		if strings.Contains(printed, expected) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			require.FailNow(r.t, what, printed)
		}
	}
}

// wanted waits until a runbook asks for an operator.
func (r *reader) wanted(id string) {
	r.t.Helper()
	r.until(id+" needs somebody", "go run ./starter status "+id, "Waiting for an operator:")
}

const (
	loseAnswer    = `curl -sS http://127.0.0.1:8090/simulator/faults -d '{"endpoint":"P5","planId":"bcf42dd4","times":1,"afterExecution":true,"kind":"hang","delay":"100ms"}'`
	loseCallbacks = `curl -sS http://127.0.0.1:8090/simulator/callback-faults -d '{"planId":"bcf42dd4","times":1,"kind":"drop"}'`
	startIt       = `temporal workflow start --type RunPlan --task-queue dpa --input '{"planId":"bcf42dd4"}' --workflow-id `
)

// inDoubt has a run that does not know whether its trigger ran. The documents
// call the instance of the first of them in10000004.
func (r *reader) inDoubt(id string) {
	r.t.Helper()
	r.open(id, loseAnswer, loseCallbacks)
	r.until(id+" is in doubt", "go run ./starter status "+id, "UNKNOWN")
	r.inDoubts = r.latest()
}

// silent has a run whose callbacks are lost. The documents call its instance
// in10000005.
func (r *reader) silent(id string) {
	r.t.Helper()
	r.open(id, loseCallbacks)
	r.until(id+" waits", "go run ./starter status "+id, "WAITING")
	told, err := r.output("go run ./starter status -o json " + id)
	require.NoError(r.t, err, told)
	var status struct{ InstanceID string }
	require.NoError(r.t, json.Unmarshal([]byte(told), &status))
	r.silents = status.InstanceID
}

// collecting has a timed scene of which nothing calls back.
func (r *reader) collecting(id string) {
	r.t.Helper()
	require.NoError(r.t, r.run(`temporal workflow start --type TimedPlan --task-queue dpa --workflow-id `+id+
		` --input '{"planId":"ccf42dd5","sceneName":"`+id+`","executeStrategy":"cycle","dimension":"month","intervals":9,"maxRuns":9}'`))
	r.until(id+" collects", "go run ./starter status "+id, "WAITING")
}

// open starts a run under faults, unless the documents have.
func (r *reader) open(id string, faults ...string) {
	r.t.Helper()
	open, err := r.output(fmt.Sprintf(`temporal workflow count --query "WorkflowId = '%s' AND CloseTime IS NULL"`, id))
	require.NoError(r.t, err, open)
	if strings.Contains(open, "Total: 0") {
		require.NoError(r.t, r.run(strings.Join(append(faults, startIt+id), "\n")))
	}
}

// latest is the instance that the platform has executed last of the plan.
func (r *reader) latest() (instance string) {
	r.t.Helper()
	var executions []struct{ PlanID, InstanceID string }
	require.NoError(r.t, get(r.t.Context(), r.stack.platformURL+"/simulator/executions", &executions))
	for _, execution := range executions {
		if execution.PlanID == "bcf42dd4" {
			instance = execution.InstanceID
		}
	}
	require.NotEmpty(r.t, instance)
	return instance
}
