// Package notify decides which notifications follow from what a watcher sees of runs and schedules, and when each is
// sent: it is pure. Its types are what receivers get: a CloudEvent in JSON, whose data is a [Data].
package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// TypePrefix is what all types of events begin with.
const TypePrefix = "io.github.dpaflow."

// The types of events.
const (
	TypeWaits      = TypePrefix + "run.waits"       // a run needs a person
	TypeOverdue    = TypePrefix + "run.overdue"     // no callback has come for long
	TypeFailed     = TypePrefix + "run.failed"      // a run ended otherwise than with success
	TypeRolledBack = TypePrefix + "run.rolledback"  // the same, and what it had done was undone
	TypeMissed     = TypePrefix + "schedule.missed" // a schedule did not start a run at its time
)

// Types are all types of events.
func Types() []string {
	return []string{TypeWaits, TypeOverdue, TypeFailed, TypeRolledBack, TypeMissed}
}

// ContentType is that of an [Event] in an HTTP request.
const ContentType = "application/cloudevents+json"

// SchemaURL is where the JSON Schema of [Event] is found.
const SchemaURL = "https://github.com/dpaflow/dpaflow/blob/main/notify/schema.json"

// Event is a CloudEvent, as its specification's JSON format writes it.
type Event struct {
	SpecVersion string `json:"specversion"`
	// ID is the same however often one change is sent: what has it already is a repetition.
	ID string `json:"id"`
	// Source is the namespace and the task queue, as /dpaflow/NAMESPACE/TASKQUEUE.
	Source string `json:"source"`
	Type   string `json:"type"`
	// Subject is the workflow's or the schedule's id.
	Subject string `json:"subject"`
	// Time is when it happened: since when a person is needed, or when the run ended.
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	DataSchema      string    `json:"dataschema"`
	Data            Data      `json:"data"`
}

// Data says what happened to which run or schedule. Where histories are encrypted, it has ids, statuses, kinds and times,
// and nothing else.
type Data struct {
	Namespace string `json:"namespace"`
	TaskQueue string `json:"taskQueue"`
	// Run is the run that it is about; absent of a schedule.
	Run *Run `json:"run,omitempty"`
	// Waits is what the run waits for, of events run.waits and run.overdue.
	Waits *Waits `json:"waits,omitempty"`
	// Ended is how the run ended, of events run.failed and run.rolledback.
	Ended *Ended `json:"ended,omitempty"`
	// Schedule is the schedule that it is about.
	Schedule *Schedule `json:"schedule,omitempty"`
	// Links are pages to look at, as far as their addresses are configured.
	Links *Links `json:"links,omitempty"`
	// Command is what to type.
	Command string `json:"command"`
}

// Run is a run of dpaflow.
type Run struct {
	WorkflowID   string `json:"workflowId"`
	RunID        string `json:"runId"`
	WorkflowType string `json:"workflowType"`
	// What is the runbook's name, or the ids of plans and models.
	What string `json:"what,omitempty"`
	// Status is the search attribute DpaStatus of a run that is open, such as APPROVAL.
	Status string `json:"status,omitempty"`
}

// Waits is what a run waits for.
type Waits struct {
	// Kind is approval, answer, decision, doubt, resume or overdue. There may be more in the future.
	Kind string `json:"kind"`
	// Step is the step of a runbook.
	Step string `json:"step,omitempty"`
	// Reason is the question, the failure or the doubt.
	Reason string     `json:"reason,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	// Who may answer; anyone if absent.
	Who []string `json:"who,omitempty"`
	// Have is how many have answered, of Need.
	Have int `json:"have,omitempty"`
	Need int `json:"need,omitempty"`
}

// Ended is how a run ended.
type Ended struct {
	// Status is FAILED, CANCELED, TERMINATED or TIMED_OUT.
	Status string `json:"status"`
	// Error is the type of the failure, such as PlanFailed.
	Error  string    `json:"error,omitempty"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// Schedule is a schedule that did not start a run.
type Schedule struct {
	ID string `json:"id"`
	// Reason is overlap where the last run was still under way, and late where Temporal could not start it in time.
	Reason string `json:"reason"`
	// Missed is how many runs were not started since that was last looked at.
	Missed int `json:"missed"`
	// LastRun is the workflow id of the last run that it started.
	LastRun string `json:"lastRun,omitempty"`
}

// Links are pages to look at.
type Links struct {
	Temporal string `json:"temporal,omitempty"`
	Console  string `json:"console,omitempty"`
}

// id is that of what the words name, in their order.
func id(words ...string) string {
	data, _ := json.Marshal(words) // strings can be marshalled
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// cut bounds, in runes, what is not dpaflow's own in an event.
func cut(word string, most int) string {
	word = strings.ToValidUTF8(word, "�")
	if runes := []rune(word); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return word
}
