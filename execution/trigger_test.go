package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARunCancelledBeforeItTriggersTriggersNothing(t *testing.T) {
	t.Parallel()
	refusedForItsToken, notSent := sent(), sent()
	refusedForItsToken.Next(after(time.Second), &Cancelled{})
	notSent.Next(after(time.Second), &Sent{ErrorType: ErrorTriggerNotSent, Message: "no connection"})
	for name, test := range map[string]struct {
		state  *State
		events []Event
	}{
		"before its first task":                      {New(planRules(), start), []Event{&Cancelled{}}},
		"while its trigger is refused for its token": {refusedForItsToken, []Event{&Sent{ErrorType: ErrorPlatformAuth, TokenRejected: true}}},
		"together with that refusal":                 {sent(), []Event{&Cancelled{}, &Sent{ErrorType: ErrorPlatformAuth, TokenRejected: true}}},
		"while it waits to trigger again":            {notSent, []Event{&Cancelled{}}},
		"together with a retrigger":                  {inDoubt(), []Event{&Resolve{ID: 1, What: ActionRetrigger}, &Cancelled{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, only[Send](test.state.Next(after(time.Hour), test.events...)))
			require.True(t, test.state.Over)
			require.True(t, test.state.Failure.Cancelled)
		})
	}
}

func TestACancelledRunRecallsItsTriggerAndWaitsForItsOutcome(t *testing.T) {
	t.Parallel()
	s := sent()
	require.Len(t, only[Recall](s.Next(after(time.Second), &Cancelled{})), 1)
	require.False(t, s.Over)
	require.Empty(t, only[Recall](s.Next(after(2*time.Second), &Cancelled{})), "once")
	s.Next(after(3*time.Second), &Sent{Key: key(1), InstanceID: "in1", At: after(time.Second)})
	require.True(t, s.Failure.Cancelled)
	require.Equal(t, "in1", s.Status.InstanceID, "whoever reads the failure learns what runs")
}

func TestTheEndOfTheActivityTellsTheOutcomeOfTheTrigger(t *testing.T) {
	t.Parallel()
	intent := &Intent{OnItsWayUntil: after(time.Minute)}
	for name, test := range map[string]struct {
		end     Sent
		outcome Outcome
		phase   Phase
	}{
		"an answer":                      {Sent{InstanceID: "in1", At: start}, Triggered, PhaseWaiting},
		"an answer without an instance":  {Sent{At: start}, Unknown, PhaseUnknown},
		"a refusal":                      {Sent{ErrorType: ErrorTriggerRejected, Intent: intent}, Rejected, PhaseEnded},
		"wrong input":                    {Sent{ErrorType: ErrorInvalidInput}, Rejected, PhaseEnded},
		"refused credentials":            {Sent{ErrorType: ErrorPlatformAuth}, Rejected, PhaseEnded},
		"a refused token":                {Sent{ErrorType: ErrorPlatformAuth, TokenRejected: true}, Rejected, PhaseTriggering},
		"nothing sent":                   {Sent{ErrorType: ErrorTriggerNotSent, Intent: intent}, NotSent, PhaseTriggering},
		"a worker lost before it":        {Sent{ErrorType: ErrorLost}, NotSent, PhaseTriggering},
		"a worker lost after its intent": {Sent{ErrorType: ErrorLost, Intent: intent}, Unknown, PhaseUnknown},
		"a broken answer":                {Sent{ErrorType: ErrorTriggerOutcomeUnknown, Intent: intent}, Unknown, PhaseUnknown},
		"something unheard of":           {Sent{ErrorType: "Surprise"}, Unknown, PhaseUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sent()
			s.Next(after(time.Second), &test.end)
			require.Equal(t, test.outcome, s.Triggers[0].Outcome)
			require.Equal(t, test.phase, s.Status.Phase)
		})
	}
}

func TestATriggerThatWasNotSentIsSentAgainUnderItsNumberAtGrowingIntervals(t *testing.T) {
	t.Parallel()
	s, now := sent(), start
	for _, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		s.Next(now, &Sent{ErrorType: ErrorTriggerNotSent, Message: "no connection"})
		require.Equal(t, "no connection", s.Status.Reason)
		require.Equal(t, now.Add(pause*time.Second), s.Wake())
		require.Empty(t, only[Send](s.Next(now.Add(pause*time.Second-1))))
		now = now.Add(pause * time.Second)
		require.Equal(t, 1, only[Send](s.Next(now))[0].Number)
	}
	require.Len(t, s.Triggers, 1)
}

