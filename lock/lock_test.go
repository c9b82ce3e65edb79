package lock_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/lock"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// holder is a runbook by its workflow, such as a, or a/x where it is nested.
func holder(name string) lock.Holder {
	workflow, key, _ := strings.Cut(name, "/")
	return lock.Holder{WorkflowID: workflow, Chain: "first run of " + workflow, Key: key}
}

func nameOf(h lock.Holder) string { return strings.TrimSuffix(h.WorkflowID+"/"+h.Key, "/") }

// event reads "a asks", "a releases", "a is seen", "a is gone", "a is unreachable", and what it left after a colon.
func event(text string) lock.Event {
	text, left, any := strings.Cut(text, ": ")
	name, what, _ := strings.Cut(text, " ")
	var list []string
	if any {
		list = strings.Split(left, ", ")
	}
	return map[string]lock.Event{
		"asks": lock.Ask{Holder: holder(name)}, "releases": lock.Release{Holder: holder(name), Left: list}, "is seen": lock.Seen{Holder: holder(name)},
		"is gone": lock.Gone{Holder: holder(name), Left: list}, "is unreachable": lock.Unreachable{Holder: holder(name)},
	}[what]
}

func TestALockHasOneHolderInTheOrderOfTheQuestions(t *testing.T) {
	t.Parallel()
	for name, story := range map[string][][2]string{
		"it is free":                  {{"a asks", "a has it"}, {"a releases", ""}},
		"who asks again has it still": {{"a asks", "a has it"}, {"a asks", "a has it"}},
		"nothing is said of a holder before it was seen": {{"a asks", "a has it"}, {"b asks", ""}, {"a is seen", "b waits for a, 1"}, {"c asks", ""}, {"a is seen", "c waits for a, 2"}},
		"the first that asked is next": {
			{"a asks", "a has it"}, {"b asks, c asks, a is seen", "b waits for a, 1; c waits for a, 2"}, {"a releases", "b has it; c waits for b, 1"}, {"b releases", "c has it"}, {"c releases", ""}},
		"who waits may give up":                        {{"a asks", "a has it"}, {"b asks, c asks", ""}, {"b releases", ""}, {"a releases", "c has it"}},
		"one that is gone has it no more":              {{"a asks", "a has it"}, {"b asks", ""}, {"a is gone: switch", "b has it, left: switch"}, {"b asks", "b has it, left: switch"}, {"b releases", ""}},
		"what is left is for the next, whenever":       {{"a asks", "a has it"}, {"a releases: switch", ""}, {"b asks", "b has it, left: switch"}, {"b releases", ""}, {"c asks", "c has it"}},
		"what a waiting one left is nothing":           {{"a asks", "a has it"}, {"b asks", ""}, {"b is gone: x", ""}, {"c asks", ""}, {"a releases", "c has it"}},
		"one that cannot be reached is passed by":      {{"a asks", "a has it"}, {"b asks, c asks", ""}, {"a is gone: switch", "b has it, left: switch; c waits for b, 1"}, {"b is unreachable", "c has it, left: switch"}},
		"a workflow that is gone is gone as a whole":   {{"a asks", "a has it"}, {"b/x asks, b/y asks, c asks", ""}, {"b is gone", ""}, {"a releases", "c has it"}},
		"runbooks of one workflow wait for each other": {{"a/x asks", "a/x has it"}, {"a/y asks, a is seen", "a/y waits for a/x, 1"}, {"a/x releases", "a/y has it"}},
		"who was seen late is not confused":            {{"a asks", "a has it"}, {"b asks", ""}, {"a releases", "b has it"}, {"c asks", ""}, {"a is seen", ""}, {"b is seen", "c waits for b, 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := lock.State{Name: "core"}
			for i, step := range story {
				var events []lock.Event
				for _, text := range strings.Split(step[0], ", ") {
					events = append(events, event(text))
				}
				require.Equal(t, step[1], said(s.Next(noon.Add(time.Duration(i)*time.Minute), events...)), step[0])
			}
		})
	}
}

func said(replies []lock.Reply) string {
	var all []string
	for _, r := range replies {
		text := nameOf(r.To) + " has it"
		if !r.Held {
			text = fmt.Sprintf("%s waits for %s, %d", nameOf(r.To), nameOf(*r.By), r.Ahead)
		}
		if len(r.Left) > 0 {
			text += ", left: " + strings.Join(r.Left, ", ")
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// Whatever happens, one has it at most, nobody overtakes another, and nobody is forgotten.
func TestNobodyIsForgottenAndNobodyOvertakes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := lock.State{}
		var asked []string // in order, those that did not leave since
		held := ""
		for range 60 {
			name := string(rune('a' + r.IntN(5)))
			what := []string{"asks", "asks", "asks", "releases", "is seen", "is gone", "is unreachable"}[r.IntN(7)]
			known := false
			for i, other := range asked {
				if known = other == name; known {
					if what != "asks" && what != "is seen" {
						asked = append(asked[:i:i], asked[i+1:]...)
					}
					break
				}
			}
			if !known && what == "asks" {
				asked = append(asked, name)
			}
			kept, err := json.Marshal(s)
			require.NoError(t, err)
			s = lock.State{}
			require.NoError(t, json.Unmarshal(kept, &s), "it is carried on")
			for _, reply := range s.Next(noon, event(name+" "+what)) {
				if reply.Held {
					held = nameOf(reply.To)
				} else {
					require.Equal(t, asked[0], nameOf(*reply.By))
					require.Equal(t, nameOf(reply.To), asked[reply.Ahead])
				}
			}
			if len(asked) > 0 {
				require.Equal(t, asked[0], held, "the first has been told")
			}
			require.Equal(t, len(asked) == 0, s.Idle())
			require.Equal(t, len(asked) > 1, s.Contended())
		}
	}
}

func TestALongQueueIsToldOfNewHoldersAsFarAsItMatters(t *testing.T) {
	t.Parallel()
	s := lock.State{}
	for i := range 100 {
		s.Next(noon, lock.Ask{Holder: holder(fmt.Sprint(i))})
	}
	require.Len(t, s.Next(noon, lock.Seen{Holder: holder("0")}), 99, "each question is answered")
	require.Len(t, s.Next(noon, lock.Release{Holder: holder("0")}), 11)
}
