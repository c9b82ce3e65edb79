package workflows

import (
	"cmp"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/lock"
	"github.com/dpaflow/dpaflow/runbook"
)

// target is what differs between plans, models and timed scenes.
type target interface {
	// rules say what is run; the caller adds the policy.
	rules() execution.Rules
	// trigger starts the trigger's activity; its result is activities.Triggered.
	trigger(ctx workflow.Context, in activities.Trigger) workflow.Future
	// poll asks the platform how the instance is; polled reads the answer.
	poll(r *run) *reading
	polled(asked *reading) (execution.Polled, error)
	// fetch reads the outputs of the instance; fetched keeps them.
	fetch(r *run) *reading
	fetched(read *reading) error
	results() []activities.ModelOutputs
}

// run is one execution in a workflow: the shell around the core, which gives it what arrives and does what it says.
type run struct {
	target target
	state  *execution.State
	all    *executions
	step   string           // of a runbook
	limit  int              // of its outputs, in bytes of JSON
	read   []string         // of its outputs, by later steps
	locks  []lock.Use       // to look whether they are held, after a reset
	ctx    workflow.Context // its cancellation is the run's
	kept   workflow.Context // the same, but never cancelled

	sent           workflow.Future // the end of the trigger's activity
	findings       runbook.Faults  // that it was refused for
	recall         workflow.CancelFunc
	asked, outputs *reading
	registered     *reading
	askedFor       string            // the instance
	redirected     []execution.Event // callbacks that came under another run's key
	resolving
}

// Ended is what is known of an instance that has ended.
type Ended struct {
	InstanceID string `json:"instanceId"`
	// Status is SUCCESS or FAIL.
	Status string `json:"status"`
	// ObservedBy is callback, poll or operator: who told that it ended.
	ObservedBy  string    `json:"observedBy"`
	TriggeredAt time.Time `json:"triggeredAt"`
	FinishedAt  time.Time `json:"finishedAt"`
	// OutputsError says why there are no outputs, where a failed instance's could not be fetched.
	OutputsError string `json:"outputsError,omitempty"`
	// Notes are what an operator should know of.
	Notes []Note `json:"notes,omitempty"`
}

// execute runs a target to its end. An instance that ended FAIL is no error here.
func execute(ctx workflow.Context, t target, policy Policy) (Ended, error) {
	r := newRun(ctx, t, policy, runOptions{limit: outputsLimit})
	if err := r.wait(); err != nil {
		return Ended{}, err
	}
	status := r.state.Status
	return Ended{
		InstanceID: status.InstanceID, Status: status.Status, ObservedBy: status.ObservedBy,
		TriggeredAt: *status.TriggeredAt, FinishedAt: *status.FinishedAt,
		OutputsError: r.state.OutputsError, Notes: status.Notes,
	}, nil
}

// runOptions are for a step of a runbook. The label names this attempt at it, in every reset of the workflow too.
type runOptions struct {
	step, label string
	limit       int
}

// newRun adds a run to those of the workflow. It does nothing before it is waited for.
func newRun(ctx workflow.Context, t target, policy Policy, options runOptions) *run {
	all := executionsOf(ctx)
	rules := t.rules()
	rules.Origin, rules.Reset = workflow.GetInfo(ctx).OriginalRunID, wasReset(ctx) || len(all.resets) > 0
	rules.Timeout, rules.PollAfter = time.Duration(policy.Timeout), time.Duration(policy.PollAfter)
	rules.FailOnUnknown, rules.Preflight, rules.Repairable = policy.OnUnknown == runbook.FailOnUnknown, *policy.Preflight, options.step != ""
	rules.Label = cmp.Or(options.label, all.label(rules))
	r := &run{
		target: t, all: all, step: options.step, limit: options.limit, ctx: ctx, resolving: newResolving(),
		state: execution.New(rules, workflow.Now(ctx)),
	}
	r.kept, _ = workflow.NewDisconnectedContext(ctx)
	all.add(r)
	return r
}

