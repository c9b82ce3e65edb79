// Package execution decides what becomes of one execution on the platform: when its trigger is sent, what its
// outcome shows, which callback counts, when to poll, what an operator may do, and how it ends.
//
// It is pure. A caller hands everything that has arrived to State.Next and carries out the commands that come
// back; it needs to know nothing of Temporal or HTTP to be read, and every order of events can be tried.
package execution

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// State is all that is known of one execution. Its zero value is of no use: New makes one.
type State struct {
	Rules  Rules
	Status Status

	// Triggers are the requests to run the target that may have had an effect, and the one that is being sent.
	// There is more than one only where an operator, or an earlier run before a reset, has triggered again.
	Triggers []Trigger
	// Wanted is true while a trigger is still to be sent; Sending while its activity runs.
	Wanted, Sending bool
	// Held is true while whoever runs the execution holds what has not been sent.
	Held bool
	// SendAt is when the next trigger may be sent; Pause is how long to wait after the next one that was not.
	SendAt time.Time
	Pause  time.Duration
	// Renewed is true once a trigger was sent again because its token was refused.
	Renewed bool
	// Checked is true once the inputs were; Busy while the model is busy with another run, Frozen while the
	// worker's policy holds the trigger.
	Checked, Busy, Frozen bool
	// Indexed and Registers are facts of the deployment: the namespace has dpaflow's search attributes; callbacks
	// may come by the instance's id alone.
	Indexed, Registers bool
	// From is the workflow that triggered an adopted instance; empty where this one did.
	From string

	// Cancelled is true once the run's cancellation was taken in; Recalled once the trigger's activity was told.
	Cancelled, Recalled bool
	// GivenUp is true once an operator has given up a trigger in doubt.
	GivenUp bool
	// Refused is why the trigger can have no effect, nor be sent again.
	Refused *Failure
	// Silent is when the run last had a callback, or asked the platform; PlatformTime is when the trigger was
	// answered by the platform's clock, zero if not known.
	Silent, PlatformTime time.Time
	// Polling and Fetching are true while the platform is asked.
	Polling, Fetching bool
	// Shown and Urgent are the instance and the urgency that were last indexed, Registered the instance that was last
	// registered.
	Shown, Urgent, Registered string
	// Fetched is true once the outputs were read, or cannot be; Unread is why, where that is a failure.
	Fetched      bool
	Unread       *Failure
	OutputsError string
	// Failure is why the execution ended without an end of its instance.
	Failure *Failure
	Over    bool

	commands []Command
}

// New returns an execution that begins now and has triggered nothing yet.
func New(rules Rules, now time.Time) *State {
	return &State{
		Rules: rules, Wanted: true, SendAt: now, Pause: firstPause,
		Status: Status{
			PlanID: rules.planID(), ModelID: rules.modelID(),
			Phase: PhaseTriggering, StartedAt: now, Deadline: now.Add(rules.Timeout),
		},
	}
}

// Next takes in all that has arrived by now and returns what to do. The order in which events are given does not
// matter between their kinds: evidence comes first, then a cancellation, then operators' actions, then the time,
// and only then is anything sent. So an end that has been delivered cannot lose against a deadline, nor an
// instance that has called back be triggered again.
func (s *State) Next(now time.Time, events ...Event) []Command {
	s.commands = nil
	for _, event := range ordered(events) {
		event.apply(s, now)
		s.refresh()
	}
	s.decide(now)
	s.show(now)
	return s.commands
}

func (s *State) do(command Command) { s.commands = append(s.commands, command) }

// decide is the one place where something begins or ends.
func (s *State) decide(now time.Time) {
	switch {
	case s.Over:
	case s.Sending:
		if s.Cancelled && !s.Recalled { // only its outcome tells whether there is an instance
			s.Recalled = true
			s.do(Recall{})
		}
	case s.Cancelled:
		if s.Rules.Reset && s.Wanted && !s.known() && s.Refused == nil { // nobody has looked
			s.Wanted, s.Status.Reason = false, "the run was cancelled before anybody looked; "+mayBeOfEarlierRun
		}
		s.end(&Failure{Cancelled: true})
	case s.ended():
		s.fetch()
	case s.known():
		s.await(now)
	case s.GivenUp:
		s.fail(ErrorTriggerOutcomeUnknown, "an operator gave up this run: "+s.Status.Reason)
	case s.Refused != nil:
		s.end(s.Refused)
	case s.Wanted:
		s.send(now)
	default:
		s.doubt(now)
	}
}

