package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// refusals returns the answers to actions, in the order of their ids; empty ones accept.
func refusals(commands []Command, actions int) []string {
	answers := make([]string, actions)
	for _, reply := range only[Reply](commands) {
		answers[reply.ID-1] = reply.Refusal
	}
	return answers
}

func TestARetriggerThatTheTriggersOwnCallbackHasOvertakenIsRefused(t *testing.T) {
	t.Parallel()
	retrigger := &Resolve{ID: 1, What: ActionRetrigger}
	callback := &Callback{Address: key(1), InstanceID: "in1", Status: "RUNNING"}
	for name, events := range map[string][]Event{"callback first": {callback, retrigger}, "action first": {retrigger, callback}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := inDoubt()
			require.NoError(t, s.Refuse(retrigger, after(time.Minute)), "the validator lets it through")
			commands := s.Next(after(time.Minute), events...)
			require.Contains(t, refusals(commands, 1)[0], "is not in doubt: the run is WAITING, instance in1")
			require.Empty(t, only[Send](commands))
			require.Equal(t, "in1", s.Status.InstanceID)
		})
	}
}

func TestOfActionsThatExcludeEachOtherOnlyTheFirstIsAccepted(t *testing.T) {
	t.Parallel()
	actions := map[string]Resolve{
		"adopt": {What: ActionAdopt, InstanceID: "in1"}, "retrigger": {What: ActionRetrigger}, "abort": {What: ActionAbort},
	}
	for first, one := range actions {
		for second, other := range actions {
			t.Run(first+" then "+second, func(t *testing.T) {
				t.Parallel()
				one, other := one, other
				one.ID, other.ID = 1, 2
				s := inDoubt()
				commands := s.Next(after(time.Minute), &one, &other)
				answers := refusals(commands, 2)
				require.Empty(t, answers[0])
				require.Equal(t, first == "adopt" && second == "adopt", answers[1] == "", answers[1])
				require.Equal(t, first == "retrigger", len(only[Send](commands)) == 1)
				require.Equal(t, first == "abort", s.Over)
			})
		}
	}
}

func TestARetriggerIsRefusedWhileTheRequestMayBeOnItsWay(t *testing.T) {
	t.Parallel()
	s := inDoubt()
	retrigger := &Resolve{ID: 1, What: ActionRetrigger}
	require.ErrorContains(t, s.Refuse(retrigger, after(time.Minute-1)), "may still be on its way until 2026-01-01T08:01:00Z")
	require.Empty(t, only[Send](s.Next(after(time.Minute-1), retrigger)))
	commands := s.Next(after(time.Minute), retrigger)
	require.Empty(t, refusals(commands, 1)[0])
	require.Equal(t, 2, only[Send](commands)[0].Number)
}

func TestARetriggerIsRefusedOnceTheRunsTimeIsUp(t *testing.T) {
	t.Parallel()
	s := inDoubt()
	commands := s.Next(after(24*time.Hour), &Resolve{ID: 1, What: ActionRetrigger})
	require.Contains(t, refusals(commands, 1)[0], "had until 2026-01-02T08:00:00Z")
	require.Empty(t, only[Send](commands))
	require.Equal(t, ErrorTriggerOutcomeUnknown, s.Failure.Type)
}

func TestAMistypedAdoptIsCorrectedByTheNextOne(t *testing.T) {
	t.Parallel()
	s := inDoubt()
	s.Next(after(time.Minute), &Resolve{ID: 1, What: ActionAdopt, InstanceID: "in-wrong"})
	require.Equal(t, "in-wrong", s.Status.InstanceID)
	commands := s.Next(after(2*time.Minute), &Resolve{ID: 1, What: ActionAdopt, InstanceID: " in1 "})
	require.Empty(t, refusals(commands, 1)[0])
	require.Equal(t, "in1", s.Status.InstanceID)
	requireNote(t, s, "instance in-wrong was adopted first")
}

func TestActionsThatMakeNoSenseAreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	cancelled := waitingFor("in1")
	cancelled.Next(after(time.Minute), &Cancelled{})
	scene := sent(func(rules *Rules) { rules.Target = Scene })
	scene.Next(after(10*time.Second), lostAfterIntent(after(time.Minute)))
	for name, test := range map[string]struct {
		state  *State
		action Resolve
		reason string
	}{
		"an unknown action":            {inDoubt(), Resolve{What: "restart"}, `got "restart"`},
		"adopt without an instance":    {inDoubt(), Resolve{What: ActionAdopt, InstanceID: " "}, "needs the instanceId"},
		"abort with an instance":       {inDoubt(), Resolve{What: ActionAbort, InstanceID: "in1"}, "did you mean adopt?"},
		"adopt of a scene":             {scene, Resolve{What: ActionAdopt, InstanceID: "in1"}, "no instance to adopt"},
		"abort of a run that waits":    {waitingFor("in1"), Resolve{What: ActionAbort}, "is not in doubt: the run is WAITING, instance in1"},
		"adopt against an answer":      {waitingFor("in1"), Resolve{What: ActionAdopt, InstanceID: "in2"}, "is not in doubt"},
		"retrigger while it is sent":   {sent(), Resolve{What: ActionRetrigger}, "the run is TRIGGERING"},
		"abort of a cancelled run":     {cancelled, Resolve{What: ActionAbort}, "has been cancelled"},
		"an unknown end":               {waitingFor("in1"), Resolve{Status: "DONE"}, `got "DONE"`},
		"an end without its instance":  {inDoubt(), Resolve{Status: StatusSuccess}, "name it first by resolveTrigger with adopt"},
		"an end while it is triggered": {sent(), Resolve{Status: StatusSuccess}, "does not wait for an end: the run is TRIGGERING"},
		"an end of a run that is over": {cancelled, Resolve{Status: StatusSuccess}, "does not wait for an end: the run is ENDED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, test.state.Refuse(&test.action, after(time.Hour)), test.reason)
		})
	}
}

func TestAnAbortEndsARunInDoubt(t *testing.T) {
	t.Parallel()
	s := inDoubt()
	s.Next(after(time.Second), &Resolve{ID: 1, What: ActionAbort, By: "li", Comment: "nobody misses it"})
	require.Equal(t, &Failure{
		Type: ErrorTriggerOutcomeUnknown, Message: "an operator gave up this run: the worker died", Phase: PhaseUnknown,
	}, s.Failure)
	require.Equal(t, []Action{{At: after(time.Second), Name: "resolveTrigger abort", By: "li", Comment: "nobody misses it"}}, s.Status.Actions)
}

func TestAnOperatorSaysHowAnInstanceEnded(t *testing.T) {
	t.Parallel()
	s := waitingFor("in1")
	commands := s.Next(after(time.Minute), &Resolve{ID: 1, Status: StatusFail, By: "li"})
	require.Equal(t, []Fetch{{InstanceID: "in1"}}, only[Fetch](commands))
	require.Equal(t, ObservedByOperator, s.Status.ObservedBy)
	s.Next(after(time.Minute), &Fetched{ErrorType: ErrorPlatform, Err: "no connection"})
	require.True(t, s.Over)
	require.Nil(t, s.Failure)
	require.Equal(t, "no connection", s.OutputsError)
}

func TestAnInstanceThatWasRepairedOnThePlatformIsFetchedAgain(t *testing.T) {
	t.Parallel()
	repairable := func(rules *Rules) { rules.Repairable = true }
	failed := waitingFor("in1", repairable)
	failed.Next(after(time.Minute), &Callback{Address: key(1), InstanceID: "in1", Status: "FAIL"})
	failed.Next(after(time.Minute), &Fetched{})
	late := waitingFor("in1", repairable)
	late.Next(after(24 * time.Hour))
	for name, s := range map[string]*State{"failed": failed, "late": late} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.True(t, s.Over)
			commands := s.Next(after(25*time.Hour), &Resolve{ID: 1, Status: StatusSuccess})
			require.Empty(t, refusals(commands, 1)[0])
			require.Len(t, only[Fetch](commands), 1)
			s.Next(after(25*time.Hour), &Fetched{})
			require.True(t, s.Over)
			require.Nil(t, s.Failure)
			require.Equal(t, StatusSuccess, s.Status.Status)
			require.Error(t, s.Refuse(&Resolve{Status: StatusFail}, after(26*time.Hour)), "a success stays one")
		})
	}
}
