// Package lock decides which runbook has a lock: one at a time, in the order in which they asked. Who drives it gives it
// what has happened, and sends the replies.
package lock

import (
	"slices"
	"time"
)

// Holder is a runbook that has a lock, or waits for it.
type Holder struct {
	// WorkflowID is of the workflow that runs it, and Chain the first run of that: a run that was reset, or continued as
	// new, is the same holder.
	WorkflowID string `json:"workflowId"`
	Chain      string `json:"chain"`
	// Key names this run of the runbook within its workflow; Step is its path, empty for the outermost.
	Key  string `json:"key"`
	Step string `json:"step,omitempty"`
	// Runbook is its name, StartedBy who started the run.
	Runbook   string `json:"runbook,omitempty"`
	StartedBy string `json:"startedBy,omitempty"`
	// Since is when it asked; of the one that has the lock, since when it has.
	Since time.Time `json:"since"`
}

// Is reports whether two are the same, whatever is known of them.
func (h Holder) Is(other Holder) bool { return h.Key == other.Key && h.SameChain(other) }

// SameChain reports whether two are of one workflow.
func (h Holder) SameChain(other Holder) bool {
	return h.WorkflowID == other.WorkflowID && h.Chain == other.Chain
}

// Answer is what becomes of a request.
type Answer struct {
	// Held is true once the lock is the runbook's; until then By has it.
	Held bool    `json:"held,omitempty"`
	By   *Holder `json:"by,omitempty"`
	// Ahead is how many come before it, By included.
	Ahead int `json:"ahead,omitempty"`
	// Left names what the holder before it left running, or may have.
	Left []string `json:"left,omitempty"`
}

// Reply is an answer to somebody.
type Reply struct {
	To Holder
	Answer
}

// State is all that is known of a lock.
type State struct {
	Name string `json:"name"`
	// Queue are those that asked; the first has the lock.
	Queue []Place `json:"queue,omitempty"`
	// Left is for whoever is next.
	Left []string `json:"left,omitempty"`
	// Unsure is true while somebody has asked since the first was last seen to be there.
	Unsure bool `json:"unsure,omitempty"`
}

// Place is one in the queue.
type Place struct {
	Holder
	// Asked is true until it has an answer.
	Asked bool `json:"asked,omitempty"`
	// Shown is who it knows to have the lock.
	Shown *Holder `json:"shown,omitempty"`
	// Left is what it was shown, so that it can be shown again after a reset.
	Left []string `json:"left,omitempty"`
}

const (
	maxLeft  = 20
	maxShown = 10 // who waits behind so many is not informed each time that the lock changes hands
)

// Event is something that has happened to a lock: Ask, Release, Seen, Gone or Unreachable.
type Event interface{ apply(s *State) }

// Ask is a request, which may be repeated.
type Ask struct{ Holder }

// Release gives the lock back, or a request up.
type Release struct {
	Holder
	// Left names what may still run on the platform.
	Left []string
}

// Seen: the workflow that has the lock is open.
type Seen struct{ Holder }

// Gone: the workflow that has the lock has closed without giving it back.
type Gone struct {
	Holder
	Left []string
}

// Unreachable: an answer could not be delivered, because the workflow is not open.
type Unreachable struct{ Holder }

// Next takes in what has happened, and returns what is to be sent.
func (s *State) Next(now time.Time, events ...Event) (replies []Reply) {
	for _, event := range events {
		event.apply(s)
	}
	for i := range s.Queue {
		first, place := &s.Queue[0], &s.Queue[i]
		switch {
		case i == 0 && (place.Asked || place.Shown == nil || !place.Shown.Is(place.Holder)):
			if place.Shown == nil || !place.Shown.Is(place.Holder) { // it comes next
				place.Since, place.Left, s.Left, s.Unsure = now, s.Left, nil, false
			}
			replies = append(replies, Reply{place.Holder, Answer{Held: true, Left: place.Left}})
		case i > 0 && !s.Unsure && (place.Asked || i <= maxShown && !place.Shown.Is(first.Holder)):
			by := first.Holder
			replies = append(replies, Reply{place.Holder, Answer{By: &by, Ahead: i}})
		default:
			continue
		}
		shown := first.Holder
		place.Asked, place.Shown = false, &shown
	}
	return replies
}

// Holder returns who has the lock, if anyone has.
func (s *State) Holder() (holder Holder, any bool) {
	if len(s.Queue) == 0 {
		return Holder{}, false
	}
	return s.Queue[0].Holder, true
}

// Contended reports whether somebody waits.
func (s *State) Contended() bool { return len(s.Queue) > 1 }

// Idle reports whether there is nothing to remember.
func (s *State) Idle() bool { return len(s.Queue)+len(s.Left) == 0 }

func (e Ask) apply(s *State) {
	at := slices.IndexFunc(s.Queue, func(place Place) bool { return place.Is(e.Holder) })
	if at < 0 {
		at = len(s.Queue)
		s.Queue = append(s.Queue, Place{Holder: e.Holder})
	}
	s.Queue[at].Asked = true
	s.Unsure = s.Unsure || at > 0
}

func (e Release) apply(s *State) {
	s.remove(func(place Place) bool { return place.Is(e.Holder) }, e.Left)
}

func (e Seen) apply(s *State) {
	if first, any := s.Holder(); any && first.SameChain(e.Holder) {
		s.Unsure = false
	}
}

func (e Gone) apply(s *State) {
	s.remove(func(place Place) bool { return place.SameChain(e.Holder) }, e.Left)
}

func (e Unreachable) apply(s *State) {
	var left []string
	if len(s.Queue) > 0 {
		left = s.Queue[0].Left // which it has not seen
	}
	s.remove(func(place Place) bool { return place.SameChain(e.Holder) }, left)
}

// remove takes some out of the queue. What is left, by the one that had the lock, is for the next.
func (s *State) remove(gone func(Place) bool, left []string) {
	if len(s.Queue) > 0 && gone(s.Queue[0]) {
		s.Left = append(s.Left, left[:min(len(left), maxLeft)]...)
		s.Left = s.Left[:min(len(s.Left), maxLeft)]
	}
	s.Queue = slices.DeleteFunc(s.Queue, gone)
}
