package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dpaflow/dpaflow/activities"
)

// Duration is a time.Duration that is written as a text such as "90s" or "2h" in JSON.
type Duration time.Duration

// MarshalJSON writes the duration as a text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads a text such as "90s"; it must be more than zero.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return fmt.Errorf(`wants a duration such as "90s" or "2h", got %s`, data)
	}
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed <= 0 {
		return fmt.Errorf(`wants a duration such as "90s" or "2h", got %q`, text)
	}
	*d = Duration(parsed)
	return nil
}

// OnUnknown says what a run does when nobody can know whether its trigger ran.
type OnUnknown string

const (
	// WaitOnUnknown waits for a callback or an operator to settle it. It is the default.
	WaitOnUnknown OnUnknown = "wait"
	// FailOnUnknown fails the run as TriggerOutcomeUnknown.
	FailOnUnknown OnUnknown = "fail"
)

// Policy says how long a run waits, when it asks by itself, and what it does when in doubt.
type Policy struct {
	// Timeout bounds the run from its start to the end of its instance; 24h if zero.
	Timeout Duration `json:"timeout,omitempty"`
	// PollAfter is how long to go without news before asking the platform; 10m if zero.
	PollAfter Duration `json:"pollAfter,omitempty"`
	// OnUnknown is WaitOnUnknown if empty.
	OnUnknown OnUnknown `json:"onUnknown,omitempty"`
	// Preflight compares the parameters with the declared inputs before the trigger; true if nil.
	Preflight *bool `json:"preflight,omitempty"`
}

const (
	defaultTimeout   = Duration(24 * time.Hour)
	defaultPollAfter = Duration(10 * time.Minute)
	// minPollAfter keeps a run from filling its history, and the platform, with questions.
	minPollAfter = Duration(time.Second)
)

// withDefaults returns the policy with its defaults put in, and every fault.
func (p Policy) withDefaults() (Policy, activities.Faults) {
	var faults activities.Faults
	if p.Timeout == 0 {
		p.Timeout = defaultTimeout
	}
	if p.PollAfter == 0 {
		p.PollAfter = defaultPollAfter
	}
	if p.OnUnknown == "" {
		p.OnUnknown = WaitOnUnknown
	}
	if p.Preflight == nil {
		preflight := true
		p.Preflight = &preflight
	}
	if p.Timeout < 0 {
		faults.Add("timeout", errors.New("wants to be more than zero"))
	}
	if p.PollAfter < minPollAfter {
		faults.Add("pollAfter", fmt.Errorf("wants to be at least %s", time.Duration(minPollAfter)))
	}
	if p.OnUnknown != WaitOnUnknown && p.OnUnknown != FailOnUnknown {
		faults.Add("onUnknown", fmt.Errorf("wants %q or %q, got %q", WaitOnUnknown, FailOnUnknown, p.OnUnknown))
	}
	return p, faults
}
