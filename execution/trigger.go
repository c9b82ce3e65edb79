package execution

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Outcome is what is known of a trigger.
type Outcome string

// The outcomes of a trigger. Only the last two leave an effect possible.
const (
	Pending   Outcome = "pending" // its activity runs
	Rejected  Outcome = "rejected"
	NotSent   Outcome = "not sent"
	Triggered Outcome = "triggered"
	Unknown   Outcome = "unknown"
)

// Trigger is a request to run the target, with what is known of its instance.
type Trigger struct {
	// Key is what its callbacks are addressed by.
	Key     string
	Outcome Outcome
	// OnItsWayUntil is how long an unknown request may still be on its way to the platform.
	OnItsWayUntil time.Time

	InstanceID  string
	Evidence    Evidence
	TriggeredAt time.Time // zero while it is not known to have run
	// Status is the platform's last word on the instance; FinishedAt is zero until it has ended.
	Status, ObservedBy string
	FinishedAt         time.Time
}

func (t *Trigger) mayHaveRun() bool { return t.Outcome != Rejected && t.Outcome != NotSent }

// leading returns the trigger whose instance is the run's own: the newest that may have run, nil if there is none.
func (s *State) leading() *Trigger {
	for i := len(s.Triggers) - 1; i >= 0; i-- {
		if s.Triggers[i].mayHaveRun() {
			return &s.Triggers[i]
		}
	}
	return nil
}

const (
	// Between triggers that were provably not sent.
	firstPause = time.Second
	lastPause  = time.Minute
)

// spaced returns the pause before something is tried again: the least one at first, and then so that what is tried
// for days does not fill the history.
func spaced(least, waited time.Duration) time.Duration { return max(least, waited/50) }

// send sends the trigger once it is time. One that never left is sent again under its own number; one that has
// reached the platform never is, so that whoever calls back says which request it was.
func (s *State) send(now time.Time) {
	switch {
	case !now.Before(s.Status.Deadline):
		s.tooLate()
		return
	case s.Held || now.Before(s.SendAt):
		return
	}
	if n := len(s.Triggers); n == 0 || s.Triggers[n-1].Outcome != NotSent {
		s.Triggers = append(s.Triggers, Trigger{Key: s.Rules.key(n + 1)})
	}
	number := len(s.Triggers)
	s.Triggers[number-1].Outcome = Pending
	s.Sending, s.Recalled, s.Busy = true, false, false
	s.Status.Triggers++
	s.do(Send{
		Number: number, Preflight: s.Rules.Preflight, Checked: s.Checked,
		Within: max(s.Status.Deadline.Sub(now), time.Second),
	})
}

// tooLate ends a run whose time was up before its trigger could be sent.
func (s *State) tooLate() {
	errorType, message := ErrorTriggerNotSent, fmt.Sprintf("%s was not triggered within %s", s.Rules.Name, s.Rules.Timeout)
	if s.Status.Reason != "" {
		message += ": " + s.Status.Reason
	}
	if s.Rules.Reset { // nobody has looked
		errorType, message = ErrorTriggerOutcomeUnknown, message+"; "+mayBeOfEarlierRun
	}
	s.fail(errorType, message)
}

const mayBeOfEarlierRun = "an earlier run may have sent it before the reset"

// outcome tells what the end of the activity shows. The intent is recorded before anything is written, so without
// one nothing was sent.
func (e *Sent) outcome(target Target) Outcome {
	switch e.ErrorType {
	case "":
		if e.InstanceID == "" && target != Scene {
			return Unknown
		}
		return Triggered
	case ErrorInvalidInput, ErrorTriggerRejected, ErrorPlatformAuth:
		return Rejected
	case ErrorTriggerNotSent:
		return NotSent
	case ErrorLost:
		if e.Intent == nil {
			return NotSent
		}
	}
	return Unknown
}

func (e *Sent) apply(s *State, now time.Time) {
	if !s.Sending {
		return
	}
	s.Sending = false
	s.Indexed, s.Registers = s.Indexed || e.Indexed, s.Registers || e.Registers
	t := &s.Triggers[slices.IndexFunc(s.Triggers, func(t Trigger) bool { return t.Outcome == Pending })]
	t.Key = cmp.Or(e.Key, t.Key)
	outcome := e.outcome(s.Rules.Target)
	if !t.TriggeredAt.IsZero() && outcome != Triggered {
		outcome = Unknown // it has called back, which says more
	}
	s.Status.Reason = e.Message
	if outcome == NotSent && s.Rules.Reset && !now.Add(s.Pause).Before(s.Status.Deadline) {
		outcome = Unknown // nobody can look any more
		s.Status.Reason += "; " + mayBeOfEarlierRun
	}
	t.Outcome = outcome
	s.count("dpaflow_triggers", "outcome", cmp.Or(typeOf(outcome, e), "Triggered"))
	switch outcome {
	case Triggered:
		s.accept(t, e, now)
	case Unknown:
		s.lose(t, e, now)
	case NotSent:
		s.postpone(e, now)
	case Rejected:
		s.refuse(e, now)
	}
}

