package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/lock"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestWhoHasTheLockThatARunWaitsForIsShown(t *testing.T) {
	t.Parallel()
	waits := &engine.Lock{Name: "core", Status: engine.LockWaiting, Since: start, Ahead: 2, By: &lock.Holder{WorkflowID: "dr-2", Runbook: "nightly", Since: start}}
	view := bookView{id: "dr-1", result: workflows.RunbookResult{Name: "r", Status: "RUNNING", Phase: engine.PhaseLocked, StartedAt: start, Lock: waits, Steps: []workflows.StepResult{
		{ID: "n", Execution: engine.Execution{Status: "RUNNING"}, Runbook: &engine.Run{Lock: waits, Steps: []workflows.StepResult{{ID: "x"}}}},
	}}}
	lines := view.lines(later, 0, 0)
	require.Contains(t, lines[0], "LOCKED")
	require.Equal(t, "  "+waits.String(), lines[1])
	require.Equal(t, 2, strings.Count(strings.Join(lines, "\n"), "waits for lock core, held by runbook nightly of run dr-2 since "), "also at the step")
}
