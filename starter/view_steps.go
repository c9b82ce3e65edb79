package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/dpaflow/dpaflow/workflows"
)

// stepLine is a step as a line of its own: of the runbook itself, or of one inside it.
type stepLine struct {
	workflows.StepResult
	path []string // the steps around it
}

// drawSteps draws as many steps as there is room for. Those that do something come first, then those
// that come next, then the last that have ended.
func drawSteps(steps []stepLine, now time.Time, room int) []string {
	hidden := 0
	if len(steps) > room {
		hidden = len(steps) - max(room-1, 0)
		order := make([]int, len(steps))
		for i := range steps {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int {
			urgent := cmp.Compare(urgency(steps[a]), urgency(steps[b]))
			if urgent == 0 && urgency(steps[a]) == urgencyEnded {
				return b - a
			}
			return urgent
		})
		var kept []stepLine
		for _, i := range slices.Sorted(slices.Values(order[:len(steps)-hidden])) {
			kept = append(kept, steps[i])
		}
		steps = kept
	}
	t := table.NewWriter()
	t.SetStyle(table.Style{Box: table.BoxStyle{PaddingRight: "  "}})
	for _, step := range steps {
		t.AppendRow(table.Row{
			strings.Repeat("  ", len(step.path)) + marks[step.Status] + " " + clean(title(step.StepResult)),
			step.word(), step.where(), took(step.StartedAt, step.FinishedAt, now), clean(step.note()),
		})
	}
	var lines []string
	if len(steps) > 0 {
		for line := range strings.SplitSeq(t.Render(), "\n") {
			lines = append(lines, "  "+strings.TrimRight(line, " "))
		}
	}
	if hidden > 0 {
		lines = append(lines, fmt.Sprintf("  … and %d more steps", hidden))
	}
	return lines
}

const urgencyEnded = 2

func urgency(step stepLine) int {
	switch step.Status {
	case workflows.StatusRunning, workflows.StatusPaused:
		return 0
	case workflows.StatusWaiting:
		return 1
	}
	return urgencyEnded
}

// marks have one column also where the terminal is Chinese.
var marks = map[string]string{
	workflows.StatusSuccess: "✓",
	workflows.StatusPlanned: "✓",
	workflows.StatusFailed:  "✗",
	workflows.StatusAborted: "✗",
	workflows.StatusSkipped: "-",
	workflows.StatusRunning: "►",
	workflows.StatusPaused:  "!",
	workflows.StatusWaiting: " ",
}

// title names a step for people, and for commands.
func title(step workflows.StepResult) string {
	if step.Name == "" || step.Name == step.ID {
		return step.ID
	}
	return step.Name + " (" + step.ID + ")"
}

// word is the step's status, or where its run stands if that is not simply that its instance runs.
func (s stepLine) word() string {
	switch s.Phase {
	case "", workflows.PhaseWaiting, workflows.PhaseEnded:
		return s.Status
	}
	if s.Status != workflows.StatusRunning {
		return s.Status
	}
	return string(s.Phase)
}

// where is the step's instance, or how far its items are.
func (s stepLine) where() string {
	if len(s.Items) == 0 || s.WorkflowID != "" {
		return s.InstanceID
	}
	done, failed := s.tally()
	const columns = 16
	full := done * columns / len(s.Items)
	bad := (done+failed)*columns/len(s.Items) - full
	text := fmt.Sprintf("[%s%s%s] %d/%d", strings.Repeat("#", full), strings.Repeat("x", bad),
		strings.Repeat(".", columns-full-bad), done, len(s.Items))
	if failed > 0 {
		text += ", " + strconv.Itoa(failed) + " failed"
	}
	return text
}

// tally counts the items that have ended well, and otherwise.
func (s stepLine) tally() (done, failed int) {
	for _, item := range s.Items {
		switch item.Status {
		case workflows.StatusSuccess, workflows.StatusSkipped:
			done++
		case workflows.StatusFailed, workflows.StatusAborted:
			failed++
		}
	}
	return done, failed
}

// note is what else there is to know of a step.
func (s stepLine) note() string {
	var notes []string
	if s.Attempts > 1 {
		notes = append(notes, fmt.Sprintf("attempt %d", s.Attempts))
	}
	if s.Resumed {
		notes = append(notes, "ended in the earlier run")
	}
	if s.RolledBack != "" {
		notes = append(notes, "rollback "+s.RolledBack)
	}
	if len(s.Approvals) > 0 {
		notes = append(notes, "approved by "+strings.Join(s.Approvals, ", "))
	}
	if s.Reason != "" {
		notes = append(notes, s.Reason)
	}
	if params, err := json.Marshal(s.Params); err == nil && s.Params != nil {
		notes = append(notes, string(params))
	}
	return strings.Join(notes, "; ")
}
