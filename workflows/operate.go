package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
)

// What the update "resolveTrigger" can do with a trigger whose outcome nobody knows.
const (
	// ActionAdopt names the instance that the trigger started.
	ActionAdopt = "adopt"
	// ActionRetrigger sends a fresh trigger: the operator has made sure that the first did not run.
	ActionRetrigger = "retrigger"
	// ActionAbort ends the run as TriggerOutcomeUnknown.
	ActionAbort = "abort"
)

// ResolveTrigger is the argument of the update "resolveTrigger".
type ResolveTrigger struct {
	// Step names the execution where a workflow has several.
	Step       string `json:"step,omitempty"`
	Action     string `json:"action"`
	InstanceID string `json:"instanceId,omitempty"`
	By         string `json:"by,omitempty"`
	Comment    string `json:"comment,omitempty"`
}

// ResolveRun is the argument of the update "resolveRun": how an instance ended whose callbacks are lost.
type ResolveRun struct {
	Step    string `json:"step,omitempty"`
	Status  string `json:"status"`
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
}

func (d *desk) takeUpdates() {
	update(d.ctx, "resolveTrigger", "Settle a trigger whose outcome nobody knows",
		func(in ResolveTrigger) error { _, err := d.checkTrigger(in); return err },
		func(in ResolveTrigger) any { return d.resolveTrigger(in) })
	update(d.ctx, "resolveRun", "Say how an instance ended whose callbacks are lost",
		func(in ResolveRun) error { _, err := d.checkRun(in); return err },
		func(in ResolveRun) any { return d.resolveRun(in) })
}

// update adds an update whose argument is read strictly and checked before it leaves a trace in the
// history. It answers with what act returns.
func update[In any](ctx workflow.Context, name, description string, check func(In) error, act func(In) any) {
	validate := func(raw converter.RawValue) (in In, err error) {
		if err := decodeObject(raw.Payload().GetData(), &in).Err(); err != nil {
			return in, err
		}
		return in, check(in)
	}
	handle := func(_ workflow.Context, raw converter.RawValue) (any, error) {
		in, err := validate(raw)
		if err != nil {
			return nil, activities.InvalidInput(activities.Faults{{Problem: err.Error()}})
		}
		return act(in), nil
	}
	err := workflow.SetUpdateHandlerWithOptions(ctx, name, handle, workflow.UpdateHandlerOptions{
		Validator:   func(_ workflow.Context, raw converter.RawValue) error { _, err := validate(raw); return err },
		Description: description,
	})
	if err != nil {
		panic(err) // only a handler of the wrong form is refused
	}
}

func (d *desk) checkTrigger(in ResolveTrigger) (*execution, error) {
	e, err := d.find(in.Step)
	switch {
	case err != nil:
		return nil, err
	case in.Action != ActionAdopt && in.Action != ActionRetrigger && in.Action != ActionAbort:
		return nil, fmt.Errorf("action wants %q, %q or %q, got %q", ActionAdopt, ActionRetrigger, ActionAbort, in.Action)
	case e.status.Phase != PhaseUnknown:
		return nil, fmt.Errorf("the trigger of %s is not in doubt: the run is %s%s", e.job.name(), e.status.Phase, ofInstance(e))
	case in.Action == ActionAdopt && in.InstanceID == "":
		return nil, errors.New("adopt wants the instanceId that the platform shows")
	case in.Action != ActionAdopt && in.InstanceID != "":
		return nil, fmt.Errorf("%s takes no instanceId; did you mean adopt?", in.Action)
	}
	return e, nil
}

// resolveTrigger acts on what checkTrigger has found; the argument has passed it.
func (d *desk) resolveTrigger(in ResolveTrigger) Status {
	e, _ := d.checkTrigger(in)
	d.record(e, "resolveTrigger "+in.Action, in.By, in.Comment)
	if in.Action == ActionAdopt {
		e.adopt(d.ctx, in.InstanceID)
	} else {
		e.verdict = in.Action
	}
	e.wake.SendAsync(nil)
	return e.status
}

func (d *desk) checkRun(in ResolveRun) (*execution, error) {
	e, err := d.find(in.Step)
	switch {
	case err != nil:
		return nil, err
	case in.Status != StatusSuccess && in.Status != StatusFail:
		return nil, fmt.Errorf("status wants %q or %q, got %q", StatusSuccess, StatusFail, in.Status)
	case e.status.Phase == PhaseUnknown:
		return nil, fmt.Errorf("the instance of %s is not known; name it first by resolveTrigger with adopt", e.job.name())
	case e.status.Phase != PhaseWaiting || e.status.FinishedAt != nil:
		return nil, fmt.Errorf("%s does not wait for an end: the run is %s%s", e.job.name(), e.status.Phase, ofInstance(e))
	}
	return e, nil
}

// resolveRun acts on what checkRun has found; the argument has passed it.
func (d *desk) resolveRun(in ResolveRun) Status {
	e, _ := d.checkRun(in)
	d.record(e, "resolveRun "+in.Status, in.By, in.Comment)
	e.finish(d.ctx, in.Status, ObservedByOperator)
	e.wake.SendAsync(nil)
	return e.status
}

func (d *desk) record(e *execution, name, by, comment string) {
	action := Action{At: workflow.Now(d.ctx), Step: e.step, Name: name, By: by, Comment: comment}
	e.status.Actions = append(e.status.Actions, action)
	if d.recorded != nil {
		d.recorded(action)
	}
}

func ofInstance(e *execution) string {
	if e.status.InstanceID == "" {
		return ""
	}
	return ", instance " + e.status.InstanceID
}
