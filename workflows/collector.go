package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
)

const (
	// listedLimit bounds, in bytes of JSON, the outputs that all listed runs keep together: with all else that is
	// carried from one history to the next they must fit into one of Temporal's messages.
	listedLimit = 1 << 20
	// callbacksPerHistory has a history end long before Temporal's limits of events and signals, once no outputs are
	// being read. From mostCallbacks on these are left, and read anew.
	callbacksPerHistory = 200
	mostCallbacks       = 5 * callbacksPerHistory
)

// TimedState is what TimedPlan carries from one history to the next.
type TimedState struct {
	execution.Collection
	// Outputs are those of the listed runs, by instance.
	Outputs map[string][]activities.ModelOutputs `json:"outputs,omitempty"`
}

// collector is the shell around a collection.
type collector struct {
	resolving
	in    TimedInput
	state *TimedState
	ctx   workflow.Context // its cancellation is the workflow's
	all   *executions
	scene *run // the registration; nil in a later history
	reads []fetching
	heard int             // callbacks in this history
	leave workflow.Future // once it is full: when it may end
}

// newCollector takes updates from the first moment on: one may have been on its way while the history before ended.
func newCollector(ctx workflow.Context, in TimedInput, carried *TimedState) *collector {
	c := &collector{in: in, ctx: ctx, state: carried, resolving: newResolving()}
	if c.state == nil {
		c.state = &TimedState{}
		c.state.Name, c.state.MaxRuns = fmt.Sprintf("scene %s of plan %s", in.SceneName, in.PlanID), in.MaxRuns
		if in.MaxRuns == 0 && in.single() {
			c.state.MaxRuns = 1
		}
		if in.Until != nil {
			c.state.Until = *in.Until
		}
	}
	if c.state.Outputs == nil {
		c.state.Outputs = map[string][]activities.ModelOutputs{}
	}
	c.all = newExecutions(ctx, c)
	return c
}

// fetching is the reading of an instance's outputs.
type fetching struct {
	instanceID string
	*reading
}

// register registers the scene, at most once. One whose registration is in doubt exists if it calls back.
func (c *collector) register() error {
	policy, _ := Policy{Timeout: runbook.Duration(sceneForever)}.withDefaults()
	if !c.state.Until.IsZero() {
		policy.Timeout = runbook.Duration(max(c.state.Until.Sub(workflow.Now(c.ctx)), time.Second))
	}
	c.scene = newRun(c.ctx, &sceneTarget{planTarget: planTarget{in: PlanInput{PlanID: c.in.PlanID}}, scene: c.in, name: c.state.Name}, policy, runOptions{})
	if err := c.scene.wait(); err != nil {
		return err
	}
	c.state.Key = c.scene.state.LeadingKey()
	c.state.Notes, c.state.Actions = c.scene.state.Status.Notes, c.scene.state.Status.Actions
	c.in.Params = nil // they are not carried along
	return nil
}

func (c *collector) act(ctx workflow.Context, action execution.Resolve) (any, error) {
	if err := c.answer(ctx, action); err != nil {
		return nil, err
	}
	return c.status(), nil
}

// collect takes in what calls back until the collection is over, over as many histories as it takes. A history ends
// once nothing that it was told is left unread; the server refuses to end it while more is on its way.
func (c *collector) collect() (TimedResult, error) {
	for {
		c.advance()
		answering := c.handling > 0
		switch {
		case answering:
		case c.state.Over:
			return c.end()
		case c.mayLeave():
			return TimedResult{}, workflow.NewContinueAsNewError(c.ctx, "TimedPlan", c.in, c.carried())
		}
		arrived := func() bool { return c.arrived() || c.handling == 0 && (answering || c.mayLeave()) }
		if err := workflow.Await(c.all.ctx, arrived); err != nil {
			return TimedResult{}, err // a context that is never cancelled
		}
	}
}

// carried is the state without outputs that are not listed any more.
func (c *collector) carried() *TimedState {
	outputs := make(map[string][]activities.ModelOutputs, len(c.state.Runs))
	for _, run := range c.state.Runs {
		if read, known := c.state.Outputs[run.InstanceID]; known {
			outputs[run.InstanceID] = read
		}
	}
	return &TimedState{Collection: c.state.Collection, Outputs: outputs}
}

