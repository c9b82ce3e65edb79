package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/shell"
	"github.com/dpaflow/dpaflow/workflows"
)

// maxNotes is how many are shown, of the latest; the report has all.
const maxNotes = 3

// bookView shows a runbook: where it stands as a whole, its steps, and what waits for an operator.
type bookView struct {
	id     string // of its workflow
	result workflows.RunbookResult
}

func (v *bookView) lines(now time.Time, columns, height int) []string {
	head := wrap(v.head(now), columns, "  ")
	if of := v.result.Lock; of != nil && v.result.FinishedAt == nil {
		head = append(head, wrap("  "+of.String(), columns, "    ")...)
	}
	for _, note := range v.result.Notes[max(0, len(v.result.Notes)-maxNotes):] {
		head = append(head, wrap("  note "+report.Joined(": ", note.Step, note.Text), columns, "    ")...)
	}
	foot := v.asks(columns, height/2)
	room := 0
	if height > 0 {
		room = max(height-len(head)-len(foot), 1)
	}
	all := append(append(head, drawSteps(v.steps(), now, columns, room)...), foot...)
	if height > 0 && len(all) > height {
		all = all[:height]
	}
	return all
}

// asks are lines about what waits for an operator, whole: as many questions as there is room for, or all if that is 0.
func (v *bookView) asks(columns, room int) (lines []string) {
	questions := v.questions()
	for i, q := range questions {
		asked := wrap("  "+q.step+": "+q.reason, columns, "    ")
		for _, command := range q.commands {
			asked = append(asked, wrapCommand(command, columns, "    ")...)
		}
		if room > 0 && i > 0 && len(lines)+len(asked) > room {
			return append(lines, fmt.Sprintf("  … and %d more: starter status %s", len(questions)-i, shell.Quote(v.id)))
		}
		if i == 0 {
			lines = []string{"Waiting for an operator:"}
		}
		lines = append(lines, asked...)
	}
	return lines
}

// head is the runbook as a whole, in one line.
func (v *bookView) head(now time.Time) string {
	r := v.result
	return report.Joined("  ", r.Name, v.word(), pace(r, now), r.Reason)
}

// word is how the run ended, or where it stands.
func (v *bookView) word() string {
	if v.result.FinishedAt != nil || v.result.Phase == "" {
		return v.result.Status
	}
	return string(v.result.Phase)
}

// pace compares how long a runbook takes with how long it should.
func pace(r workflows.RunbookResult, now time.Time) string {
	text := report.Took(&r.StartedAt, r.FinishedAt, now)
	if r.Target == 0 || text == "" {
		return text
	}
	end := now
	if r.FinishedAt != nil {
		end = *r.FinishedAt
	}
	text += " of " + r.Target.String()
	if over := end.Sub(r.StartedAt) - time.Duration(r.Target); over >= time.Second {
		text += ", " + report.Span(over) + " over"
	}
	return text
}

// steps are the runbook's own, each followed by those of the runbook inside it.
func (v *bookView) steps() (all []report.Step) {
	var add func(steps []workflows.StepResult, around string)
	add = func(steps []workflows.StepResult, around string) {
		for _, step := range steps {
			line := report.Step{StepResult: step, Around: around}
			all = append(all, line)
			if step.Runbook != nil {
				add(step.Runbook.Steps, line.Path()+"/")
			}
			add(slices.DeleteFunc(slices.Clone(step.Items), func(item workflows.StepResult) bool {
				return item.Runbook == nil // only items that are runbooks
			}), around)
		}
	}
	add(v.result.Steps, "")
	return all
}
