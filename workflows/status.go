package workflows

import (
	"fmt"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/execution"
)

// Status is the answer of the query "status", and the detail of a run's failures.
type Status = execution.Status

// Phase is where a run stands.
type Phase = execution.Phase

// Note is one remarkable thing that happened to a run.
type Note = execution.Note

// Action is one thing that an operator did to a run.
type Action = execution.Action

// The phases of a run.
const (
	PhaseTriggering = execution.PhaseTriggering
	PhaseBusy       = execution.PhaseBusy
	PhaseFrozen     = execution.PhaseFrozen
	PhaseUnknown    = execution.PhaseUnknown
	PhaseWaiting    = execution.PhaseWaiting
	PhaseFetching   = execution.PhaseFetching
	PhaseEnded      = execution.PhaseEnded
)

// Ends of an instance as dpaflow reports them; a model's FINISH is a SUCCESS.
const (
	StatusSuccess = execution.StatusSuccess
	StatusFail    = execution.StatusFail
)

// Who observed the end of an instance.
const (
	ObservedByCallback = execution.ObservedByCallback
	ObservedByPoll     = execution.ObservedByPoll
	ObservedByOperator = execution.ObservedByOperator
)

// markdown shows a status as the Temporal UI's current details.
func markdown(s Status) string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", name, cell(value))
		}
	}
	b.WriteString("| | |\n|---|---|\n")
	row("Plan", s.PlanID)
	row("Model", s.ModelID)
	row("Phase", string(s.Phase))
	row("Instance", s.InstanceID)
	row("Status", s.Status)
	row("Observed by", s.ObservedBy)
	row("Reason", s.Reason)
	row("The platform says", s.Hint)
	row("Deadline", s.Deadline.UTC().Format(time.RFC3339))
	for _, note := range s.Notes {
		row("Note", note.Text)
	}
	for _, action := range s.Actions {
		row(action.Name, strings.TrimSpace(action.By+" "+action.Comment))
	}
	return b.String()
}

var cells = strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ")

// cell keeps a value from breaking out of its table.
func cell(value string) string { return cells.Replace(value) }