// fetch reads the outputs, once.
func (s *State) fetch() {
	switch {
	case s.Fetched:
		s.end(s.Unread)
	case !s.Fetching:
		s.Fetching = true
		s.count("dpaflow_runs_ended", "status", s.Status.Status, "observed_by", s.Status.ObservedBy)
		s.do(Fetch{InstanceID: s.Status.InstanceID})
	}
}

func (s *State) end(failure *Failure) {
	if failure != nil {
		failure.Phase = s.phase()
	}
	s.Over, s.Failure = true, failure
}

func (s *State) fail(errorType, message string) { s.end(&Failure{Type: errorType, Message: message}) }

// show brings the status up to date, and what the run is found by. That costs an event, hence only a new instance
// and what needs a person are indexed.
func (s *State) show(now time.Time) {
	s.Status.Phase, s.Status.OnItsWayUntil = s.phase(), nil
	if s.Status.Phase == PhaseUnknown {
		until := s.onItsWayUntil()
		s.Status.OnItsWayUntil, s.Status.DoubtSince = &until, cmp.Or(s.Status.DoubtSince, &now)
	} else {
		s.Status.DoubtSince = nil
	}
	urgency := s.Urgency()
	found := s.known() && (s.Shown != s.Status.InstanceID || s.Urgent == "" || s.Urgent == string(PhaseFrozen))
	needed := s.Urgent != urgency && (urgency == string(PhaseUnknown) || urgency == string(PhaseFrozen) || urgency == Overdue)
	if s.Indexed && (found || needed) {
		s.Shown, s.Urgent = s.Status.InstanceID, cmp.Or(urgency, string(PhaseWaiting))
		s.do(Index{})
	}
}

// Urgency is the value of the search attribute DpaStatus that the execution asks for; empty for none.
func (s *State) Urgency() string {
	switch phase := s.phase(); {
	case phase == PhaseUnknown, phase == PhaseFrozen:
		return string(phase)
	case phase == PhaseWaiting && s.Status.Overdue:
		return Overdue
	case s.known():
		return string(PhaseWaiting)
	}
	return ""
}

func (s *State) phase() Phase {
	switch {
	case s.Over:
		return PhaseEnded
	case s.Fetching:
		return PhaseFetching
	case s.known():
		return PhaseWaiting
	case s.Wanted && s.Frozen:
		return PhaseFrozen
	case s.Wanted && s.Busy && !s.Sending:
		return PhaseBusy
	case s.Sending, s.Wanted, s.Refused != nil:
		return PhaseTriggering
	}
	return PhaseUnknown
}

// known tells whether the trigger is known to have run.
func (s *State) known() bool { return s.Status.TriggeredAt != nil }
func (s *State) ended() bool { return s.Status.FinishedAt != nil }

func (s *State) count(name string, labels ...string) {
	s.do(Count{Name: name, Labels: append([]string{"kind", s.Rules.Kind()}, labels...)})
}

// maxNotes bounds what a flood of odd callbacks can add to a run's memory and failure.
const maxNotes = 50

func (s *State) note(now time.Time, text string) {
	s.Status.Notes, s.commands = noted(s.Status.Notes, s.commands, now, text)
}

// noted adds a note, and the command to log it, once: a callback that comes again says nothing new.
func noted(notes []Note, commands []Command, now time.Time, text string) ([]Note, []Command) {
	if slices.ContainsFunc(notes, func(n Note) bool { return n.Text == text }) {
		return notes, commands
	}
	if len(notes) < maxNotes {
		notes = append(notes, Note{At: now, Text: text})
	}
	return notes, append(commands, Log{Text: text})
}

// normal is a word of the platform as it is compared: the platform is not consistent in case and spaces.
func normal(word string) string { return strings.ToUpper(strings.TrimSpace(word)) }
