package workflows

import (
	"cmp"
	"errors"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/operators"
	"github.com/dpaflow/dpaflow/runbook"
)

// What the update "resolveTrigger" can do with a trigger whose outcome nobody knows.
const (
	// ActionAdopt names the instance that the trigger started.
	ActionAdopt = execution.ActionAdopt
	// ActionRetrigger sends a fresh trigger: the operator has made sure that the first did not run.
	ActionRetrigger = execution.ActionRetrigger
	// ActionAbort ends the run as TriggerOutcomeUnknown.
	ActionAbort = execution.ActionAbort
)

// ResolveTrigger is the argument of the update "resolveTrigger".
type ResolveTrigger struct {
	// Step names the execution where a workflow has several.
	Step       string `json:"step,omitempty"`
	Action     string `json:"action"`
	InstanceID string `json:"instanceId,omitempty"`
	By         string `json:"by,omitempty"`
	Comment    string `json:"comment,omitempty"`
	// Proof is that of By, as operators.Sign makes it.
	Proof string `json:"proof,omitempty"`
}

// ResolveRun is the argument of the update "resolveRun": how an instance ended whose callbacks are lost.
type ResolveRun struct {
	Step    string `json:"step,omitempty"`
	Status  string `json:"status"`
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
	Proof   string `json:"proof,omitempty"`
}

// resolving is what operators did to something, and wait for its answer.
type resolving struct {
	actions          []*execution.Resolve
	replies          map[int]string
	handling, number int
}

func newResolving() resolving { return resolving{replies: map[int]string{}} }

// answer has the core decide about an operator's action and waits for what it says. What has overtaken the action in the
// same workflow task makes the core refuse what the validator let through; that stands in the history.
func (r *resolving) answer(ctx workflow.Context, action execution.Resolve) error {
	r.number++
	action.ID = r.number
	r.handling++
	defer func() { r.handling-- }()
	r.actions = append(r.actions, &action)
	refusal, answered := "", false
	ctx, _ = workflow.NewDisconnectedContext(ctx) // a cancellation is answered by the core, too
	err := workflow.Await(ctx, func() bool { refusal, answered = r.replies[action.ID]; return answered })
	delete(r.replies, action.ID)
	if err == nil && refusal != "" {
		err = errors.New(refusal)
	}
	if err != nil {
		return refusedUpdate(err)
	}
	return nil
}

// taken takes the actions that have arrived.
func (r *resolving) taken() (events []execution.Event) {
	for _, action := range r.actions {
		events = append(events, action)
	}
	r.actions = nil
	return events
}

func (all *executions) takeUpdates() {
	update(all.ctx, "resolveTrigger", "Settle a trigger whose outcome nobody knows",
		func(in ResolveTrigger) error { return all.check(in.Step, in.action()) },
		func(ctx workflow.Context, in ResolveTrigger) (any, error) { return all.act(ctx, in.Step, in.action()) })
	update(all.ctx, "resolveRun", "Say how an instance ended whose callbacks are lost",
		func(in ResolveRun) error { return all.check(in.Step, in.action()) },
		func(ctx workflow.Context, in ResolveRun) (any, error) { return all.act(ctx, in.Step, in.action()) })
}

func (in ResolveTrigger) action() execution.Resolve {
	// What is empty for resolveRun, and wrong here.
	return execution.Resolve{
		What: cmp.Or(in.Action, "nothing"), InstanceID: in.InstanceID, By: in.By, Comment: in.Comment, Subject: operators.Subject(in.Proof),
	}
}

func (in ResolveRun) action() execution.Resolve {
	return execution.Resolve{Status: in.Status, By: in.By, Comment: in.Comment, Subject: operators.Subject(in.Proof)}
}

// check refuses what makes no sense by what the run has taken in so far.
func (all *executions) check(step string, action execution.Resolve) error {
	if all.collector != nil && action.What == "" {
		action.Step = step
		return all.collector.state.Refuse(&action)
	}
	r, err := all.find(step)
	if err != nil {
		return err
	}
	return r.state.Refuse(&action, workflow.Now(all.ctx))
}

func (all *executions) act(ctx workflow.Context, step string, action execution.Resolve) (any, error) {
	if c := all.collector; c != nil && action.What == "" {
		action.Step = step
		return c.act(ctx, action)
	}
	r, err := all.find(step)
	if err != nil {
		return nil, refusedUpdate(err)
	}
	return r.act(ctx, action)
}

// refusedUpdate is how an update fails that its validator let through.
func refusedUpdate(err error) error {
	return fail(activities.ErrorInvalidInput, runbook.Faults{{Problem: err.Error()}}, nil, err.Error())
}

// update adds an update whose argument is read strictly and checked before it leaves a trace in the
// history. It answers with what act returns.
func update[In any](ctx workflow.Context, name, description string, check func(In) error, act func(workflow.Context, In) (any, error)) {
	validate := func(raw converter.RawValue) (in In, err error) {
		if err := runbook.Decode(raw.Payload().GetData(), &in); err != nil {
			return in, err
		}
		return in, check(in)
	}
	handle := func(ctx workflow.Context, raw converter.RawValue) (any, error) {
		in, err := validate(raw)
		if err != nil {
			return nil, refusedUpdate(err)
		}
		return act(ctx, in)
	}
	err := workflow.SetUpdateHandlerWithOptions(ctx, name, handle, workflow.UpdateHandlerOptions{
		Validator: func(ctx workflow.Context, raw converter.RawValue) error {
			if err := operators.Check(ctx, raw.Payload().GetData()); err != nil {
				return err
			}
			_, err := validate(raw)
			return err
		},
		Description: description,
	})
	if err != nil {
		panic(err) // only a handler of the wrong form is refused
	}
}
