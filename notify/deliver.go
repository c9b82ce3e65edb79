package notify

import (
	"encoding/json"
	"slices"
	"time"
)

// Pending is an event that is to be sent.
type Pending struct {
	ID   string          `json:"id"`
	Type string          `json:"type"`
	Body json.RawMessage `json:"body"`
	// At is when it was noticed.
	At time.Time `json:"at"`
	// Refusals counts the answers that refused this event; Next is when it is sent again.
	Refusals int       `json:"refusals,omitempty"`
	Next     time.Time `json:"next,omitzero"`
}

// Outcome is what became of an attempt to send an event.
type Outcome string

const (
	// Sent: the receiver has it.
	Sent Outcome = "sent"
	// Refused: the receiver answers, and does not want this event.
	Refused Outcome = "refused"
	// Unreached: the receiver does not answer, or says that it cannot take anything now.
	Unreached Outcome = "unreached"
	// GivenUp: the receiver has refused the event for a day.
	GivenUp Outcome = "given_up"
)

const (
	firstPause   = 5 * time.Second
	longestPause = 5 * time.Minute
	giveUpAfter  = 24 * time.Hour
)

// Due returns the event that is to be sent now; nil if none is.
func (s *State) Due(now time.Time) *Pending {
	if now.Before(s.Quiet) {
		return nil
	}
	for i := range s.Pending {
		if !now.Before(s.Pending[i].Next) {
			return &s.Pending[i]
		}
	}
	return nil
}

// Take takes in what became of sending an event, and returns what that means: a refusal may be the last. A receiver that
// is not reached is left alone for longer each time, and nothing is given up for that; one that names a longer pause, by
// after, gets it.
func (s *State) Take(eventID string, outcome Outcome, after time.Duration, now time.Time) Outcome {
	i := slices.IndexFunc(s.Pending, func(p Pending) bool { return p.ID == eventID })
	if i < 0 {
		return outcome
	}
	if outcome == Unreached {
		s.Failures++
		s.Quiet = now.Add(max(pause(s.Failures), min(after, longestPause)))
		return outcome
	}
	s.Failures, s.Quiet = 0, time.Time{}
	if p := &s.Pending[i]; outcome == Refused {
		if now.Sub(p.At) < giveUpAfter || p.Refusals == 0 {
			p.Refusals++
			p.Next = now.Add(pause(p.Refusals))
			return outcome
		}
		outcome = GivenUp
	}
	s.Pending = slices.Delete(s.Pending, i, i+1)
	return outcome
}

func pause(attempt int) time.Duration {
	return min(firstPause<<min(attempt-1, 10), longestPause)
}

// Wake is when something may be due next; zero if nothing is pending.
func (s *State) Wake() (at time.Time) {
	for _, p := range s.Pending {
		if next := latest(p.Next, s.Quiet); at.IsZero() || next.Before(at) {
			at = next
		}
	}
	return at
}

// Oldest is when the oldest event was noticed that is still to be sent; zero if there is none.
func (s *State) Oldest() (at time.Time) {
	for _, p := range s.Pending {
		if at.IsZero() || p.At.Before(at) {
			at = p.At
		}
	}
	return at
}
