package execution

import (
	"fmt"
	"slices"
	"time"
)

// A collection is carried from one history to the next, so all that it holds is bounded.
const (
	// MaxCollected is how many runs are listed: the latest.
	MaxCollected = 500
	maxOpen      = 200
	maxActions   = 50
	// maxInstanceID and maxWord bound what a callback by hand can bring; the bridge has bounds of its own.
	maxInstanceID = 256
	maxWord       = 64
	maxReason     = 300
	// maxFetching is how many outputs are read at a time.
	maxFetching = 20
	// fetchPatience is how long after its end a read of an instance's outputs may begin.
	fetchPatience = time.Hour
)

// Collection is what calls back to a timed scene, whose instances the platform starts by its own clock. The zero value
// of MaxRuns and of Until sets no end.
type Collection struct {
	// Key is the address of the scene; Name is what messages call it.
	Key     string    `json:"key"`
	Name    string    `json:"name"`
	MaxRuns int       `json:"maxRuns,omitempty"`
	Until   time.Time `json:"until,omitzero"`

	// Open are the instances that have called back and not ended, the oldest first; Runs the latest that have ended.
	Open []Collected `json:"open,omitempty"`
	Runs []Collected `json:"runs,omitempty"`
	// Count is how many have ended, LeftOut how many of these are not listed any more.
	Count   int      `json:"count"`
	LeftOut int      `json:"leftOut,omitempty"`
	Notes   []Note   `json:"notes,omitempty"`
	Actions []Action `json:"actions,omitempty"`
	// EndedAs is SUCCESS or FAIL where an operator has ended the collection.
	EndedAs string `json:"endedAs,omitempty"`
	// Closed is true once no more runs are taken in, Over once their outputs are read as well.
	Closed bool `json:"closed,omitempty"`

	// Held keeps further outputs from being read, before the history ends. Fetching counts those that are.
	Held      bool `json:"-"`
	Fetching  int  `json:"-"`
	Cancelled bool `json:"-"`
	Over      bool `json:"-"`

	commands []Command
}

// Collected is one instance of a timed scene.
type Collected struct {
	InstanceID string `json:"instanceId"`
	// Status is the platform's last word.
	Status     string    `json:"status"`
	Since      time.Time `json:"since"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
	ObservedBy string    `json:"observedBy,omitempty"`
	// Unread is true while the outputs are still to be read; OutputsError is why they cannot be.
	Unread       bool   `json:"unread,omitempty"`
	OutputsError string `json:"outputsError,omitempty"`

	fetching bool
}

// Next takes in all that has arrived by now and returns what to do, in the order of State.Next: an end that has been
// delivered counts, although the time is up in the same moment.
func (c *Collection) Next(now time.Time, events ...Event) []Command {
	c.commands = nil
	for _, event := range ordered(events) {
		switch event := event.(type) {
		case *Callback:
			c.callback(event, now)
		case *Fetched:
			c.fetched(event)
		case *Cancelled:
			c.Cancelled = true
		case *Resolve:
			c.resolve(event, now)
		}
	}
	c.decide(now)
	return c.commands
}

func (c *Collection) do(command Command) { c.commands = append(c.commands, command) }

func (c *Collection) decide(now time.Time) {
	c.Closed = c.Closed || c.Cancelled || c.enough() || !c.Until.IsZero() && !now.Before(c.Until)
	if !c.Over {
		c.fetch(now)
	}
	c.Over = c.Closed && !slices.ContainsFunc(c.Runs, func(run Collected) bool { return run.Unread })
}

func (c *Collection) enough() bool {
	return c.EndedAs != "" || c.MaxRuns > 0 && c.Count >= c.MaxRuns
}

// Run returns the listed run of an instance.
func (c *Collection) Run(instanceID string) (run Collected, listed bool) {
	if at := indexOf(c.Runs, instanceID); at >= 0 {
		return c.Runs[at], true
	}
	return Collected{}, false
}

// fetch has outputs read, several at a time and for a while.
func (c *Collection) fetch(now time.Time) {
	for i := range c.Runs {
		run := &c.Runs[i]
		switch {
		case !run.Unread || run.fetching && !c.Cancelled:
		case c.Cancelled:
			run.Unread, run.OutputsError = false, "they were not read: the workflow was cancelled"
		case !now.Before(run.FinishedAt.Add(fetchPatience)):
			run.Unread, run.OutputsError = false, fmt.Sprintf("there was no time to read them within %s", fetchPatience)
		case c.Fetching < maxFetching && !c.Held:
			c.Fetching++
			run.fetching = true
			c.do(Fetch{InstanceID: run.InstanceID})
		}
	}
}

func (c *Collection) fetched(e *Fetched) {
	c.Fetching--
	if i := indexOf(c.Runs, e.InstanceID); i >= 0 {
		c.Runs[i].Unread, c.Runs[i].fetching, c.Runs[i].OutputsError = false, false, upTo(maxReason, e.Err)
	}
}
