package execution

import "time"

// Command is something to do: Send, Recall, Poll, Fetch, Register, Index, Reply, Count or Log.
type Command interface{ command() }

// Send starts the trigger's activity; its end is a Sent.
type Send struct {
	// Number is that of the trigger. Preflight has it check first whether it can run, and the inputs unless that was
	// Checked before.
	Number             int
	Preflight, Checked bool
	// Within is how long the activity may wait for a worker.
	Within time.Duration
}

// Recall cancels the trigger's activity, which still ends as a Sent.
type Recall struct{}

// Poll asks the platform how the instance is; its end is a Polled.
type Poll struct{ InstanceID string }

// Fetch reads the outputs; its end is a Fetched.
type Fetch struct{ InstanceID string }

// Register makes callbacks by the instance's id alone, and those at the address of the workflow From, find the run until
// then; its end is a Registered.
type Register struct {
	InstanceID, From string
	Until            time.Time
}

// Index sets the search attributes, by Status and Urgency.
type Index struct{}

// Reply answers a Resolve; an empty Refusal accepts it.
type Reply struct {
	ID      int
	Refusal string
}

// Count counts one thing that happened. Labels are names and values in turn.
type Count struct {
	Name   string
	Labels []string
}

// Log writes a warning.
type Log struct{ Text string }

func (Send) command()     {}
func (Recall) command()   {}
func (Poll) command()     {}
func (Fetch) command()    {}
func (Register) command() {}
func (Index) command()    {}
func (Reply) command()    {}
func (Count) command()    {}
func (Log) command()      {}
