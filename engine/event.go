package engine

import (
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// Event is something that has happened: Progress, Ended, Noted, LockAnswered, Cancelled or an Action. However they arrive,
// evidence comes first, then a cancellation, then what operators want.
type Event interface{ rank() int }

// Progress is how an execution stands.
type Progress struct {
	// Key names the execution, as Start gave it.
	Key        string `json:"key"`
	Phase      string `json:"phase,omitempty"`
	InstanceID string `json:"instanceId,omitempty"`
	// Doubt says why nobody can know whether the trigger ran; empty where that is clear.
	Doubt string `json:"doubt,omitempty"`
	// Idle is true while nothing can run on the platform: the trigger has not been sent.
	Idle    bool `json:"idle,omitempty"`
	Overdue bool `json:"overdue,omitempty"`
}

// Outcome is how an execution ended.
type Outcome string

// The ends of an execution.
const (
	Success Outcome = "SUCCESS"
	Fail    Outcome = "FAIL"  // the platform, or an operator, says so
	Broken  Outcome = "ERROR" // rejected, not sent, timed out, in doubt, or without its outputs
	GivenUp Outcome = "GIVEN_UP"
)

// Ended is the end of an execution, or of fetching its outputs.
type Ended struct {
	Key        string                 `json:"key"`
	Outcome    Outcome                `json:"outcome"`
	InstanceID string                 `json:"instanceId,omitempty"`
	ObservedBy string                 `json:"observedBy,omitempty"`
	Reason     string                 `json:"reason,omitempty"`
	Outputs    []runbook.ModelOutputs `json:"outputs,omitempty"`
	// MayRun is true where the platform may still run the instance.
	MayRun bool `json:"mayRun,omitempty"`
}

// Noted is something that an operator should know of an execution, also of one that is over.
type Noted struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// Cancelled is the cancellation of the workflow.
type Cancelled struct{}

// Action is what an operator asks for, and in State what operators did.
type Action struct {
	// ID names the action in the command that answers it.
	ID string `json:"id,omitempty"`
	// At is when it was done.
	At time.Time `json:"at,omitzero"`
	// Name is one of the Action… constants.
	Name    string `json:"name"`
	Step    string `json:"step,omitempty"`
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
	// Subject is who By was proved to be; empty where names are not checked.
	Subject string `json:"subject,omitempty"`
	// Outputs are for skip: node name → result, used as the step's own.
	Outputs map[string]string `json:"outputs,omitempty"`
	// Values are for answer: what somebody fills in, by field.
	Values map[string]any `json:"values,omitempty"`
	// MayRunTwice is for retry, where the earlier instance may still run.
	MayRunTwice bool `json:"mayRunTwice,omitempty"`
	// Status is for resolveRun: how the instance ended, SUCCESS or FAIL.
	Status string `json:"status,omitempty"`
}

// What operators can do.
const (
	ActionApprove        = "approve"
	ActionReject         = "reject"
	ActionAnswer         = "answer"
	ActionRetry          = "retry"
	ActionSkip           = "skip"
	ActionPause          = "pause"
	ActionResume         = "resume"
	ActionRollback       = "rollback"
	ActionAbort          = "abort"
	ActionResolveRun     = "resolveRun"
	ActionResolveTrigger = "resolveTrigger"
)

func (Progress) rank() int  { return 0 }
func (Ended) rank() int     { return 0 }
func (Noted) rank() int     { return 0 }
func (Cancelled) rank() int { return 1 }
func (Action) rank() int    { return 2 }

// Command is something to be done: Start, Cancel, Fetch, Acquire, Release, Answer or Finish.
type Command interface{ command() }

// Start begins an execution.
type Start struct {
	// Key names this attempt, and no other of the run: probe[2].1, or probe[2]~rollback.1.
	Key string `json:"key"`
	// Path is that of the step or item.
	Path string `json:"path"`
	// Job is the plan or model with its expressions replaced.
	Job runbook.Job `json:"job"`
	// Rollback is true where the execution undoes the step.
	Rollback bool `json:"rollback,omitempty"`
	// Finally is true where it belongs to the steps that run whatever happened.
	Finally bool `json:"finally,omitempty"`
	// Adopt is the instance to wait for, instead of triggering one; From is the workflow that triggered it.
	Adopt string `json:"adopt,omitempty"`
	From  string `json:"from,omitempty"`
	Outputs
}

// Outputs say what of an execution's outputs is kept.
type Outputs struct {
	// Limit is how many bytes of JSON they may have.
	Limit int `json:"limit"`
	// Read are those that are read by name: they are the last to be cut.
	Read []string `json:"read,omitempty"`
}

// Cancel gives up waiting for an execution, which then ends as GivenUp.
type Cancel struct {
	Key string `json:"key"`
}

// Fetch fetches the outputs of an execution that an operator said the end of, and ends it again.
type Fetch struct {
	Key string `json:"key"`
	// Job is what ran; only its ids count.
	Job        runbook.Job `json:"job"`
	InstanceID string      `json:"instanceId"`
	Outputs
}

// Answer says what became of an operator's action.
type Answer struct {
	ID string `json:"id"`
	// Refused is the sentence that says why nothing was done; empty where it was done.
	Refused string `json:"refused,omitempty"`
}

// Finish ends the run, as Result says.
type Finish struct{}

func (Start) command()  {}
func (Cancel) command() {}
func (Fetch) command()  {}
func (Answer) command() {}
func (Finish) command() {}
