package execution

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// everything is the code as it is, with a platform, workers and operators who do all that is in the model.
func everything(l limits) scope {
	return scope{
		system: real(), rules: exploredRules(), limits: l,
		words: []uint8{running, success, failed}, polls: []uint8{running, 0}, ends: []uint8{success},
	}
}

// scopes are what is explored. With EXPLORE=full in the environment it is all that the bounds allow, in about a minute
// on two processors; else a part of it, in a second.
var scopes = map[string]struct {
	part, full limits
	change     func(*scope)
}{
	"a plan that waits": {
		part: limits{resets: 1, crashes: 1, actions: 1, callbacks: 1},
		full: limits{resets: 1, crashes: 2, actions: 2, callbacks: 3, cancels: 1},
	},
	"a plan that is reset and cancelled": {
		part: limits{resets: 1, crashes: 2, cancels: 1, callbacks: 1},
		full: limits{resets: 1, crashes: 2, cancels: 1, callbacks: 2, failures: 1},
	},
	"triggers that are not sent": {
		part: limits{crashes: 1, actions: 1, failures: 1, pauses: 1},
		full: limits{resets: 1, crashes: 1, actions: 1, callbacks: 1, cancels: 1, pauses: 1, failures: 2},
	},
	"a model that tells how its instance is": {
		part: limits{crashes: 1, callbacks: 1},
		full: limits{resets: 1, crashes: 1, actions: 1, callbacks: 2, cancels: 1},
		change: func(c *scope) {
			c.rules.Target, c.rules.Repairable = Model, true
			c.polls, c.ends = []uint8{running, 0, success, failed, stopped}, []uint8{success, failed}
		},
	},
	"a status that nobody listed": {
		part:   limits{crashes: 1, actions: 1, callbacks: 1},
		full:   limits{resets: 1, crashes: 1, actions: 1, callbacks: 3},
		change: func(c *scope) { c.words = []uint8{running, stopped, success} },
	},
	"a plan that fails where it is in doubt": {
		part:   limits{resets: 1, crashes: 1, callbacks: 1},
		full:   limits{resets: 1, crashes: 2, actions: 1, callbacks: 2, cancels: 1},
		change: func(c *scope) { c.rules.FailOnUnknown = true },
	},
	"a plan whose time is up while its trigger is on its way": {
		part:   limits{resets: 1, crashes: 1, callbacks: 1},
		full:   limits{resets: 1, crashes: 2, actions: 2, callbacks: 2, cancels: 1},
		change: func(c *scope) { c.rules.Timeout, c.rules.PollAfter = 20*time.Second, 15*time.Second },
	},
}

func TestEveryInterleavingOfOneExecutionKeepsThePromises(t *testing.T) {
	for name, test := range scopes {
		t.Run(name, func(t *testing.T) {
			c := everything(test.part)
			if os.Getenv("EXPLORE") == "full" {
				c.limits = test.full
			}
			if test.change != nil {
				test.change(&c)
			}
			began := time.Now()
			out := c.explore()
			t.Logf("%+v: %d states, %d steps, %s", c.limits, out.states, out.steps, time.Since(began).Round(time.Millisecond))
			require.Empty(t, out.broken, c.tell(out))
		})
	}
}

func TestTheExplorerKnowsEveryFieldOfTheState(t *testing.T) {
	t.Parallel()
	// What is added here belongs into the explorer's encoding, unless nothing follows from it.
	require.Equal(t, strings.Fields("Target ID Name Origin Label Reset Timeout PollAfter FailOnUnknown FailOnBusy Exempt Preflight Sync TrustPlanStatus Repairable"), fields(Rules{}))
	require.Equal(t, strings.Fields("Key Outcome OnItsWayUntil InstanceID Evidence TriggeredAt Status ObservedBy FinishedAt"), fields(Trigger{}))
	require.Equal(t, strings.Fields("Rules Status Triggers Wanted Sending Held SendAt Pause Renewed Checked Busy Frozen Indexed Registers From "+
		"Cancelled Recalled GivenUp Refused Silent PlatformTime Polling Fetching Shown Urgent Registered Fetched Unread OutputsError "+
		"Failure Over commands"), fields(State{}))
	require.Equal(t, strings.Fields("PlanID ModelID Phase InstanceID Status ObservedBy Reason OnItsWayUntil DoubtSince StartedAt TriggeredAt LastNewsAt FinishedAt "+
		"Deadline Triggers Overdue Polls Hint Notes Actions"), fields(Status{}))
}

func fields(of any) (names []string) {
	for field := range reflect.TypeOf(of).Fields() {
		names = append(names, field.Name)
	}
	return names
}

// system is the code that is explored. A mutant replaces one of its functions.
type system struct {
	next  func(s *State, now time.Time, events ...Event) []Command
	judge func(number int, earlier []Scheduling, forked []bool, now time.Time) Past
	lease func(now, attemptEnds time.Time) (Lease, error)
	// expires is false where a lease has no end.
	expires bool
	// forks is true where it matters on which side of a reset a trigger was scheduled.
	forks bool
}

// real is the code as it is.
func real() system {
	return system{
		next: (*State).Next,
		judge: func(number int, earlier []Scheduling, _ []bool, now time.Time) Past {
			return Judge(number, earlier, now, callTime)
		},
		lease:   func(now, attemptEnds time.Time) (Lease, error) { return NewLease(now, attemptEnds, callTime) },
		expires: true,
	}
}

// callTime is what a call of the platform takes at most.
const callTime = 30 * time.Second

// scope is what is explored.
type scope struct {
	system
	rules Rules
	limits
	// words are what the platform may call back with; polls what it may answer when it is asked, by word, 0 an error.
	words, polls []uint8
	// ends are what operators say of the end of an instance.
	ends []uint8
	// only is what to look for, where other faults are passed over.
	only string
}
