package engine

import (
	"encoding/json"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// State is all that an engine knows beside the document: as JSON it can be kept, and loaded again.
type State struct {
	Options
	Run
	// Begun is true once the checks before the first step are over.
	Begun bool `json:"begun,omitempty"`
	// Paused is who holds what has not been triggered yet, and since when.
	Paused *Pause `json:"paused,omitempty"`
	// Announced is the step that a run in step-by-step mode would start next; Granted are those that
	// operators have let start, and that have not yet.
	Announced string   `json:"announced,omitempty"`
	Granted   []string `json:"granted,omitempty"`
	// Stops is how often operators have aborted the run; a cancellation counts as the first time.
	Stops int `json:"stops,omitempty"`
	// Status is how the run ended, or will end because of what has happened; empty while it goes on.
	Status string `json:"status,omitempty"`
	// Ends counts what has ended, for the order in which it is undone.
	Ends int `json:"ends,omitempty"`
	// OutputBytes is the size of the outputs that are kept.
	OutputBytes int `json:"outputBytes,omitempty"`
	// Actions are what operators did.
	Actions []Action `json:"actions,omitempty"`
	// Notes are what an operator should know of.
	Notes []Note `json:"notes,omitempty"`
	// FinishedAt is when the run was over.
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
}

// Note is something that an operator should know of a step: a callback that contradicts its end, or names another
// instance.
type Note struct {
	At   time.Time `json:"at"`
	Step string    `json:"step,omitempty"`
	Text string    `json:"text"`
}

// Options say how to run a document.
type Options struct {
	// WorkflowID names the run, for expressions and for the commands that are shown to operators.
	WorkflowID string `json:"workflowId,omitempty"`
	// StartedBy is who started the run.
	StartedBy string `json:"startedBy,omitempty"`
	// StepByStep waits for an operator before every step.
	StepByStep bool `json:"stepByStep,omitempty"`
}

// Pause is an operator's.
type Pause struct {
	By string    `json:"by,omitempty"`
	At time.Time `json:"at"`
}

// Run is one runbook of the tree: the outermost, or the one that a step or item runs.
type Run struct {
	// Vars are its variables, with the values of this run.
	Vars  runbook.Vars `json:"vars,omitempty"`
	Steps []Step       `json:"steps"`
	// Lock is how it stands with its lock; nil where it has none, or a runbook around it has that.
	Lock *Lock `json:"lock,omitempty"`
	// Resumed is true of what an earlier run left, each step of it decided about, until it goes on.
	Resumed bool `json:"resumed,omitempty"`
	// Ending says why nothing but handlers starts; empty while it goes on.
	Ending Ending `json:"ending,omitempty"`
	// Reason is what brought about the ending.
	Reason string `json:"reason,omitempty"`
	// Failed is the step that failed first.
	Failed string `json:"failed,omitempty"`
	// Undone is true once the decided rollbacks are over.
	Undone bool `json:"undone,omitempty"`
	// Outcome is how it ended before the steps of finally, which run now; Because is the reason.
	Outcome string `json:"outcome,omitempty"`
	Because string `json:"because,omitempty"`
	// TimedOut is true once it took longer than it may: no rollback begins any more.
	TimedOut bool `json:"timedOut,omitempty"`
	// GivenUp is true once what runs on the platform is not waited for any more.
	GivenUp bool `json:"givenUp,omitempty"`
	// Asked is true where an operator asked for it: steps around that wait for a decision do not hold it.
	Asked     bool       `json:"asked,omitempty"`
	StartedAt time.Time  `json:"startedAt,omitzero"`
	Deadline  *time.Time `json:"deadline,omitempty"`
}

// How a run ended, beside the statuses of steps.
const (
	StatusPlanned   = "PLANNED" // a dry run found nothing wrong
	StatusTimedOut  = runbook.StatusTimedOut
	StatusCancelled = runbook.StatusCancelled
)

// Ending is why a runbook starts nothing more.
type Ending string

// The ways to end before all steps have.
const (
	Failing Ending = "failing" // what runs is waited for
	Rolling Ending = "rolling" // and then what succeeded is undone
	Aborted Ending = "aborted" // by an operator or a cancellation: what runs is not waited for
)

// Execution is what is known of one execution of a plan or model. Of an approval, a wait, a nested
// runbook or a step with forEach it has no more than the status, the reason and the times.
type Execution struct {
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	PlanID  string `json:"planId,omitempty"`
	ModelID string `json:"modelId,omitempty"`
	// InstanceID is the platform's, once it is known.
	InstanceID string `json:"instanceId,omitempty"`
	// Phase is where the execution stands while it runs.
	Phase string `json:"phase,omitempty"`
	// Doubt says why nobody can know whether the trigger ran; an operator can settle it.
	Doubt      string     `json:"doubt,omitempty"`
	DoubtSince *time.Time `json:"doubtSince,omitempty"`
	Overdue    bool       `json:"overdue,omitempty"`
	ObservedBy string     `json:"observedBy,omitempty"`
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
	// Outputs are what it gave out.
	Outputs []runbook.ModelOutputs `json:"outputs,omitempty"`
	// Cut is true where its outputs were left out, because there was no room for those of all.
	Cut bool `json:"cut,omitempty"`
	// MayRun is true where the platform runs it, or may.
	MayRun bool `json:"mayRun,omitempty"`
	// Definite is true where the platform said FAIL: it may be triggered afresh.
	Definite bool `json:"definite,omitempty"`
	// Undoing is true of a rollback.
	Undoing bool `json:"undoing,omitempty"`
	// Left is true of what an earlier run triggered, and the platform may still run.
	Left bool `json:"left,omitempty"`
	// Cancelled is true once it is not waited for any more.
	Cancelled bool `json:"cancelled,omitempty"`
	// Adopt is the instance that the next attempt waits for instead of triggering one.
	Adopt string `json:"adopt,omitempty"`
	// From is the workflow that triggered what was adopted: the platform calls that one's address.
	From string `json:"from,omitempty"`
}

// Step is what became of a step, or of one item of a step with forEach.
type Step struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Finally is true of those that run last, whatever happened.
	Finally bool `json:"finally,omitempty"`
	Execution
	// Attempts counts how often its plan, model or runbook was started; Earlier are those before the last.
	Attempts int         `json:"attempts,omitempty"`
	Earlier  []Execution `json:"earlier,omitempty"`
	// Failures counts the definite ones since an operator last had a say; Rounds the successes that did not satisfy
	// until.
	Failures int `json:"failures,omitempty"`
	Rounds   int `json:"rounds,omitempty"`
	// NotBefore is when its next attempt may start; RoundsUntil when its rounds must be over.
	NotBefore   *time.Time `json:"notBefore,omitempty"`
	RoundsUntil *time.Time `json:"roundsUntil,omitempty"`
	// Inputs is a digest of the rendered inputs, or of the question, of the last attempt.
	Inputs string `json:"inputs,omitempty"`
	// Params are what a dry run could render of its inputs.
	Params any `json:"params,omitempty"`
	// Question is what people are asked.
	Question *Question `json:"question,omitempty"`
	// Approvals are who approved so far.
	Approvals []string `json:"approvals,omitempty"`
	// Subjects are who they were proved to be, as far as names are checked.
	Subjects []string `json:"subjects,omitempty"`
	// AnsweredBy is who filled in the values of a task.
	AnsweredBy string `json:"answeredBy,omitempty"`
	// Until is when a wait is over, or when a nested runbook is given up.
	Until *time.Time `json:"until,omitempty"`
	// PausedAt is since when it waits for an operator's decision.
	PausedAt *time.Time `json:"pausedAt,omitempty"`
	// Item is the value that an item is for.
	Item json.RawMessage `json:"item,omitempty"`
	// Items are those of a step with forEach, in the order of its list.
	Items []Step `json:"items,omitempty"`
	// Runbook is that of a step or item with a nested runbook.
	Runbook *Run `json:"runbook,omitempty"`
	// Rollback is what undoes it; Rollbacks counts how often that was started.
	Rollback  *Execution `json:"rollback,omitempty"`
	Rollbacks int        `json:"rollbacks,omitempty"`
	// Ran is true where an earlier attempt did something, or may have, that was not undone since.
	Ran bool `json:"ran,omitempty"`
	// Order tells when it ended, among all that ended in this run and in those that it continues.
	Order int `json:"order,omitempty"`
	// Unreachable is true of a step that was skipped because what it needs can no longer happen.
	Unreachable bool `json:"unreachable,omitempty"`
	// SkippedBy is the operator who skipped it.
	SkippedBy string `json:"skippedBy,omitempty"`
	// Resumed is true where it had ended in the run that this one continues.
	Resumed bool `json:"resumed,omitempty"`
	// Kept is true where it was done in an earlier attempt or run.
	Kept bool `json:"kept,omitempty"`
	// Asked is true where an operator asked for this attempt: other steps' failures do not hold it.
	Asked bool `json:"asked,omitempty"`
	// Anew is true where nothing of its runbook is kept in the next attempt.
	Anew bool `json:"anew,omitempty"`
}

// ended reports whether a status is an end.
func ended(status string) bool {
	switch status {
	case runbook.StatusSuccess, runbook.StatusFailed, runbook.StatusSkipped, runbook.StatusAborted:
		return true
	}
	return false
}
