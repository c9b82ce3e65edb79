package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func afterReset(rules *Rules) { rules.Reset = true }

func TestARunThatWasResetDoesNotClaimAtItsDeadlineThatNothingRuns(t *testing.T) {
	t.Parallel()
	lost := func() *Sent { return &Sent{ErrorType: ErrorLost, Message: "no worker took it in time"} }

	s := sent()
	s.Next(after(24*time.Hour), lost())
	require.Equal(t, ErrorTriggerNotSent, s.Failure.Type, "without a reset there was no other worker")

	s = sent(afterReset)
	s.Next(after(24*time.Hour), lost())
	require.Equal(t, ErrorTriggerOutcomeUnknown, s.Failure.Type)
	require.Contains(t, s.Failure.Message, "an earlier run may have sent it before the reset")
}

func TestACallbackOfATriggerThatAResetForgotFindsTheRun(t *testing.T) {
	t.Parallel()
	s := inDoubt(afterReset)
	require.Contains(t, s.Addresses(), key(2))
	commands := s.Next(after(time.Minute), &Resolve{ID: 1, What: ActionRetrigger}, &Callback{Address: key(2), InstanceID: "in2", Status: "RUNNING"})
	require.Empty(t, only[Send](commands))
	require.NotEmpty(t, only[Reply](commands)[0].Refusal)
	require.Equal(t, "in2", s.Status.InstanceID)
	require.Equal(t, PhaseWaiting, s.Status.Phase)

	require.NotContains(t, inDoubt().Addresses(), key(2))
}

func TestACallbackOfAForgottenTriggerIsNotedOnceTheRunHasItsEnd(t *testing.T) {
	t.Parallel()
	s := inDoubt(afterReset)
	s.Next(after(time.Minute), &Callback{Address: key(1), InstanceID: "in1", Status: "SUCCESS"})
	s.Next(after(time.Minute), &Callback{Address: key(2), InstanceID: "in2", Status: "RUNNING"})
	require.Equal(t, "in1", s.Status.InstanceID)
	require.Equal(t, PhaseFetching, s.Status.Phase)
	requireNote(t, s, "a callback says RUNNING of instance in2, which an earlier run triggered before the reset")
}

func TestACallbackOfATriggerThatOnlyAnEarlierRunSentDoesNotUndoAnEnd(t *testing.T) {
	t.Parallel()
	s := inDoubt(afterReset)
	s.Next(after(time.Minute), &Resolve{ID: 1, What: ActionRetrigger})
	s.Next(after(time.Minute), &Callback{Address: key(1), InstanceID: "in1", Status: "SUCCESS"})
	s.Next(after(time.Minute), &Sent{ErrorType: ErrorLost, Message: "the worker died"})
	require.Equal(t, PhaseFetching, s.Status.Phase)
	s.Next(after(time.Minute), &Callback{Address: key(2), InstanceID: "in2", Status: "RUNNING"})
	require.Equal(t, "in1", s.Status.InstanceID)
	require.Equal(t, PhaseFetching, s.Status.Phase)
	requireNote(t, s, "a callback says RUNNING of instance in2")
}

func TestACallbackThatNamesNoInstanceDoesNotUseUpANumber(t *testing.T) {
	t.Parallel()
	s := inDoubt(afterReset)
	s.Next(after(time.Minute), &Callback{Address: key(2), Status: "RUNNING"}, &Resolve{ID: 1, What: ActionRetrigger})
	require.Len(t, s.Triggers, 2, "the activity of the second looks whether it was sent before")
	require.True(t, s.Sending)
}

func TestACallbackOfAForgottenTriggerLeavesTheOneThatIsBeingSentItsOutcome(t *testing.T) {
	t.Parallel()
	s := sent(afterReset)
	s.Next(after(time.Second), &Callback{Address: key(2), InstanceID: "in2", Status: "RUNNING"})
	require.Equal(t, "in2", s.Status.InstanceID)
	s.Next(after(2*time.Second), &Sent{Key: key(1), ErrorType: ErrorTriggerNotSent, Message: "no token"})
	require.Equal(t, NotSent, s.Triggers[0].Outcome)
	require.Equal(t, Unknown, s.Triggers[1].Outcome)
	require.Equal(t, PhaseWaiting, s.Status.Phase)
	require.Empty(t, only[Send](s.Next(after(time.Hour))))
}

func TestASceneThatCallsBackWhileItIsRegisteredIsRegistered(t *testing.T) {
	t.Parallel()
	for outcome, end := range map[string]*Sent{
		"answered": {Key: "k", At: start}, "lost": lostAfterIntent(after(time.Minute)), "rejected": {ErrorType: ErrorTriggerRejected},
	} {
		t.Run(outcome, func(t *testing.T) {
			t.Parallel()
			s := sent(func(rules *Rules) { rules.Target = Scene })
			s.Next(after(time.Second), &Callback{Address: s.Triggers[0].Key})
			s.Next(after(2*time.Second), end)
			require.True(t, s.Over)
			require.Nil(t, s.Failure)
		})
	}
}

func TestARunThatIsResetAndCancelledBeforeAnybodyLookedIsInDoubt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before []Event
		want   Phase
	}{
		"before its trigger":                      {nil, PhaseUnknown},
		"while its trigger waits for a worker":    {[]Event{&Sent{ErrorType: ErrorLost}}, PhaseUnknown},
		"while the earlier run cannot be read":    {[]Event{&Sent{ErrorType: ErrorTriggerNotSent}}, PhaseUnknown},
		"after its trigger was refused for good":  {[]Event{&Sent{ErrorType: ErrorTriggerRejected}}, PhaseTriggering},
		"after its trigger named an instance":     {[]Event{&Sent{Key: key(1), InstanceID: "in1", At: start}}, PhaseWaiting},
		"after what an earlier run did was found": {[]Event{&Sent{ErrorType: ErrorTriggerOutcomeUnknown}}, PhaseUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := New(planRules(afterReset), start)
			if test.before != nil {
				s.Next(start)
			}
			s.Next(after(time.Second), append(test.before, &Cancelled{})...)
			require.True(t, s.Over)
			require.True(t, s.Failure.Cancelled)
			require.Equal(t, test.want, s.Failure.Phase)
		})
	}
}
