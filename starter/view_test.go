package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/shell"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the tests once with -update")
	require.Equal(t, string(want), got)
}

func readState(t *testing.T, name string) (s report.State) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &s))
	require.NotNil(t, s.Runbook)
	return s
}

// running is a runbook in which everything happens at once.
func running(t *testing.T) *bookView {
	return &bookView{id: "dr 1", result: *readState(t, "running.json").Runbook}
}

// later is 35 minutes and 10 seconds after the start.
var later = start.Add(35*time.Minute + 10*time.Second)

func TestARunbookIsShownAsATableOfItsSteps(t *testing.T) {
	t.Parallel()
	golden(t, "running.txt", strings.Join(running(t).lines(later, 0, 0), "\n")+"\n")
	failed := bookView{id: "dr-1", result: *readState(t, "failed.json").Runbook}
	golden(t, "failed.txt", strings.Join(failed.lines(later, 0, 0), "\n")+"\n")
}

func TestColumnsBelowChineseNamesAreAligned(t *testing.T) {
	t.Parallel()
	var columns []int
	for _, line := range running(t).lines(later, 0, 0) {
		for _, instance := range []string{"in10000001", "in10000003"} {
			if before, _, found := strings.Cut(line, instance); found && strings.Contains(line, "attempt") != strings.Contains(line, "冻结") {
				columns = append(columns, text.StringWidth(before))
			}
		}
	}
	require.Len(t, columns, 2)
	require.Equal(t, columns[0], columns[1])
}

func TestATerminalIsNeverGivenMoreLinesThanItHas(t *testing.T) {
	t.Parallel()
	view := running(t)
	for range 40 {
		step := view.result.Steps[0]
		view.result.Steps = append([]workflows.StepResult{step}, view.result.Steps...)
	}
	for height := 1; height < 60; height++ {
		require.LessOrEqual(t, len(view.lines(later, 80, height)), height)
	}
	shown := strings.Join(view.lines(later, 200, 30), "\n")
	for _, active := range []string{"► confirm", "! switch", "► probe", "► clean-up/archive"} {
		require.Contains(t, shown, active, "what runs is shown before what has ended")
	}
	require.Contains(t, shown, "… and 36 more steps")
	require.Contains(t, shown, "… and 2 more: starter status 'dr 1'")
}

func TestAtAnyWidthNothingIsCutThatOneMustReadOrCopy(t *testing.T) {
	t.Parallel()
	view := running(t)
	view.result.WaitsFor[0].Reason = "切换到备用站点吗？复制延迟是 3 秒，磁盘剩余空间是 128GB，值班经理是王五。" + strings.Repeat("Are you sure? ", 8)
	view.id = "switch-over-of-the-core-system-to-the-standby-site-2026-11-25"
	for _, columns := range []int{80, 120} {
		lines := view.lines(later, columns, 0)
		for _, line := range lines {
			require.LessOrEqual(t, text.StringWidth(line), columns, line)
		}
		golden(t, fmt.Sprintf("running-%d.txt", columns), strings.Join(lines, "\n")+"\n")
		shown := strings.Join(lines, "\n")
		unwrapped := strings.Join(strings.Fields(shown), "")
		copied := strings.Join(strings.Fields(strings.ReplaceAll(shown, "\\\n", "")), " ")
		for _, q := range view.questions() {
			require.Contains(t, unwrapped, strings.Join(strings.Fields(q.reason), ""))
			for _, command := range q.commands {
				require.Contains(t, copied, command, "a shell takes it as it is shown")
			}
		}
	}
}

func TestElsewhereOnlyWhatHasChangedIsTold(t *testing.T) {
	t.Parallel()
	view := running(t)
	first := view.news(nil)
	golden(t, "news.txt", strings.Join(first, "\n")+"\n")
	require.Empty(t, running(t).news(view))

	next := running(t)
	next.result.Steps[1].Status, next.result.Steps[1].Reason = workflows.StatusSuccess, ""
	next.result.Steps[4].Items[2].Status = workflows.StatusSuccess
	next.result.Steps[5].Runbook.Steps[1].Status = workflows.StatusRunning
	require.Equal(t, []string{
		"confirm  SUCCESS  approved by zhang",
		"probe  RUNNING  2/4  web2 FAILED",
		"clean-up/remove  RUNNING",
	}, next.news(view))
}

