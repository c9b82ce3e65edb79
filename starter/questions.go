package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/shell"
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
		case engine.ForApproval:
			until := ""
			if waits.Until != nil {
				until = ", until " + report.At(waits.Until)
			}
			q.reason = fmt.Sprintf("%s (%d of %d%s%s)", waits.Reason, waits.Have, waits.Need, of(waits.Who), until)
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