func TestNothingIsSentOnceTheRunsTimeIsUp(t *testing.T) {
	t.Parallel()
	s := sent()
	s.Next(after(time.Hour), &Sent{ErrorType: ErrorTriggerNotSent, Message: "no connection"})
	require.Empty(t, only[Send](s.Next(after(24*time.Hour))), "no worker was there until then")
	require.Equal(t, ErrorTriggerNotSent, s.Failure.Type)
	require.Contains(t, s.Failure.Message, "no connection")

	s = sent(afterReset)
	s.Next(after(time.Hour), &Sent{ErrorType: ErrorTriggerNotSent, Message: "no connection"})
	s.Next(after(24 * time.Hour))
	require.Equal(t, ErrorTriggerOutcomeUnknown, s.Failure.Type)
	require.Contains(t, s.Failure.Message, "an earlier run may have sent it before the reset")
}

func TestARefusedTokenIsWorthOneMoreTriggerUnderANumberOfItsOwn(t *testing.T) {
	t.Parallel()
	refused := &Sent{ErrorType: ErrorPlatformAuth, Message: "token expired", TokenRejected: true}
	s := sent()
	require.Equal(t, 2, only[Send](s.Next(after(time.Second), refused))[0].Number)
	s.Next(after(2*time.Second), refused)
	require.Equal(t, ErrorPlatformAuth, s.Failure.Type)
}

func TestARunWaitsForAModelThatIsBusyUnlessItShallFail(t *testing.T) {
	t.Parallel()
	busy := &Sent{ErrorType: ErrorTriggerNotSent, Message: "the model is busy", Busy: true}
	model := func(rules *Rules) { rules.Target, rules.Preflight = Model, true }
	s := sent(model)
	s.Next(after(time.Second), busy)
	require.Equal(t, PhaseBusy, s.Status.Phase)
	require.True(t, only[Send](s.Next(after(2 * time.Second)))[0].Checked, "the inputs are")
	require.Equal(t, PhaseTriggering, s.Status.Phase)

	s = sent(model, func(rules *Rules) { rules.FailOnBusy = true })
	s.Next(after(time.Second), busy)
	require.Equal(t, ErrorTriggerRejected, s.Failure.Type)
}

func TestARunInDoubtWaitsForItsDeadlineUnlessItShallFail(t *testing.T) {
	t.Parallel()
	s := inDoubt()
	require.Equal(t, after(24*time.Hour), s.Wake())
	s.Next(after(24*time.Hour - 1))
	require.False(t, s.Over)
	s.Next(after(24 * time.Hour))
	require.Equal(t, &Failure{Type: ErrorTriggerOutcomeUnknown, Message: "the worker died", Phase: PhaseUnknown}, s.Failure)

	s = inDoubt(func(rules *Rules) { rules.FailOnUnknown = true })
	require.Equal(t, ErrorTriggerOutcomeUnknown, s.Failure.Type)
}

func TestAWorkerThatDiesAfterItsIntentDoesNotTakeAlongWhatItKnew(t *testing.T) {
	t.Parallel()
	s := sent()
	end := lostAfterIntent(after(time.Minute))
	end.Indexed, end.Registers = true, true
	require.Len(t, only[Index](s.Next(after(10*time.Second), end)), 1)
	require.Equal(t, string(PhaseUnknown), s.Urgency())
	commands := s.Next(after(time.Minute), &Resolve{ID: 1, What: ActionAdopt, InstanceID: "in1"})
	require.Equal(t, []Register{{InstanceID: "in1", Until: after(24 * time.Hour)}}, only[Register](commands))
}

func TestTheAnswerOfAnAsynchronousTriggerEndsNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sync       bool
		word       string
		phase      Phase
		status     string
		observedBy string
	}{
		"synchronous":               {true, "FINISH", PhaseFetching, StatusSuccess, ObservedByPoll},
		"asynchronous":              {false, "FINISH", PhaseWaiting, "", ""},
		"asynchronous, and failed":  {false, "FAIL", PhaseWaiting, "", ""},
		"asynchronous, and running": {false, "running", PhaseWaiting, "RUNNING", ""},
		"synchronous, and running":  {true, "RUNNING", PhaseWaiting, "RUNNING", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sent(func(rules *Rules) { rules.Target, rules.Sync = Model, test.sync })
			s.Next(after(time.Second), &Sent{Key: key(1), InstanceID: "in1", Status: test.word, At: start})
			require.Equal(t, test.phase, s.Status.Phase)
			require.Equal(t, test.status, s.Status.Status)
			require.Equal(t, test.observedBy, s.Status.ObservedBy)
		})
	}
}
