package workflows

import (
	"errors"
	"fmt"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// Policy says how long a run waits, when it asks by itself, and what it does when in doubt.
type Policy struct {
	// Timeout bounds the run from its start to the end of its instance; 24h if zero.
	Timeout runbook.Duration `json:"timeout,omitempty"`
	// PollAfter is how long to go without news before asking the platform; 10m if zero.
	PollAfter runbook.Duration `json:"pollAfter,omitempty"`
	// OnUnknown is runbook.WaitOnUnknown if empty.
	OnUnknown runbook.OnUnknown `json:"onUnknown,omitempty"`
	// Preflight compares the parameters with the declared inputs before the trigger; true if nil.
	Preflight *bool `json:"preflight,omitempty"`
}

const (
	defaultTimeout   = runbook.Duration(24 * time.Hour)
	defaultPollAfter = runbook.Duration(10 * time.Minute)
	// minPollAfter keeps a run from filling its history, and the platform, with questions.
	minPollAfter = runbook.Duration(time.Second)
)

// withDefaults returns the policy with its defaults put in, and every fault.
func (p Policy) withDefaults() (Policy, runbook.Faults) {
	var faults runbook.Faults
	if p.Timeout == 0 {
		p.Timeout = defaultTimeout
	}
	if p.PollAfter == 0 {
		p.PollAfter = defaultPollAfter
	}
	if p.OnUnknown == "" {
		p.OnUnknown = runbook.WaitOnUnknown
	}
	if p.Preflight == nil {
		preflight := true
		p.Preflight = &preflight
	}
	if p.Timeout < 0 {
		faults.Add("timeout", errors.New("must be more than zero"))
	}
	if p.PollAfter < minPollAfter {
		faults.Add("pollAfter", fmt.Errorf("must be at least %s", time.Duration(minPollAfter)))
	}
	if p.OnUnknown != runbook.WaitOnUnknown && p.OnUnknown != runbook.FailOnUnknown {
		faults.Add("onUnknown", fmt.Errorf("must be %q or %q, got %q", runbook.WaitOnUnknown, runbook.FailOnUnknown, p.OnUnknown))
	}
	return p, faults
}