// typeOf is the contract's error type for an outcome.
func typeOf(outcome Outcome, e *Sent) string {
	switch {
	case outcome == Unknown:
		return ErrorTriggerOutcomeUnknown
	case e.ErrorType == ErrorLost:
		return ErrorTriggerNotSent
	}
	return e.ErrorType
}

// accept takes over what the answer says. A status in it ends only what the platform was asked to wait for.
func (s *State) accept(t *Trigger, e *Sent, now time.Time) {
	s.Wanted, s.Status.Reason = false, ""
	s.Silent, s.PlatformTime = now, e.PlatformTime
	if !s.learn(t, e.InstanceID, Answered, e.At) {
		s.note(now, fmt.Sprintf("the trigger's answer names instance %s, and %s named %s, which counts; look at both on the platform",
			e.InstanceID, sources[t.Evidence], t.InstanceID))
		return
	}
	status, ended := s.Rules.end(e.Status)
	switch {
	case !t.FinishedAt.IsZero() && ended && s.Rules.Sync && status != t.Status:
		s.count("dpaflow_contradictions")
		s.note(now, fmt.Sprintf("the trigger's answer says %s after the end %s; the first end stands", status, t.Status))
	case !t.FinishedAt.IsZero() || status == "":
	case ended && s.Rules.Sync:
		t.finish(status, ObservedByPoll, now)
	case progress(status):
		t.Status = cmp.Or(t.Status, status)
	default:
		s.Status.Hint = "the trigger's answer says " + status
	}
}

// lose notes that nobody can know whether the trigger ran.
func (s *State) lose(t *Trigger, e *Sent, now time.Time) {
	s.Wanted = false
	t.OnItsWayUntil = now.Add(Attempt)
	if e.Intent != nil && !e.Intent.OnItsWayUntil.IsZero() {
		t.OnItsWayUntil = e.Intent.OnItsWayUntil
	}
	s.remember(e.Earlier, t.OnItsWayUntil)
	s.Silent = now
	if !s.Rules.FailOnUnknown && s.leading().TriggeredAt.IsZero() {
		s.count("dpaflow_runs_unknown")
		s.do(Log{Text: "nobody can know whether the trigger ran; a callback or an operator settles it"})
	}
}

// postpone has a trigger that was not sent sent again, while there is time.
func (s *State) postpone(e *Sent, now time.Time) {
	s.Busy, s.Frozen = e.Busy, e.Frozen
	s.Checked = s.Checked || e.Busy // or it would not have got as far as that
	s.SendAt = now.Add(s.Pause)
	s.Pause = min(2*s.Pause, spaced(lastPause, now.Sub(s.Status.StartedAt)))
	switch {
	case e.Busy && s.Rules.FailOnBusy:
		s.give(ErrorTriggerRejected, e.Message)
	case !s.SendAt.Before(s.Status.Deadline):
		s.give(ErrorTriggerNotSent, e.Message)
	}
}

// refuse ends what the platform, or the worker, refuses for good. A refused token is worth one more try.
func (s *State) refuse(e *Sent, now time.Time) {
	if e.ErrorType == ErrorPlatformAuth && e.TokenRejected && !s.Renewed {
		s.Renewed, s.SendAt = true, now
		return
	}
	s.give(e.ErrorType, e.Message)
}

// give gives up triggering.
func (s *State) give(errorType, message string) {
	s.Wanted, s.Refused = false, &Failure{Type: errorType, Message: message}
}

// doubt waits for evidence or an operator, where the run shall wait.
func (s *State) doubt(now time.Time) {
	if s.Rules.FailOnUnknown || !now.Before(s.Status.Deadline) {
		s.fail(ErrorTriggerOutcomeUnknown, s.Status.Reason)
	}
}

// onItsWayUntil is how long any request of this execution may still be on its way.
func (s *State) onItsWayUntil() (latest time.Time) {
	for i := range s.Triggers {
		if until := s.Triggers[i].OnItsWayUntil; s.Triggers[i].mayHaveRun() && until.After(latest) {
			latest = until
		}
	}
	return latest
}

func (s *State) onItsWay() string {
	return fmt.Sprintf("the request may still be on its way until %s", s.onItsWayUntil().UTC().Format(time.RFC3339))
}
