package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// file writes a runbook for the command line.
func file(t *testing.T, document string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "runbook.yaml")
	require.NoError(t, os.WriteFile(path, []byte(document), 0o600))
	return path
}

// follows starts a command that follows a run, and returns what to wait for.
func (s *stack) follows(args ...string) (tells func(text string), wait func() (stdout, stderr string, code int)) {
	var log buffer
	var stdout string
	var code int
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		stdout, code = s.starterTells(&log, args...)
	}()
	tells = func(text string) {
		s.t.Helper()
		require.Eventually(s.t, func() bool { return strings.Contains(log.String(), text) }, patience, 50*time.Millisecond, text)
	}
	return tells, func() (string, string, int) {
		s.t.Helper()
		select {
		case <-ended:
		case <-time.After(patience):
			require.FailNow(s.t, "the command does not end", "%v", args)
		}
		return stdout, log.String(), code
	}
}

// asks waits until a run's status shows a command that answers it.
func (s *stack) asks(workflowID, command string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		stdout, _, _ := s.starter("status", workflowID)
		return strings.Contains(stdout, "\n    "+command+"\n")
	}, patience, 200*time.Millisecond, command)
}

func TestARunbookIsOperatedWithTheCommandLine(t *testing.T) {
	t.Parallel()
	s := newStack(t, simple("freeze", "switch", "probe", "notify"))
	s.sim.SetScript("switch", platformtest.Ends(platformtest.Fail, 50*time.Millisecond))
	s.sim.SetScript("probe", platformtest.Ends(platformtest.Fail, 50*time.Millisecond))
	tells, wait := s.follows("run", "runbook", "--workflow-id", s.queue, "--var", "site=beijing", file(t, `
name: dr-switchover
vars: {site: null}
target: 1h
steps:
  - {id: freeze, name: 冻结变更, plan: freeze}
  - {id: confirm, approval: {message: "Switch to ${{ vars.site }}?"}}
  - {id: switch, plan: switch}
  - {id: probe, plan: probe}
  - {id: notify, plan: notify, when: "steps.probe.outputs['ok'] == 'yes'"}
`))
	s.asks(s.queue, "starter approve "+s.queue+" confirm")
	tells("confirm  RUNNING  waits for approval: Switch to beijing?\n") // before it is answered
	var step workflows.StepResult
	s.starterJSON(&step, "approve", s.queue, "confirm", "--by", "zhang", "--comment", "已确认")
	require.Equal(t, []string{"zhang"}, step.Approvals)

	tells("    starter retry " + s.queue + " switch\n")
	_, stderr, code := s.starter("approve", s.queue, "switch")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "is no approval")
	s.sim.SetScript("switch", platformtest.Ends(platformtest.Success, 50*time.Millisecond))
	s.starterJSON(&step, "retry", s.queue, "switch")
	s.asks(s.queue, "starter skip "+s.queue+" probe")

	var book workflows.RunbookResult
	s.starterJSON(&book, "pause", s.queue, "--comment", "look first")
	require.Equal(t, workflows.StatusPaused, book.Status)
	s.starterJSON(&step, "skip", s.queue, "probe", "--output", "ok=yes", "--comment", "probed by hand")
	s.asks(s.queue, "starter resume "+s.queue)
	s.starterJSON(&book, "resume", s.queue)

	stdout, stderr, code := wait()
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "✓ 冻结变更 (freeze)")
	require.Contains(t, stdout, "✓ notify")
	for _, told := range []string{
		"    starter approve " + s.queue + " confirm\n", "switch  PAUSED",
	} {
		require.Contains(t, stderr, told)
	}
	require.Equal(t, map[string]int{"freeze": 1, "switch": 2, "probe": 1, "notify": 1}, s.ran())

	stdout, stderr, code = s.starter("report", s.queue)
	require.Zero(t, code, stderr)
	for _, told := range []string{"# Report: dr-switchover", "| zhang | name not checked | approve | confirm | 已确认 |", "1h, kept", "## Timeline", "| probe |  | ok | yes |"} {
		require.Contains(t, stdout, told)
	}
	var report struct {
		State  string
		Result workflows.RunbookResult
	}
	s.starterJSON(&report, "report", s.queue)
	require.Equal(t, "Completed", report.State)
	require.Len(t, report.Result.Actions, 5)
}

