package workflows

import (
	"fmt"
	"strings"
	"time"
)

// Phase is where a run stands in its story.
type Phase string

const (
	// PhaseTriggering: the trigger is being prepared or sent.
	PhaseTriggering Phase = "TRIGGERING"
	// PhaseBusy: the model is busy with another run, which is waited for.
	PhaseBusy Phase = "BUSY"
	// PhaseUnknown: nobody can know whether the trigger ran; a callback or an operator settles it.
	PhaseUnknown Phase = "UNKNOWN"
	// PhaseWaiting: the instance runs, and the run waits for news of its end.
	PhaseWaiting Phase = "WAITING"
	// PhaseFetching: the instance has ended, and its outputs are being fetched.
	PhaseFetching Phase = "FETCHING"
	// PhaseEnded: the run is over.
	PhaseEnded Phase = "ENDED"
)

// Ends of an instance as dpaflow reports them; a model's FINISH is a SUCCESS.
const (
	StatusSuccess = "SUCCESS"
	StatusFail    = "FAIL"
)

// Who observed the end of an instance.
const (
	ObservedByCallback = "callback"
	ObservedByPoll     = "poll"
	ObservedByOperator = "operator"
)

// Status is the answer of the query "status", and the detail of a run's failures.
type Status struct {
	PlanID  string `json:"planId,omitempty"`
	ModelID string `json:"modelId,omitempty"`
	Phase   Phase  `json:"phase"`
	// InstanceID is empty until the platform or an operator has named it.
	InstanceID string `json:"instanceId,omitempty"`
	// Status is the platform's last word: DEFAULT, RUNNING, PENDING, SUCCESS or FAIL.
	Status     string `json:"status,omitempty"`
	ObservedBy string `json:"observedBy,omitempty"`
	// Reason tells why the trigger's outcome is unknown, or why it has not been sent yet.
	Reason      string     `json:"reason,omitempty"`
	StartedAt   time.Time  `json:"startedAt"`
	TriggeredAt *time.Time `json:"triggeredAt,omitempty"`
	LastNewsAt  *time.Time `json:"lastNewsAt,omitempty"`
	FinishedAt  *time.Time `json:"finishedAt,omitempty"`
	// Deadline is when the run gives up.
	Deadline time.Time `json:"deadline"`
	// Triggers counts the attempts to trigger, of which at most one was sent without an operator's word.
	Triggers int `json:"triggers"`
	// Overdue is true once no news came for as long as the policy's PollAfter.
	Overdue bool `json:"overdue,omitempty"`
	// Polls counts how often the platform was asked; Hint is its last answer, which may be of another
	// instance of the plan.
	Polls int    `json:"polls,omitempty"`
	Hint  string `json:"hint,omitempty"`
	// Notes are what an operator should know of: news that contradicts, or of an instance that is not ours.
	Notes []Note `json:"notes,omitempty"`
	// Actions are what operators did.
	Actions []Action `json:"actions,omitempty"`
}

// Note is one remarkable thing that happened to a run.
type Note struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Action is one thing that an operator did to a run.
type Action struct {
	At time.Time `json:"at"`
	// Step is the runbook's step that it was done to; empty for the run as a whole.
	Step    string `json:"step,omitempty"`
	Name    string `json:"name"`
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
}

// maxNotes bounds what a flood of odd news can add to a run's memory and failure.
const maxNotes = 50

// markdown shows the status as the Temporal UI's current details.
func (s Status) markdown() string {
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

// cell keeps a text from breaking out of its table.
func cell(text string) string { return cells.Replace(text) }
