package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dpaflow/dpaflow/workflows"
)

// stepLine is a step as a line of its own: of the runbook itself, or of one inside it.
type stepLine struct {
	workflows.StepResult
	around string // the path of the runbook that it belongs to, such as verify/; empty for the outermost
}

// path names the step for commands, such as verify/business.
func (s stepLine) path() string { return s.around + s.ID }

// label names the step for people, and for commands.
func (s stepLine) label() string {
	if s.Name == "" || s.Name == s.ID {
		return s.path()
	}
	return s.Name + " (" + s.path() + ")"
}

// drawSteps draws as many steps as there is room for, each in one line and, where that is too wide, with its note below
// it; a room of 0 is no limit. Those that do something come first, then those that come next, then the last that have
// ended.
func drawSteps(steps []stepLine, now time.Time, columns, room int) []string {
	rows := rowsOf(steps, now, columns)
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
	left, all := room, 0
	for _, row := range rows {
		all += len(row)
	}
	if room > 0 && all > room {
		left-- // for how many are left out
	}
	shown := make([]bool, len(steps))
	hidden := 0
	for _, i := range order {
		if room > 0 && len(rows[i]) > left {
			hidden++
			continue
		}
		left -= len(rows[i])
		shown[i] = true
	}
	var lines []string
	for i, row := range rows {
		if shown[i] {
			lines = append(lines, row...)
		}
	}
	if hidden > 0 {
		lines = append(lines, fmt.Sprintf("  … and %d more steps", hidden))
	}
	return lines
}

// rowsOf are the lines of each step, with columns that are aligned.
func rowsOf(steps []stepLine, now time.Time, columns int) [][]string {
	if len(steps) == 0 {
		return nil
	}
	t := table.NewWriter()
	t.SetStyle(table.Style{Box: table.BoxStyle{PaddingRight: "  "}})
	for _, step := range steps {
		t.AppendRow(table.Row{
			strings.Repeat("  ", strings.Count(step.around, "/")) + marks[step.Status] + " " + clean(step.label()),
			step.word(), step.where(), took(step.StartedAt, step.FinishedAt, now),
		})
	}
	rows := make([][]string, len(steps))
	for i, cells := range strings.Split(t.Render(), "\n") {
		line, note := "  "+strings.TrimRight(cells, " "), steps[i].note()
		whole := strings.TrimRight("  "+cells+note, " ") // the cells are all as wide
		if columns <= 0 || text.StringWidth(whole) <= columns {
			rows[i] = []string{clean(whole)}
			continue
		}
		rows[i] = wrap(line, columns, "      ")
		if note != "" {
			rows[i] = append(rows[i], wrap("      "+note, columns, "      ")...)
		}
	}
	return rows
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

// word is the step's status, or where its run stands if that is not simply that its instance runs.
func (s stepLine) word() string {
	switch workflows.Phase(s.Phase) {
	case "", workflows.PhaseWaiting, workflows.PhaseEnded:
		return s.Status
	}
	if s.Status != workflows.StatusRunning {
		return s.Status
	}
	return s.Phase
}

// where is the step's instance, or how far its items are.
func (s stepLine) where() string {
	if len(s.Items) == 0 {
		return s.InstanceID
	}
	done, failed := s.tally()
	const columns = 16
	full := done * columns / len(s.Items)
	bad := (done+failed)*columns/len(s.Items) - full
	bar := fmt.Sprintf("[%s%s%s] %d/%d", strings.Repeat("#", full), strings.Repeat("x", bad),
		strings.Repeat(".", columns-full-bad), done, len(s.Items))
	return bar
}

// shownItems is how many items are named.
const shownItems = 5

// trouble names the items that somebody should know of, by their values.
func (s stepLine) trouble() string {
	var named []string
	more := 0
	for _, item := range s.Items {
		line := stepLine{StepResult: item}
		if word := line.word(); item.Status == workflows.StatusFailed || item.Status == workflows.StatusAborted || word != item.Status {
			if len(named) == shownItems {
				more++
				continue
			}
			named = append(named, value(item.Item)+" "+word)
		}
	}
	if more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(named, ", ")
}

// value is the value that an item is for.
func value(item json.RawMessage) string {
	var written string
	if json.Unmarshal(item, &written) != nil {
		written = string(item)
	}
	return clip(clean(written))
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
	if s.NotBefore != nil {
		notes = append(notes, "again at "+at(s.NotBefore))
	}
	if s.Rounds > 0 && s.Status != workflows.StatusSuccess {
		notes = append(notes, fmt.Sprintf("round %d", s.Rounds+1))
	}
	if s.Resumed {
		notes = append(notes, "ended in the earlier run")
	}
	if s.Rollback != nil {
		notes = append(notes, joined(" ", "rollback", s.Rollback.Status, s.Rollback.InstanceID, s.Rollback.Reason))
	}
	if len(s.Approvals) > 0 {
		notes = append(notes, "approved by "+strings.Join(s.Approvals, ", "))
	}
	if s.Question != nil && s.Status == workflows.StatusRunning {
		notes = append(notes, "waits for approval: "+s.Question.Message)
	}
	for _, why := range []string{s.trouble(), s.Doubt, s.Reason} {
		if why != "" {
			notes = append(notes, why)
		}
	}
	if params, err := json.Marshal(s.Params); err == nil && s.Params != nil {
		notes = append(notes, string(params))
	}
	return strings.Join(notes, "; ")
}
