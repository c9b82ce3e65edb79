package execution

import (
	"cmp"
	"slices"
	"time"
)

// Event is something that has arrived: *Sent, *Callback, *Polled, *Fetched, *Registered, *Cancelled or *Resolve.
type Event interface {
	rank() int
	apply(s *State, now time.Time)
}

// Kinds of events in the order in which they count.
const (
	rankSent = iota // it tells which triggers there are
	rankCallback
	rankAnswer
	rankCancel
	rankAction
)

// ordered are events in the order in which they count.
func ordered(events []Event) []Event {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.rank(), b.rank()) })
	return events
}

// Sent is how the activity of the trigger ended. See Outcome for what it shows.
type Sent struct {
	// Key is that of the trigger; empty where its activity was lost.
	Key string
	// ErrorType is one of the contract's, empty where the platform named an instance, ErrorLost where the activity
	// did not end by itself. Message says why, for people.
	ErrorType, Message string
	// Intent is what the activity recorded before it sent anything; nil where it recorded none.
	Intent *Intent
	// TokenRejected: a new token may do. Busy: another run has the model. Frozen: the worker's policy holds triggers.
	TokenRejected, Busy, Frozen bool
	// Earlier is the number of the last trigger that an earlier run, before a reset, may have sent.
	Earlier int
	// InstanceID and Status are the platform's answer, At is when it was sent, PlatformTime by the platform's clock.
	InstanceID, Status string
	At, PlatformTime   time.Time
	// Indexed and Registers are facts of the deployment, as in State.
	Indexed, Registers bool
}

func (*Sent) rank() int { return rankSent }

// Callback is a callback of the platform, or one delivered by hand.
type Callback struct {
	// Address is the key of a trigger or the id of an instance: what the callback was sent to.
	Address            string
	InstanceID, Status string
}

func (*Callback) rank() int { return rankCallback }

// Polled is what the platform said when it was asked.
type Polled struct {
	// InstanceID is what was asked for; Err is why there is no answer.
	InstanceID, Err string
	// Exact is true where the answer is about the instance (W4), false where it is about the plan (P2).
	Exact  bool
	Status string
	// UpdatedAt is when the plan's status changed, by the platform's clock. Alone is true where no other run had
	// anything to do with the plan since.
	UpdatedAt time.Time
	Alone     bool
}

func (*Polled) rank() int { return rankAnswer }

// Fetched tells that the outputs were read, or why they cannot be. ErrorType is one of the contract's. InstanceID is for
// a Collection, which has several.
type Fetched struct{ InstanceID, ErrorType, Err string }

func (*Fetched) rank() int { return rankAnswer }

// Registered tells whether callbacks by the instance's id alone find the run.
type Registered struct{ Err string }

func (*Registered) rank() int { return rankAnswer }

// Cancelled tells that the run was cancelled.
type Cancelled struct{}

func (*Cancelled) rank() int { return rankCancel }

func (*Cancelled) apply(s *State, _ time.Time) { s.Cancelled = true }
