package execution

import (
	"fmt"
	"time"
)

// The time that a trigger takes is cut so that a dead worker never leaves a request to be written. A worker records
// its intent with the server by a heartbeat and may begin to write the request for LeaseFor after it began to
// record it. The server declares the attempt dead Heartbeat after the last heartbeat at the earliest, so by then no
// byte of the request is still to be written. Bytes that were written may still arrive: that is bounded by the
// time-out of the call, which counts from the intent, and arrival.
const (
	// Beat is how often a trigger's activity heartbeats; Heartbeat is its heartbeat time-out.
	Beat      = 3 * time.Second
	Heartbeat = 10 * time.Second
	// LeaseFor is how long after its intent a request may begin to be written.
	LeaseFor = 4 * time.Second
	// Attempt bounds one attempt of the activity, with its preflight.
	Attempt = 15 * time.Minute
	// arrival is how long what was written may take to arrive once nobody waits for its answer any more.
	arrival = 30 * time.Second
)

// Intent is what a trigger's activity records with the server before it sends anything. The server hands it back
// with a time-out, so it also carries what the workflow must know of the deployment if the worker dies.
type Intent struct {
	// Key is that of the trigger.
	Key string `json:"key,omitempty"`
	// OnItsWayUntil is when the request can no longer be on its way.
	OnItsWayUntil time.Time `json:"onItsWayUntil"`
	// Indexed and Register are facts of the deployment: the namespace has dpaflow's search attributes; callbacks may
	// come without a token, so that the run must register its instance.
	Indexed  bool `json:"indexed,omitempty"`
	Register bool `json:"register,omitempty"`
}

// Lease is the permission to begin to write one request.
type Lease struct {
	// Until is when it ends.
	Until time.Time
	// OnItsWayUntil is when a request that was written under it can no longer be on its way.
	OnItsWayUntil time.Time
}

// NewLease returns the lease of a trigger whose intent is about to be recorded. The attempt ends at attemptEnds, the
// call of the platform takes at most call. It is refused where the attempt could end before the call.
func NewLease(now, attemptEnds time.Time, call time.Duration) (Lease, error) {
	lease := Lease{Until: now.Add(LeaseFor), OnItsWayUntil: now.Add(call + arrival)}
	if !attemptEnds.IsZero() && lease.Until.Add(call).After(attemptEnds) {
		return Lease{}, fmt.Errorf("only %s of the attempt are left, and sending the trigger may take %s",
			attemptEnds.Sub(now).Round(time.Second), LeaseFor+call)
	}
	return lease, nil
}
