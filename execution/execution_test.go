package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARunGoesFromItsTriggerToItsOutputs(t *testing.T) {
	t.Parallel()
	s := New(planRules(), start)
	require.Equal(t, []Command{Send{Number: 1, Within: 24 * time.Hour}}, s.Next(start))
	require.True(t, s.Wake().IsZero(), "the activity ends by itself")

	commands := s.Next(after(time.Second), &Sent{Key: key(1), InstanceID: "in1", At: start, Indexed: true})
	require.Len(t, only[Index](commands), 1, "the run is found by its instance")
	require.Equal(t, PhaseWaiting, s.Status.Phase)

	commands = s.Next(after(time.Minute), callback(1, "in1", "SUCCESS"))
	require.Equal(t, []Command{
		Count{Name: "dpaflow_runs_ended", Labels: []string{"kind", "plan", "status", "SUCCESS", "observed_by", "callback"}},
		Fetch{InstanceID: "in1"},
	}, commands)

	require.Empty(t, s.Next(after(2*time.Minute), &Fetched{}))
	require.True(t, s.Over)
	require.Nil(t, s.Failure)
	require.Equal(t, after(time.Minute), *s.Status.FinishedAt)
	require.Equal(t, start, *s.Status.TriggeredAt)
}

func TestTheOrderOfKindsIsTheCoresAndNotTheCallers(t *testing.T) {
	t.Parallel()
	events := []Event{
		&Resolve{ID: 1, What: ActionRetrigger}, &Cancelled{}, callback(1, "in1", "RUNNING"),
	}
	for range len(events) {
		events = append(events[1:], events[0])
		s := inDoubt()
		commands := s.Next(after(time.Minute), events...)
		require.Contains(t, refusals(commands, 1)[0], "has been cancelled")
		require.Equal(t, "in1", s.Status.InstanceID)
		require.True(t, s.Failure.Cancelled)
		require.Empty(t, only[Send](commands))
	}
}

func TestACancelledRunKeepsWhatItKnowsOfItsInstance(t *testing.T) {
	t.Parallel()
	s := waitingFor("in1")
	s.Next(after(time.Minute), callback(1, "in1", "SUCCESS"), &Cancelled{})
	require.Equal(t, &Failure{Cancelled: true, Phase: PhaseWaiting}, s.Failure)
	require.Equal(t, StatusSuccess, s.Status.Status)
}

func TestNothingHappensToARunThatIsOver(t *testing.T) {
	t.Parallel()
	s := waitingFor("in1")
	s.Next(after(24 * time.Hour))
	before := s.Status
	require.Empty(t, s.Next(after(25*time.Hour), callback(1, "in1", "SUCCESS"), &Cancelled{}))
	require.Equal(t, before, s.Status)
}

func TestTheKeyOfATriggerIsItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, key := range []string{
		Key("run", "plan", 1, false), Key("run", "plan", 2, false), Key("run", "plan", 1, true), Key("other", "plan", 1, false),
		Key("run", "model", 1, false),
	} {
		require.False(t, seen[key], key)
		require.Less(t, len(key), 40, "it is part of an address")
		seen[key] = true
	}
}

func TestWhatARunIsFoundByCostsNoMoreEventsThanItNeeds(t *testing.T) {
	t.Parallel()
	s := waitingFor("in1")
	for _, word := range []string{"RUNNING", "PENDING", "RUNNING"} {
		require.Empty(t, only[Index](s.Next(after(time.Minute), callback(1, "in1", word))))
	}
	without := sent()
	without.Next(after(time.Second), &Sent{Key: key(1), InstanceID: "in1", At: start})
	require.Empty(t, only[Index](without.Next(after(11*time.Minute))), "the namespace has no such attributes")
}
