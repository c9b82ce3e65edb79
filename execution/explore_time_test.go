package execution

import (
	"time"
)

// grid is how exactly time is kept where nothing hangs on it, so that fewer moments are to be told apart.
const grid = int32((LeaseFor + callTime + arrival) / time.Second)

// nextTime is the next moment at which something has become possible or impossible, 0 for none. Nobody wakes on the
// second: it is put off to a round time if nothing else comes between.
func (c *scope) nextTime(w *world) int32 {
	next, then := int32(0), int32(0)
	c.deadlines(w, func(at int32) {
		switch {
		case at <= w.now:
		case next == 0 || at < next:
			next, then = at, next
		case at > next && (then == 0 || at < then):
			then = at
		}
	})
	if round := (next + grid - 1) / grid * grid; then == 0 || round < then {
		return round
	}
	return next
}

// deadlines are the moments at which something becomes possible or impossible.
func (c *scope) deadlines(w *world, consider func(at int32)) {
	if wake := w.core.Wake(); !w.core.Over && !wake.IsZero() {
		consider(seconds(wake))
	}
	if !w.core.Over {
		consider(seconds(w.core.Status.Deadline))
		if w.mayAct() && w.core.phase() == PhaseUnknown {
			consider(seconds(w.core.onItsWayUntil()))
		}
	}
	for i := range w.requests {
		r := &w.requests[i]
		if r.stage == intended && c.expires {
			consider(r.lease)
		}
		if r.cut && !r.closed {
			consider(r.beat + int32(Heartbeat/time.Second))
		}
		if r.wire == onItsWay {
			consider(r.until)
		}
	}
}

// mayPass tells whether time may go on. It may not where something must have happened by then: a request arrives, or
// is lost, before it can be on its way no more; a worker drops what it may not write, if such failures are left.
func (c *scope) mayPass(w *world) bool {
	next := c.nextTime(w)
	if next == 0 || w.core.Over && w.mark == nil {
		return false
	}
	for i := range w.requests {
		r := &w.requests[i]
		if r.wire == onItsWay && next >= r.until {
			return false
		}
		if r.stage == intended && !r.cut && !r.closed && next >= r.lease && c.expires && w.left.failures == 0 {
			return false
		}
	}
	return true
}
