package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/workflows"
)

// drawSteps draws as many steps as there is room for, each in one line and, where that is too wide, with its note below
// it; a room of 0 is no limit. Those that do something come first, then those that come next, then the last that have
// ended.
func drawSteps(steps []report.Step, now time.Time, columns, room int) []string {
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
func rowsOf(steps []report.Step, now time.Time, columns int) [][]string {
	if len(steps) == 0 {
		return nil
	}
	t := table.NewWriter()
	t.SetStyle(table.Style{Box: table.BoxStyle{PaddingRight: "  "}})
	for _, step := range steps {
		t.AppendRow(table.Row{
			strings.Repeat("  ", strings.Count(step.Around, "/")) + marks[step.Status] + " " + report.Clean(step.Label()),
			step.Word(), where(step), report.Took(step.StartedAt, step.FinishedAt, now),
		})
	}
	rows := make([][]string, len(steps))
	for i, cells := range strings.Split(t.Render(), "\n") {
		line, note := "  "+strings.TrimRight(cells, " "), steps[i].Note()
		whole := strings.TrimRight("  "+cells+note, " ") // the cells are all as wide
		if columns <= 0 || text.StringWidth(whole) <= columns {
			rows[i] = []string{report.Clean(whole)}
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

func urgency(step report.Step) int {
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

// where is the step's instance, or how far its items are.
func where(s report.Step) string {
	if len(s.Items) == 0 {
		return s.InstanceID
	}
	done, failed := s.Tally()
	const columns = 16
	full := done * columns / len(s.Items)
	bad := (done+failed)*columns/len(s.Items) - full
	bar := fmt.Sprintf("[%s%s%s] %d/%d", strings.Repeat("#", full), strings.Repeat("x", bad),
		strings.Repeat(".", columns-full-bad), done, len(s.Items))
	return bar
}
