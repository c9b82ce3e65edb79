package execution

import "time"

// Phase is where an execution stands.
type Phase string

const (
	// PhaseTriggering: the trigger is being prepared or sent.
	PhaseTriggering Phase = "TRIGGERING"
	// PhaseBusy: the model is busy with another run, which is waited for.
	PhaseBusy Phase = "BUSY"
	// PhaseFrozen: the policy of the worker holds the trigger, which is looked at again.
	PhaseFrozen Phase = "FROZEN"
	// PhaseUnknown: nobody can know whether the trigger ran; a callback or an operator settles it.
	PhaseUnknown Phase = "UNKNOWN"
	// PhaseWaiting: the instance runs, and the run waits for news of its end.
	PhaseWaiting Phase = "WAITING"
	// PhaseFetching: the instance has ended, and its outputs are being fetched.
	PhaseFetching Phase = "FETCHING"
	// PhaseEnded: the run is over.
	PhaseEnded Phase = "ENDED"
)

// Overdue is the urgency of an execution that waits without news for longer than its rules' PollAfter.
const Overdue = "OVERDUE"

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
	Reason string `json:"reason,omitempty"`
	// OnItsWayUntil is how long a request whose outcome is unknown may still be on its way.
	OnItsWayUntil *time.Time `json:"onItsWayUntil,omitempty"`
	// DoubtSince is since when nobody can know whether the trigger ran.
	DoubtSince  *time.Time `json:"doubtSince,omitempty"`
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
	// Polls counts how often the platform was asked; Hint is its last answer, which may be of another instance of
	// the plan.
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
	// Subject is who By was proved to be; empty where names are not checked.
	Subject string `json:"subject,omitempty"`
}