// wasReset tells whether an earlier run may have done more than this one knows.
func wasReset(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.OriginalRunID != "" && info.OriginalRunID != info.WorkflowExecution.RunID
}

// wait carries the run on until it is over. A cancellation is the core's business: it ends the waiting.
func (r *run) wait() error {
	for r.advance(); !r.state.Over || len(r.actions) > 0 || r.handling > 0; r.advance() {
		if err := workflow.Await(r.kept, r.arrived); err != nil {
			return err // a context that is never cancelled
		}
	}
	r.all.settle(r)
	return r.failure()
}

// advance gives the core all that has arrived, and does what it says. It does not block.
func (r *run) advance() {
	for _, command := range r.state.Next(workflow.Now(r.ctx), r.take()...) {
		r.do(command)
	}
	r.all.arm(time.Time{})
	r.all.show()
}

// failure is what the run ends with as an error.
func (r *run) failure() error {
	failed := r.state.Failure
	if failed == nil {
		return nil
	}
	status := r.state.Status
	status.Phase = failed.Phase
	if failed.Cancelled {
		return temporal.NewCanceledError(status)
	}
	if failed.Type == activities.ErrorInvalidInput && len(r.findings) > 0 {
		return temporal.NewNonRetryableApplicationError(failed.Message, failed.Type, nil, status, r.findings)
	}
	return fail(failed.Type, status, nil, failed.Message)
}

// arrived tells whether there is anything for the core to take in.
func (r *run) arrived() bool {
	if r.state.Over {
		return len(r.actions) > 0 || r.handling == 0
	}
	wake := r.state.Wake()
	switch {
	case r.all.rang(), len(r.actions) > 0, len(r.redirected) > 0, r.sent != nil && r.sent.IsReady(), r.ctx.Err() != nil && !r.state.Cancelled,
		!wake.IsZero() && !workflow.Now(r.ctx).Before(wake):
		return true
	}
	for _, read := range []*reading{r.asked, r.outputs, r.registered} {
		if read != nil && read.ready() {
			return true
		}
	}
	return slices.ContainsFunc(r.addresses(), func(address string) bool { return r.channel(address).Len() > 0 })
}

// take takes everything that has arrived since it was asked last.
func (r *run) take() (events []execution.Event) {
	events, r.redirected = r.redirected, nil
	for _, address := range r.addresses() {
		events = append(events, r.callbacks(address)...)
	}
	if r.sent != nil && r.sent.IsReady() {
		var triggered activities.Triggered
		err := r.sent.Get(r.ctx, &triggered)
		events, r.sent = append(events, sentEvent(r.state.Rules.Name, triggered, err)), nil
		r.findings, _ = FindingsOf(err)
	}
	if r.asked.done() {
		polled, err := r.target.polled(r.asked)
		polled.InstanceID, polled.Alone = r.askedFor, polled.Alone && !r.all.runsTwice(r)
		if err != nil {
			polled.Err = cause(err).Error()
		}
		events, r.asked = append(events, &polled), nil
	}
	if r.outputs.done() {
		event := &execution.Fetched{}
		if err := r.target.fetched(r.outputs); err != nil {
			event.ErrorType, event.Err = readErrorType(err), cause(err).Error()
		}
		events, r.outputs = append(events, event), nil
	}
	if r.registered.done() {
		event := &execution.Registered{}
		if err := r.registered.get(nil); err != nil {
			event.Err = cause(err).Error()
		}
		events, r.registered = append(events, event), nil
	}
	if r.ctx.Err() != nil && !r.state.Cancelled {
		events = append(events, &execution.Cancelled{})
	}
	return append(events, r.taken()...)
}

func (r *run) act(ctx workflow.Context, action execution.Resolve) (any, error) {
	action.Step = r.step
	if err := r.answer(ctx, action); err != nil {
		return nil, err
	}
	return r.state.Status, nil
}
