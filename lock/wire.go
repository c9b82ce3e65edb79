package lock

// A lock is kept by a small workflow of its own, which runbooks signal, and which signals them.
const (
	// Workflow is its type; its input is a State.
	Workflow = "DpaLock"
	// Request is the name of the signal that brings it a Requested.
	Request = "request"
)

// Requested is what a runbook wants of a lock: one signal for all, so that they are taken in order.
type Requested struct {
	Holder
	// Release is true where it gives the lock back, or gives up waiting for it; Left names what may still run.
	Release bool     `json:"release,omitempty"`
	Left    []string `json:"left,omitempty"`
}

// Event is what a request is to the lock.
func (r Requested) Event() Event {
	if r.Release {
		return Release{r.Holder, r.Left}
	}
	return Ask{r.Holder}
}

// ID is the workflow id of a lock, such as dpa-lock:core-beijing.
func ID(name string) string { return "dpa-lock:" + name }

// Signal is the name of the signal that brings a runbook its Answer.
func Signal(key string) string { return "dpa-lock:" + key }

// Use is a lock, and who has or wants it.
type Use struct {
	Name string `json:"name"`
	Holder
}