func TestARunbookInsideAnotherIsShownAndAnswered(t *testing.T) {
	t.Parallel()
	s := newStack(t, simple("a"))
	path := file(t, `
name: outer
steps:
  - {id: inner, runbook: {name: inner, steps: [{id: ask, approval: {message: "Go on?"}}, {id: a, plan: a}]}}
`)
	_, wait := s.follows("run", "runbook", path, "--workflow-id", s.queue)
	s.asks(s.queue, "starter approve "+s.queue+" inner/ask")
	stdout, stderr, code := s.starter("report", s.queue)
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "inner/ask")
	require.Contains(t, stdout, "Go on?")
	require.Eventually(t, func() bool { // what is listed is a little behind
		type run struct {
			WorkflowID string
			WaitsFor   []struct{ Kind, Step string }
		}
		var open []run
		s.starterJSON(&open, "runs", "--needs-me=anybody")
		return slices.ContainsFunc(open, func(r run) bool {
			return r.WorkflowID == s.queue && len(r.WaitsFor) == 1 && r.WaitsFor[0].Kind == "approval" && r.WaitsFor[0].Step == "inner/ask"
		})
	}, patience, time.Second)
	stdout, stderr, code = s.starter("runs")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "  approval inner/ask: Go on? (0 of 1)")
	_, stderr, code = s.starter("approve", s.queue, "inner/ask")
	require.Zero(t, code, stderr)
	stdout, stderr, code = wait()
	require.Zero(t, code, stderr)
	require.Regexp(t, `(?m)^    ✓ inner/a +SUCCESS`, stdout)
}

func TestARunbookThatEndsBadlyDecidesTheExitStatusAndIsReported(t *testing.T) {
	t.Parallel()
	s := newStack(t, simple("a"))
	path := file(t, "name: bad\nsteps: [{id: ask, approval: {message: Really}}, {id: a, plan: a}]")
	var started struct{ WorkflowID string }
	s.starterJSON(&started, "run", "runbook", path, "--detach")
	require.Regexp(t, `^runbook-bad-`, started.WorkflowID)
	s.asks(started.WorkflowID, "starter reject "+started.WorkflowID+" ask")
	_, stderr, code := s.starter("abort", started.WorkflowID, "--by", "li", "--comment", "another day")
	require.Zero(t, code, stderr)

	stdout, stderr, code := s.starter("watch", started.WorkflowID, "-o", "json")
	require.Equal(t, 3, code)
	require.Contains(t, stderr, workflows.ErrorRunbookAborted)
	var result workflows.RunbookResult
	require.NoError(t, json.Unmarshal([]byte(stdout), &result), stdout)
	require.Equal(t, workflows.StatusAborted, result.Status)
	stdout, stderr, code = s.starter("report", started.WorkflowID)
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "another day")

	stdout, stderr, code = s.starter("run", "runbook", path, "--dry-run")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "PLANNED")
	wrong := file(t, "name: wrong\nsteps: [{id: a, plan: none}]")
	_, stderr, code = s.starter("run", "runbook", wrong, "--dry-run")
	require.Equal(t, 3, code)
	require.Contains(t, stderr, "steps[0].plan")
	require.Empty(t, s.sim.Executions())
}

func TestAScheduleRunsARunbook(t *testing.T) {
	t.Parallel()
	s := newStack(t, simple("a"))
	path := file(t, "name: drill\nvars: {site: null}\nsteps: [{id: a, plan: a}]")
	var made struct{ Run, WorkflowType string }
	s.starterJSON(&made, "schedule", "create", s.queue, "runbook", path, "--var", "site=x", "--every", "1h", "--paused")
	require.Equal(t, "runbook drill", made.Run)
	require.Equal(t, "Runbook", made.WorkflowType)
	_, stderr, code := s.starter("schedule", "trigger", s.queue)
	require.Zero(t, code, stderr)
	require.Eventually(t, func() bool { return s.ran()["a"] == 1 }, patience, 200*time.Millisecond)
}
