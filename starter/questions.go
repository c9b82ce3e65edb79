package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/shell"
	"github.com/dpaflow/dpaflow/runbook"
)

// question is something that only an operator can settle.
type question struct {
	step     string // or the runbook, if it is no step's
	reason   string
	commands []string // that do so, of which one is wanted
}

// questions are what a runbook waits for, those inside it included.
func (v *bookView) questions() (found []question) {
	for _, waits := range v.result.WaitsFor {
		id, q := shell.Quote(waits.Step), question{step: cmp.Or(waits.Step, v.result.Name), reason: waits.Reason}
		switch waits.Kind {
		case engine.ForAnswer:
			q.reason = fmt.Sprintf("%s (%s)", waits.Reason, strings.TrimPrefix(of(waits.Who)+until(waits)+fields(waits), ", "))
			q.commands = v.commands("answer " + id + valuesFor(waits))
		case engine.ForApproval:
			q.reason = fmt.Sprintf("%s (%d of %d%s%s)", waits.Reason, waits.Have, waits.Need, of(waits.Who), until(waits))
			q.commands = v.commands("approve "+id, "reject "+id)
		case engine.ForDecision:
			q.commands = v.commands("retry "+id, "skip "+id, "abort")
			if waits.MayRun {
				q.commands = v.commands("resolve --step "+id+" --status SUCCESS|FAIL", "retry "+id+" --may-run-twice", "skip "+id, "abort")
			}
		case engine.ForDoubt:
			q.commands = v.commands(
				"resolve --step "+id+" --adopt INSTANCE", "resolve --step "+id+" --retrigger", "resolve --step "+id+" --abort")
		default:
			q.commands = v.commands("resume", "abort")
		}
		found = append(found, q)
	}
	return found
}

func until(waits engine.WaitsFor) string {
	if waits.Until == nil {
		return ""
	}
	return ", until " + report.At(waits.Until)
}

// fields say what to fill in.
func fields(waits engine.WaitsFor) (text string) {
	for name := range runbook.Sorted(waits.Fields) {
		field := waits.Fields[name]
		text += ", " + report.Joined(": ", name+" "+string(field.Type), field.Description)
		if field.Pattern != "" {
			text += " like " + field.Pattern
		}
	}
	return text
}

func valuesFor(waits engine.WaitsFor) (text string) {
	for name := range runbook.Sorted(waits.Fields) {
		text += " " + name + "=" + strings.ToUpper(string(waits.Fields[name].Type))
	}
	return text
}

func of(who []string) string {
	if len(who) == 0 {
		return ""
	}
	return ", of " + strings.Join(who, ", ")
}

// commands puts the workflow behind the verb of each command.
func (v *bookView) commands(rest ...string) []string {
	commands := make([]string, len(rest))
	for i, text := range rest {
		verb, arguments, _ := strings.Cut(text, " ")
		commands[i] = report.Joined(" ", "starter", verb, shell.Quote(v.id), arguments)
	}
	return commands
}
