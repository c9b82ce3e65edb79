package execution

import "time"

// A reset makes a workflow forget what came after the point that it goes back to, and lets go of what was under way
// there. The platform does not forget. So a trigger in a run that was reset is sent only where every earlier
// scheduling of it is shown to have been without effect.

// Scheduling is one scheduling of a trigger's activity in an earlier run of a workflow that was reset.
type Scheduling struct {
	// Number is that of the trigger; 0 where it cannot be read.
	Number int
	// Ended is false where it was pending when its run was closed. ErrorType is then how it ended, as in Sent.
	Ended     bool
	ErrorType string
	// Intent is what it recorded, nil for nothing. Unreadable is true where nobody can tell.
	Intent     *Intent
	Unreadable bool
	// InstanceID is what its answer named.
	InstanceID string
}

// MayHaveRun tells whether the scheduling is not shown to have been without effect.
func (p Scheduling) MayHaveRun() bool {
	if p.Unreadable {
		return true
	}
	switch p.ErrorType {
	case ErrorInvalidInput, ErrorTriggerRejected, ErrorTriggerNotSent, ErrorPlatformAuth:
		return false
	case ErrorLost:
		return p.Intent != nil
	}
	return p.Ended || p.Intent != nil
}

// Past is what earlier runs show of a trigger.
type Past struct {
	// MayHaveRun is true where one of them may have sent it; Number is the last one that was.
	MayHaveRun bool
	Number     int
	// InstanceID is that of the last one, where its answer named it.
	InstanceID string
	// OnItsWayUntil is when none of them can be on its way any more.
	OnItsWayUntil time.Time
}

// Judge looks through the earlier schedulings of the trigger with that number, and of those that came after it. A
// trigger before it is settled: an operator has said so, in this run. One without a number counts. An intent
// whose time is not known may be as young as now; a call takes at most call.
func Judge(number int, earlier []Scheduling, now time.Time, call time.Duration) (past Past) {
	for _, p := range earlier {
		if p.Number != 0 && p.Number < number || !p.MayHaveRun() {
			continue
		}
		past.MayHaveRun = true
		until := now.Add(call + arrival)
		if p.Intent != nil && !p.Intent.OnItsWayUntil.IsZero() {
			until = p.Intent.OnItsWayUntil
		} else if p.InstanceID != "" {
			until = now
		}
		if until.After(past.OnItsWayUntil) {
			past.OnItsWayUntil = until
		}
		if p.Number >= past.Number {
			past.Number, past.InstanceID = p.Number, p.InstanceID
		}
	}
	return past
}
