package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/dpaflow/dpaflow/workflows"
)

// bookView shows a runbook: where it stands as a whole, its steps, and what waits for an operator.
type bookView struct {
	id     string // of its workflow
	result workflows.RunbookResult
	nested map[string]*bookView // the runbooks inside it that are under way, by workflow id
}

func (v *bookView) lines(now time.Time, height int) []string {
	head := []string{v.head(now)}
	foot := v.asks(height / 2)
	steps := v.steps(nil)
	room := len(steps)
	if height > 0 {
		room = max(height-len(head)-len(foot), 1)
	}
	all := append(append(head, drawSteps(steps, now, room)...), foot...)
	if height > 0 && len(all) > height {
		all = all[:height]
	}
	return all
}

// asks are lines about what waits for an operator: as many as there is room for, or all if that is 0.
func (v *bookView) asks(room int) (lines []string) {
	questions := v.questions()
	for i, q := range questions {
		if room > 0 && i > 0 && len(lines)+1+len(q.commands) > room {
			return append(lines, fmt.Sprintf("  … and %d more: starter status %s", len(questions)-i, quote(v.id)))
		}
		if i == 0 {
			lines = []string{"Waiting for an operator:"}
		}
		lines = append(lines, "  "+q.step+": "+q.reason)
		for _, command := range q.commands {
			lines = append(lines, "    "+command)
		}
	}
	return lines
}

// head is the runbook as a whole, in one line.
func (v *bookView) head(now time.Time) string {
	r := v.result
	return joined("  ", r.Name, r.Status, pace(r, now), r.Reason)
}

// pace compares how long a runbook takes with how long it should.
func pace(r workflows.RunbookResult, now time.Time) string {
	text := took(&r.StartedAt, r.FinishedAt, now)
	if r.Target == 0 || text == "" {
		return text
	}
	end := now
	if r.FinishedAt != nil {
		end = *r.FinishedAt
	}
	text += " of " + r.Target.String()
	if over := end.Sub(r.StartedAt) - time.Duration(r.Target); over >= time.Second {
		text += ", " + span(over) + " over"
	}
	return text
}

// steps are the runbook's own, each followed by those of the runbook inside it.
func (v *bookView) steps(path []string) (all []stepLine) {
	var add func(steps []workflows.StepResult, path []string)
	add = func(steps []workflows.StepResult, path []string) {
		for _, step := range steps {
			all = append(all, stepLine{step, path})
			inside := append(slices.Clone(path), step.ID)
			switch inner := v.nested[step.WorkflowID]; {
			case inner != nil:
				all = append(all, inner.steps(inside)...)
			case step.WorkflowID != "":
				add(step.Items, inside)
			default: // only items that are runbooks
				add(slices.DeleteFunc(slices.Clone(step.Items), func(item workflows.StepResult) bool {
					return v.nested[item.WorkflowID] == nil
				}), inside)
			}
		}
	}
	add(v.result.Steps, path)
	return all
}