// fill looks whether the history is full: from then on no further outputs are read. It ends in a workflow task without
// a local activity: with one, a callback that came meanwhile would have the server refuse the end, and all begin anew.
func (c *collector) fill() {
	full := c.heard >= callbacksPerHistory || workflow.GetInfo(c.ctx).GetContinueAsNewSuggested()
	if full && c.leave == nil {
		c.leave = workflow.NewTimer(c.all.ctx, quickRead+time.Second)
	}
	c.state.Held = c.leave != nil
}

func (c *collector) mayLeave() bool {
	return c.leave != nil && c.leave.IsReady() && (c.state.Fetching == 0 || c.heard >= mostCallbacks)
}

// advance gives the core all that has arrived, and does what it says. It does not block.
func (c *collector) advance() {
	events := c.take()
	c.fill()
	for _, command := range c.state.Next(workflow.Now(c.ctx), events...) {
		switch command := command.(type) {
		case execution.Fetch:
			var a *activities.Activities
			run, _ := c.state.Run(command.InstanceID)
			in := activities.PlanInstance{PlanID: c.in.PlanID, InstanceID: command.InstanceID, Limit: listedLimit / c.listed(), Ending: activities.Ending{EndedAt: run.FinishedAt, Failed: run.Status == StatusFail}}
			c.reads = append(c.reads, fetching{command.InstanceID, readPatiently(c.all.ctx, a.PlanOutputs, in)})
		case execution.Reply:
			c.replies[command.ID] = command.Refusal
		case execution.Count:
			count(c.ctx, command.Name, command.Labels...)
		case execution.Log:
			workflow.GetLogger(c.ctx).Warn(command.Text, "target", c.state.Name)
		}
	}
	if !c.state.Closed && !c.state.Until.IsZero() {
		c.all.wakeAt(c.state.Until)
	}
	workflow.SetCurrentDetails(c.ctx, fmt.Sprintf("Scene **%s** of plan %s: %d runs have ended, %d are open",
		cell(c.in.SceneName), cell(c.in.PlanID), c.state.Count, len(c.state.Open)))
}

// arrived tells whether there is anything for the core to take in.
func (c *collector) arrived() bool {
	return len(c.actions) > 0 || c.ctx.Err() != nil && !c.state.Cancelled || len(unreadCallbacks(c.ctx)) > 0 ||
		slices.ContainsFunc(c.reads, func(r fetching) bool { return r.ready() }) ||
		!c.state.Closed && !c.state.Until.IsZero() && !workflow.Now(c.ctx).Before(c.state.Until)
}

// take takes everything that has arrived since it was asked last.
func (c *collector) take() (events []execution.Event) {
	for _, address := range unreadCallbacks(c.ctx) {
		channel := workflow.GetSignalChannel(c.ctx, signals.SignalName(address))
		for callback := (signals.Callback{}); channel.ReceiveAsync(&callback); callback = (signals.Callback{}) {
			c.heard++
			events = append(events, &execution.Callback{Address: address, InstanceID: callback.InstanceID, Status: callback.Status})
		}
	}
	c.reads = slices.DeleteFunc(c.reads, func(r fetching) bool {
		if !r.done() {
			return false
		}
		var outputs []activities.ModelOutputs
		fetched := &execution.Fetched{InstanceID: r.instanceID}
		if err := r.get(&outputs); err != nil {
			fetched.Err = cause(err).Error()
		} else {
			c.state.Outputs[r.instanceID] = outputs
		}
		events = append(events, fetched)
		return true
	})
	if c.ctx.Err() != nil && !c.state.Cancelled {
		events = append(events, &execution.Cancelled{})
	}
	return append(events, c.taken()...)
}

// unreadCallbacks are the addresses that callbacks have come to and nobody has read, of instances that nobody knows
// yet too.
func unreadCallbacks(ctx workflow.Context) (addresses []string) {
	for _, name := range workflow.GetUnhandledSignalNames(ctx) {
		if address, found := strings.CutPrefix(name, signals.SignalName("")); found {
			addresses = append(addresses, address)
		}
	}
	slices.Sort(addresses)
	return addresses
}

// listed is how many runs the list will hold at most.
func (c *collector) listed() int {
	if c.state.MaxRuns > 0 {
		return min(c.state.MaxRuns, execution.MaxCollected)
	}
	return execution.MaxCollected
}
