package execution

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What the update "resolveTrigger" can do with a trigger whose outcome nobody knows.
const (
	// ActionAdopt names the instance that the trigger started.
	ActionAdopt = "adopt"
	// ActionRetrigger sends a fresh trigger: the operator has made sure that the first did not run.
	ActionRetrigger = "retrigger"
	// ActionAbort ends the run as TriggerOutcomeUnknown.
	ActionAbort = "abort"
)

// Resolve is what an operator does to an execution: the update "resolveTrigger", with What, or "resolveRun", with
// Status. Its answer is the Reply with its ID.
type Resolve struct {
	ID int
	// What is adopt, retrigger or abort; empty where an operator says how the instance ended.
	What       string
	InstanceID string
	// Status is SUCCESS or FAIL.
	Status string
	// Step, By, Comment and Subject are for the record.
	Step, By, Comment, Subject string
}

func (*Resolve) rank() int { return rankAction }

// Refuse says why an action makes no sense now, nil if it does. It changes nothing.
func (s *State) Refuse(a *Resolve, now time.Time) error {
	if a.What == "" {
		return s.refuseEnd(a)
	}
	doubt := s.phase() == PhaseUnknown && !s.GivenUp
	switch {
	case a.What != ActionAdopt && a.What != ActionRetrigger && a.What != ActionAbort:
		return fmt.Errorf("action must be %q, %q or %q, got %q", ActionAdopt, ActionRetrigger, ActionAbort, a.What)
	case a.What == ActionAdopt && strings.TrimSpace(a.InstanceID) == "":
		return errors.New("adopt needs the instanceId that the platform shows")
	case a.What != ActionAdopt && a.InstanceID != "":
		return fmt.Errorf("%s takes no instanceId; did you mean adopt?", a.What)
	case s.Cancelled:
		return fmt.Errorf("the run of %s has been cancelled", s.Rules.Name)
	case a.What == ActionAdopt && s.adoptedOnly():
		return nil // the first one was mistyped
	case !doubt:
		return fmt.Errorf("the trigger of %s is not in doubt: the run is %s", s.Rules.Name, s.stands())
	case a.What == ActionAdopt && s.Rules.Target == Scene:
		return errors.New("a scene has no instance to adopt; use retrigger or abort")
	case a.What == ActionRetrigger && !now.Before(s.Status.Deadline):
		return fmt.Errorf("the run of %s had until %s", s.Rules.Name, s.Status.Deadline.UTC().Format(time.RFC3339))
	case a.What == ActionRetrigger && now.Before(s.onItsWayUntil()):
		return fmt.Errorf("%s; look on the platform again after that time", s.onItsWay())
	}
	return nil
}

// adoptedOnly tells whether the run has nothing but an operator's word for which instance is its own.
func (s *State) adoptedOnly() bool {
	t := s.leading()
	return t != nil && t.Evidence == Adopted && t.FinishedAt.IsZero() && !s.Over
}

func (s *State) refuseEnd(a *Resolve) error {
	switch {
	case a.Status != StatusSuccess && a.Status != StatusFail:
		return fmt.Errorf("status must be %q or %q, got %q", StatusSuccess, StatusFail, a.Status)
	case s.phase() == PhaseUnknown:
		return fmt.Errorf("the instance of %s is not known; name it first by resolveTrigger with adopt", s.Rules.Name)
	case s.Cancelled && !s.Over:
		return fmt.Errorf("the run of %s has been cancelled", s.Rules.Name)
	case s.repairable(a.Status):
		return nil
	case s.phase() != PhaseWaiting || s.ended() || s.Rules.Target == Scene:
		return fmt.Errorf("%s does not wait for an end: the run is %s", s.Rules.Name, s.stands())
	}
	return nil
}

// repairable tells whether an operator's word counts although the run is over: it gave up waiting, or the instance
// failed and was repaired on the platform, or succeeded and its outputs were not read.
func (s *State) repairable(status string) bool {
	if !s.Over || !s.Rules.Repairable || s.Status.InstanceID == "" {
		return false
	}
	return !s.ended() || status == StatusSuccess && (s.Status.Status == StatusFail || s.Unread != nil)
}

func (s *State) stands() string {
	if s.Status.InstanceID == "" {
		return string(s.phase())
	}
	return fmt.Sprintf("%s, instance %s", s.phase(), s.Status.InstanceID)
}

func (a *Resolve) apply(s *State, now time.Time) {
	if err := s.Refuse(a, now); err != nil {
		s.do(Reply{ID: a.ID, Refusal: err.Error()})
		return
	}
	name := "resolveRun " + a.Status
	t := s.leading()
	switch a.What {
	case ActionAdopt:
		name = "resolveTrigger " + a.What
		id := strings.TrimSpace(a.InstanceID)
		if t.InstanceID != "" && t.InstanceID != id {
			s.note(now, fmt.Sprintf("instance %s was adopted first; look at it on the platform", t.InstanceID))
			t.InstanceID, t.Status = "", ""
		}
		s.learn(t, id, Adopted, now)
		for i := range s.Triggers { // what is known of it already, under the key of another trigger
			if other := &s.Triggers[i]; other != t && other.InstanceID == id && other.Status != "" {
				t.Status, t.ObservedBy, t.FinishedAt = other.Status, other.ObservedBy, other.FinishedAt
			}
		}
		s.Silent = now
	case ActionRetrigger:
		name = "resolveTrigger " + a.What
		s.Wanted, s.Renewed, s.SendAt, s.Pause, s.Status.Reason = true, false, now, firstPause, ""
	case ActionAbort:
		name = "resolveTrigger " + a.What
		s.GivenUp = true
	default:
		s.Over, s.Failure, s.Unread, s.Fetching, s.Fetched = false, nil, nil, false, false
		t.finish(a.Status, ObservedByOperator, now)
	}
	s.Status.Actions = append(s.Status.Actions, Action{At: now, Step: a.Step, Name: name, By: a.By, Comment: a.Comment, Subject: a.Subject})
	s.do(Reply{ID: a.ID})
}

// MayRun tells whether the platform runs an instance of it, or may.
func (s *State) MayRun() bool {
	t := s.leading()
	return t != nil && t.FinishedAt.IsZero()
}

// Leaves reports whether an instance of any of the execution's triggers may go on, that of an earlier one in doubt too.
func (s *State) Leaves() bool {
	return slices.ContainsFunc(s.Triggers, func(t Trigger) bool { return t.mayHaveRun() && t.FinishedAt.IsZero() })
}

// Adopt begins with an instance that was triggered before: nothing is sent. From is the workflow that triggered it, where
// that is another: the platform calls that one's address.
func (s *State) Adopt(instanceID, from string, now time.Time) {
	s.Wanted, s.Silent, s.From = false, now, from
	s.Triggers = []Trigger{{Outcome: Triggered}}
	s.learn(&s.Triggers[0], instanceID, Adopted, now)
	s.refresh()
	s.Status.Phase = s.phase()
}
