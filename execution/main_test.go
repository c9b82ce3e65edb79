package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// start is when the executions of the tests begin.
var start = time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return start.Add(d) }

// planRules are those of a plan that has a day.
func planRules(change ...func(*Rules)) Rules {
	rules := Rules{
		Target: Plan, ID: "acf42dd3", Name: "plan acf42dd3", Origin: "origin", Label: "plan",
		Timeout: 24 * time.Hour, PollAfter: 10 * time.Minute,
	}
	for _, c := range change {
		c(&rules)
	}
	return rules
}

// key is that of the plan's trigger of a number.
func key(number int) string { return planRules().key(number) }

// sent returns an execution whose first trigger is being sent.
func sent(change ...func(*Rules)) *State {
	s := New(planRules(change...), start)
	s.Next(start)
	return s
}

// inDoubt returns an execution that lost its worker after the intent, and may be triggered again from a minute on.
func inDoubt(change ...func(*Rules)) *State {
	s := sent(change...)
	s.Next(after(10*time.Second), lostAfterIntent(after(time.Minute)))
	return s
}

// waitingFor returns an execution whose trigger's answer named an instance.
func waitingFor(id string, change ...func(*Rules)) *State {
	s := sent(change...)
	s.Next(after(time.Second), &Sent{Key: key(1), InstanceID: id, At: start, Indexed: true})
	return s
}

func lostAfterIntent(until time.Time) *Sent {
	return &Sent{Key: key(1), ErrorType: ErrorLost, Message: "the worker died", Intent: &Intent{Key: key(1), OnItsWayUntil: until, Indexed: true}}
}

// only returns the commands of one kind.
func only[C Command](commands []Command) (found []C) {
	for _, command := range commands {
		if c, ok := command.(C); ok {
			found = append(found, c)
		}
	}
	return found
}

// requireNote asserts that operators are told something.
func requireNote(t *testing.T, s *State, text string) {
	t.Helper()
	var all string
	for _, note := range s.Status.Notes {
		all += note.Text + "\n"
	}
	require.Contains(t, all, text)
}
