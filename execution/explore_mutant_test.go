package execution

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mutants put faults back, one at a time. The explorer has to find each.
var mutants = map[string]struct {
	limits
	change func(*system)
	found  string // what is said of the outcome
}{
	"a reset forgets what was scheduled before it": {
		limits{resets: 1, cancels: 1},
		func(s *system) {
			s.forks = true
			s.judge = func(number int, earlier []Scheduling, forked []bool, now time.Time) Past {
				var looked []Scheduling
				for i := range earlier {
					if !forked[i] {
						looked = append(looked, earlier[i])
					}
				}
				return Judge(number, looked, now, callTime)
			}
		},
		"the platform executes twice",
	},
	"operators' actions come before the callbacks of their task": {
		limits{actions: 1, callbacks: 1},
		func(s *system) { s.next = inTheOrderGiven },
		"the platform executes twice",
	},
	"what an operator's action is checked for is only how things stood before its task": {
		limits{actions: 1, callbacks: 1},
		func(s *system) { s.next = asValidated },
		"the platform executes twice",
	},
	"a lease has no end": {
		limits{crashes: 1, actions: 1},
		func(s *system) { s.expires = false },
		"the platform executes twice",
	},
	"a request is on its way no longer than its worker lives": {
		limits{actions: 1},
		func(s *system) {
			s.next = changed(func(e Event) Event {
				if sent, ok := e.(*Sent); ok && sent.Intent != nil {
					sent.Intent = &Intent{OnItsWayUntil: epoch.Add(time.Second), Indexed: true, Register: true}
				}
				return e
			})
		},
		"the platform executes twice",
	},
	"a cancellation does not count before the first trigger": {
		limits{cancels: 1},
		func(s *system) {
			s.next = func(s *State, now time.Time, events ...Event) []Command {
				if len(s.Triggers) == 0 {
					events = slices.DeleteFunc(slices.Clone(events), cancels)
				}
				return s.Next(now, events...)
			}
		},
		"whose intent was recorded after the run's cancellation",
	},
	"a trigger is not recalled": {
		limits{cancels: 1},
		func(s *system) {
			s.next = func(s *State, now time.Time, events ...Event) []Command {
				return slices.DeleteFunc(s.Next(now, events...), func(c Command) bool { _, ok := c.(Recall); return ok })
			}
		},
		"whose intent was recorded after the run's cancellation",
	},
	"the deadline counts before an end that was there": {
		limits{callbacks: 1},
		func(s *system) {
			s.next = func(s *State, now time.Time, events ...Event) []Command {
				early := s.Next(now)
				return append(early, s.Next(now, events...)...)
			}
		},
		"a callback SUCCESS of instance-1 was ignored",
	},
	"a trigger after a reset is held back by all before it": {
		limits{resets: 1, crashes: 1, actions: 1},
		func(s *system) {
			s.judge = func(_ int, earlier []Scheduling, _ []bool, now time.Time) Past {
				return Judge(0, earlier, now, callTime)
			}
		},
		"held back again",
	},
	"a reset is not told how many triggers there were": {
		limits{resets: 1, crashes: 1, actions: 2},
		func(s *system) {
			s.next = changed(func(e Event) Event {
				if sent, ok := e.(*Sent); ok {
					sent.Earlier = 0
				}
				return e
			})
		},
		"held back again",
	},
	"an operator's word is final": {
		limits{actions: 1, callbacks: 1},
		func(s *system) {
			s.next = func(s *State, now time.Time, events ...Event) []Command {
				events = slices.DeleteFunc(slices.Clone(events), func(e Event) bool {
					c, ok := e.(*Callback)
					if !ok {
						return false
					}
					t := s.addressed(c.Address)
					return t != nil && t.Evidence == Adopted && t.InstanceID != c.InstanceID
				})
				return s.Next(now, events...)
			}
		},
		"a callback to the trigger's own address names",
	},
	"a worker takes along what it knew of the deployment": {
		limits{crashes: 1},
		func(s *system) {
			s.next = changed(func(e Event) Event {
				if sent, ok := e.(*Sent); ok && sent.ErrorType == ErrorLost {
					sent.Indexed, sent.Registers = false, false
				}
				return e
			})
		},
		"the facts of the deployment",
	},
	"a run that was reset forgets the triggers of its earlier run": {
		limits{resets: 1, crashes: 1, actions: 1, callbacks: 1},
		func(s *system) {
			s.next = func(s *State, now time.Time, events ...Event) []Command {
				s.Rules.Reset = false
				return s.Next(now, events...)
			}
		},
		"in its history was ignored",
	},
}

func cancels(e Event) bool {
	_, ok := e.(*Cancelled)
	return ok
}

func changed(change func(Event) Event) func(*State, time.Time, ...Event) []Command {
	return func(s *State, now time.Time, events ...Event) []Command {
		for i := range events {
			events[i] = change(events[i])
		}
		return s.Next(now, events...)
	}
}

// inTheOrderGiven is Next without its order: each event is taken in and acted on by itself.
func inTheOrderGiven(s *State, now time.Time, events ...Event) []Command {
	s.commands = nil
	for _, e := range events {
		e.apply(s, now)
		s.refresh()
		s.decide(now)
	}
	s.decide(now)
	s.show(now)
	return s.commands
}

// asValidated is Next with retriggers that were checked by their validator, before the task, and are not again.
func asValidated(s *State, now time.Time, events ...Event) []Command {
	before := clone(s)
	overtaken := func(e Event) bool {
		a, ok := e.(*Resolve)
		return ok && a.What == ActionRetrigger && before.Refuse(a, now) == nil && !slices.ContainsFunc(events, cancels)
	}
	commands := s.Next(now, slices.DeleteFunc(slices.Clone(events), overtaken)...)
	for _, e := range slices.DeleteFunc(events, func(e Event) bool { return !overtaken(e) }) {
		s.SendAt, s.Over, s.commands = now, false, nil
		s.send(now)
		commands = append(commands, append(s.commands, Reply{ID: e.(*Resolve).ID})...)
	}
	return commands
}

func TestTheExplorerFindsEachFaultThatIsPutBack(t *testing.T) {
	t.Parallel()
	for name, mutant := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := everything(mutant.limits)
			mutant.change(&c.system)
			c.only = mutant.found
			out := c.explore()
			require.NotEmpty(t, out.broken, "%d states, and nothing found", out.states)
			t.Logf("%d states: %s", out.states, c.tell(out))
		})
	}
}
