package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnEndThatHasArrivedWinsOverTheDeadline(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*State{"waiting": waitingFor("in1"), "in doubt": inDoubt()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Both were stored before the deadline; no worker was there until after it.
			s.Next(after(25*time.Hour), callback(1, "in1", "RUNNING"), callback(1, "in1", "SUCCESS"))
			require.Equal(t, StatusSuccess, s.Status.Status)
			require.Equal(t, PhaseFetching, s.Status.Phase)
			s.Next(after(25*time.Hour), &Fetched{})
			require.Nil(t, s.Failure)
		})
	}
}

func TestARunGivesUpAtItsDeadlineAndNamesItsInstance(t *testing.T) {
	t.Parallel()
	s := waitingFor("in1")
	s.Next(after(24*time.Hour), callback(1, "in1", "RUNNING"))
	require.Equal(t, ErrorWaitTimeout, s.Failure.Type)
	require.Contains(t, s.Failure.Message, "no end of plan acf42dd3, instance in1, within 24h0m0s")
	require.Equal(t, PhaseWaiting, s.Failure.Phase)
	require.True(t, s.Wake().IsZero())
}

func TestThePlatformIsAskedAfterAWhileWithoutNews(t *testing.T) {
	t.Parallel()
	s := waitingFor("in1")
	require.Equal(t, after(10*time.Minute+time.Second), s.Wake())
	s.Next(after(5*time.Minute), callback(1, "in1", "RUNNING"))
	require.Empty(t, only[Poll](s.Next(after(15*time.Minute-1))))
	require.False(t, s.Status.Overdue)
}

func TestARunThatWasAskedForIsOverdueAndAskedForAgain(t *testing.T) {
	t.Parallel()
	s := waitingFor("in1")
	commands := s.Next(after(11 * time.Minute))
	require.Equal(t, []Poll{{InstanceID: "in1"}}, only[Poll](commands))
	require.Len(t, only[Index](commands), 1)
	require.True(t, s.Status.Overdue)
	require.Empty(t, only[Poll](s.Next(after(22*time.Minute))), "one at a time")
	s.Next(after(23*time.Minute), &Polled{InstanceID: "in1", Err: "no connection"})
	require.Equal(t, "no connection", s.Status.Hint)
	commands = s.Next(s.Wake())
	require.Len(t, only[Poll](commands), 1)
	require.Empty(t, only[Index](commands), "it is known to be overdue")
}

func TestAnAnswerEndsTheRunOnlyWhereItCannotBeAnothersInstance(t *testing.T) {
	t.Parallel()
	trusting := func(rules *Rules) { rules.TrustPlanStatus = true }
	later := after(time.Hour)
	for name, test := range map[string]struct {
		polled Polled
		trusts bool
		ends   bool
	}{
		"the instance":                            {Polled{Exact: true, InstanceID: "in1", Status: "SUCCESS"}, false, true},
		"an instance that was replaced since":     {Polled{Exact: true, InstanceID: "in0", Status: "SUCCESS"}, false, false},
		"the plan":                                {Polled{Status: "SUCCESS", UpdatedAt: later, Alone: true}, false, false},
		"the plan, where it is trusted":           {Polled{Status: "SUCCESS", UpdatedAt: later, Alone: true}, true, true},
		"the plan, while another run has it":      {Polled{Status: "SUCCESS", UpdatedAt: later}, true, false},
		"the plan, as it was before":              {Polled{Status: "SUCCESS", UpdatedAt: after(-time.Hour), Alone: true}, true, false},
		"the plan, within what clocks are off by": {Polled{Status: "SUCCESS", UpdatedAt: after(clockMargin), Alone: true}, true, false},
		"the plan, which goes on":                 {Polled{Status: "RUNNING", UpdatedAt: later, Alone: true}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sent()
			if test.trusts {
				s = sent(trusting)
			}
			s.Next(after(time.Second), &Sent{Key: key(1), InstanceID: "in1", At: start, PlatformTime: start})
			s.Next(after(11 * time.Minute))
			s.Next(after(12*time.Minute), &test.polled)
			require.Equal(t, test.ends, s.ended())
			require.NotEmpty(t, s.Status.Hint, "it is shown")
			if test.ends {
				require.Equal(t, ObservedByPoll, s.Status.ObservedBy)
			}
		})
	}
}

func TestAPlanStatusDoesNotCountWhereThePlatformsClockIsNotKnown(t *testing.T) {
	t.Parallel()
	s := waitingFor("in1", func(rules *Rules) { rules.TrustPlanStatus = true })
	s.Next(after(11 * time.Minute))
	s.Next(after(12*time.Minute), &Polled{Status: "SUCCESS", UpdatedAt: after(time.Hour), Alone: true})
	require.False(t, s.ended())
}

func TestOutputsThatCannotBeReadFailARunThatSucceeded(t *testing.T) {
	t.Parallel()
	for word, fails := range map[string]bool{"SUCCESS": true, "FAIL": false} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			s := waitingFor("in1")
			s.Next(after(time.Minute), callback(1, "in1", word))
			s.Next(after(2*time.Minute), &Fetched{ErrorType: ErrorPlatform, Err: "no connection"})
			require.True(t, s.Over)
			require.Equal(t, fails, s.Failure != nil)
			if fails {
				require.Equal(t, ErrorPlatform, s.Failure.Type)
				require.Contains(t, s.Failure.Message, "ended SUCCESS as instance in1, but its outputs could not be fetched: no connection")
				return
			}
			require.Equal(t, "no connection", s.OutputsError)
		})
	}
}

func TestEachInstanceIsRegisteredOnceWhereCallbacksComeWithoutAToken(t *testing.T) {
	t.Parallel()
	s := sent()
	commands := s.Next(after(time.Second), &Sent{Key: key(1), InstanceID: "in1", At: start, Registers: true})
	require.Equal(t, []Register{{InstanceID: "in1", Until: after(24 * time.Hour)}}, only[Register](commands))
	require.Empty(t, only[Register](s.Next(after(2*time.Second))))
	s.Next(after(3*time.Second), &Registered{Err: "no connection"})
	requireNote(t, s, "callbacks by the instance's id will not find this run: no connection")
	commands = s.Next(after(4*time.Second), callback(1, "in2", "RUNNING"))
	require.Equal(t, "in2", only[Register](commands)[0].InstanceID)
}

func TestAnInstanceThatWasAdoptedFromAnotherWorkflowIsRegisteredForItsAddress(t *testing.T) {
	t.Parallel()
	for from, want := range map[string][]Register{
		"":      nil,
		"other": {{InstanceID: "in1", From: "other", Until: after(24 * time.Hour)}},
	} {
		s := New(sent().Rules, start)
		s.Adopt("in1", from, start)
		require.Equal(t, want, only[Register](s.Next(after(time.Second))), from)
	}
}

func TestASceneEndsOnceItIsKnownToBeRegistered(t *testing.T) {
	t.Parallel()
	s := sent(func(rules *Rules) { rules.Target = Scene })
	s.Next(after(time.Second), &Sent{Key: s.Triggers[0].Key, At: start})
	require.True(t, s.Over)
	require.Nil(t, s.Failure)
}
