package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dpaflow/dpaflow/workflows"
)

// question is something that only an operator can settle.
type question struct {
	step     string // or the runbook, if it is no step's
	reason   string
	commands []string // that do so, of which one is wanted
}

// questions are what a runbook waits for, and the runbooks inside it.
func (v *bookView) questions() []question {
	r := v.result
	found := v.ask(r.Steps)
	decides := slices.ContainsFunc(r.Steps, func(step workflows.StepResult) bool { return step.Status == workflows.StatusPaused })
	if r.Status == workflows.StatusPaused && !decides {
		found = append(found, question{r.Name, r.Reason, v.commands("resume", "abort")})
	}
	return found
}

func (v *bookView) ask(steps []workflows.StepResult) (found []question) {
	for _, step := range steps {
		inner := v.nested[step.WorkflowID]
		switch {
		case inner != nil:
			found = append(found, inner.questions()...)
			continue
		case step.WorkflowID == "":
			found = append(found, v.ask(step.Items)...)
		}
		id := quote(step.ID)
		switch {
		case step.Status == workflows.StatusPaused:
			commands := v.commands("retry "+id, "skip "+id, "abort")
			if slices.ContainsFunc(v.result.StillRunning, func(left workflows.StillRunning) bool { return left.Step == step.ID }) {
				commands = append(v.commands("resolve --step "+id+" --status SUCCESS|FAIL"), commands...)
			}
			found = append(found, question{step.ID, step.Reason, commands})
		case step.Phase == workflows.PhaseUnknown && step.Status == workflows.StatusRunning:
			found = append(found, question{step.ID, step.Reason, v.commands(
				"resolve --step "+id+" --adopt INSTANCE", "resolve --step "+id+" --retrigger", "resolve --step "+id+" --abort")})
		case isApproval(step):
			found = append(found, question{step.ID, step.Reason, v.commands("approve "+id, "reject "+id)})
		}
	}
	return found
}

// isApproval tells a step that asks people: it has a reason to wait, and nothing that it runs.
func isApproval(step workflows.StepResult) bool {
	return step.Status == workflows.StatusRunning && step.Reason != "" &&
		step.PlanID == "" && step.ModelID == "" && step.WorkflowID == "" && len(step.Items) == 0
}

// commands puts the workflow behind the verb of each command.
func (v *bookView) commands(rest ...string) []string {
	commands := make([]string, len(rest))
	for i, text := range rest {
		verb, arguments, _ := strings.Cut(text, " ")
		commands[i] = joined(" ", "starter", verb, quote(v.id), arguments)
	}
	return commands
}

var bare = regexp.MustCompile(`^[\p{L}\p{N}_./:@%+=,][\p{L}\p{N}_./:@%+=,-]*$`)

// quote writes a word as a shell takes it.
func quote(word string) string {
	if bare.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