func TestWhatWaitsForAnOperatorSaysHowToAnswer(t *testing.T) {
	t.Parallel()
	answers := map[string][]string{}
	for _, q := range running(t).questions() {
		answers[q.step] = q.commands
	}
	require.Equal(t, map[string][]string{
		"confirm":  {"starter approve 'dr 1' confirm", "starter reject 'dr 1' confirm"},
		"switch":   {"starter resolve 'dr 1' --step switch --status SUCCESS|FAIL", "starter retry 'dr 1' switch --may-run-twice", "starter skip 'dr 1' switch", "starter abort 'dr 1'"},
		"notify":   {"starter resolve 'dr 1' --step notify --adopt INSTANCE", "starter resolve 'dr 1' --step notify --retrigger", "starter resolve 'dr 1' --step notify --abort"},
		"probe[2]": {"starter resolve 'dr 1' --step 'probe[2]' --adopt INSTANCE", "starter resolve 'dr 1' --step 'probe[2]' --retrigger", "starter resolve 'dr 1' --step 'probe[2]' --abort"},
		"切换演练":     {"starter resume 'dr 1'", "starter abort 'dr 1'"},
	}, answers)
}

func TestAWorkflowIdCannotBreakOutOfACommand(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"dr-1/clean-up.1": "dr-1/clean-up.1",
		"切换-1":            "切换-1",
		"a; rm -rf /":     "'a; rm -rf /'",
		"it's":            `'it'\''s'`,
		"$(id)":           "'$(id)'",
		"-x":              "'-x'",
		"":                "''",
	} {
		require.Equal(t, want, shell.Quote(word))
	}
}

func TestTheFormOfAnAnswerDecidesWhatItIs(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"name":"r","status":"RUNNING","steps":[]}`:                   "book",
		`{"id":"a","status":"SUCCESS","phase":"ENDED"}`:                "step",
		`{"planId":"p","phase":"WAITING","instanceId":"in1"}`:          "run",
		`{"planId":"p","instanceId":"in1","status":"SUCCESS"}`:         "ended",
		`{"modelId":"m","instanceId":"in1","nodes":[{"name":"node"}]}`: "ended",
		`[{"path":"planId","problem":"is missing"}]`:                   "",
		`{"planId":"p","runs":[]}`:                                     "",
	} {
		var s report.State
		require.NoError(t, json.Unmarshal([]byte(data), &s))
		kinds := map[string]bool{"book": s.Runbook != nil, "step": s.Step != nil, "run": s.Run != nil, "ended": s.Ended != nil}
		for kind, is := range kinds {
			require.Equal(t, kind == want, is, "%s: %s", data, kind)
		}
		require.Equal(t, want != "", s.Known())
		again, err := json.Marshal(s)
		require.NoError(t, err)
		require.JSONEq(t, data, string(again), "programs get what the run told")
	}
}

func TestARunbookTellsHowItKeepsItsTarget(t *testing.T) {
	t.Parallel()
	for target, want := range map[time.Duration]string{
		0:                               "35m10s",
		30 * time.Minute:                "35m10s of 30m, 5m10s over",
		35*time.Minute + 10*time.Second: "35m10s of 35m10s",
		time.Hour:                       "35m10s of 1h",
	} {
		require.Equal(t, want, pace(workflows.RunbookResult{StartedAt: start, Target: runbook.Duration(target)}, later))
	}
}

func TestWhatAnOperatorShouldKnowOfAStepIsShown(t *testing.T) {
	t.Parallel()
	result := workflows.RunbookResult{Name: "r", StartedAt: start, Notes: []engine.Note{
		{At: start, Step: "a", Text: "first"}, {At: later, Step: "b", Text: "a callback says FAIL after the end SUCCESS; the first end stands"},
	}}
	shown := strings.Join((&bookView{id: "w", result: result}).lines(later, 80, 0), "\n")
	require.Contains(t, shown, "  note a: first\n  note b: a callback says FAIL after the end SUCCESS; the first end stands")
	require.Contains(t, report.Timeline(result), report.Event{At: start, Step: "a", What: "note: first"})
}
