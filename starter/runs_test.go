package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/runs"
)

func TestAtAnyWidthAListedRunSaysAllThatOneMustReadOrCopy(t *testing.T) {
	t.Parallel()
	until := start.Add(time.Hour)
	run := openRun{runs.Run{
		WorkflowID: "switch-over-of-the-core-system-to-the-standby-site-2026-11-25", Type: "Runbook", What: "核心系统切换", Status: "APPROVAL", StartedAt: start,
		WaitsFor: []engine.WaitsFor{{
			Kind: engine.ForApproval, Step: "confirm", Reason: "切换到备用站点吗？复制延迟是 3 秒，磁盘剩余空间是 128GB，值班经理是王五。", Since: &start, Until: &until,
			Who: []string{"zhang", "li"}, Have: 1, Need: 2,
			Command: "starter approve switch-over-of-the-core-system-to-the-standby-site-2026-11-25 confirm --by NAME",
		}},
		Unanswered: "no worker answers",
	}}
	for _, columns := range []int{80, 120, 0} {
		lines := run.lines(later, columns)
		for _, line := range lines {
			require.True(t, columns == 0 || text.StringWidth(line) <= columns, line)
		}
		shown := strings.Join(lines, "\n")
		golden(t, fmt.Sprintf("runs-%d.txt", columns), shown+"\n")
		require.Contains(t, strings.Join(strings.Fields(strings.ReplaceAll(shown, "\\\n", "")), " "), run.WaitsFor[0].Command)
	}
}
