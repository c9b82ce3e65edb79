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
	update(d, "resolveTrigger", "Settle a trigger whose outcome nobody knows", (*desk).checkTrigger, (*desk).resolveTrigger)
	update(d, "resolveRun", "Say how an instance ended whose callbacks are lost", (*desk).checkRun, (*desk).resolveRun)
}

// update adds an update whose argument is read strictly and checked before it leaves a trace in the
// history. It answers with the status of the execution that it acted on.
func update[In any](d *desk, name, description string, check func(*desk, In) (*execution, error), act func(*desk, *execution, In)) {
	validate := func(raw converter.RawValue) (in In, e *execution, err error) {
		if err := decodeObject(raw.Payload().GetData(), &in).Err(); err != nil {
			return in, nil, err
		}
		e, err = check(d, in)
		return in, e, err
	}
	handle := func(ctx workflow.Context, raw converter.RawValue) (Status, error) {
		in, e, err := validate(raw)
		if err != nil {
			return Status{}, activities.InvalidInput(activities.Faults{{Problem: err.Error()}})
		}
		act(d, e, in)
		e.wake.SendAsync(nil)
		return e.status, nil
	}
	err := workflow.SetUpdateHandlerWithOptions(d.ctx, name, handle, workflow.UpdateHandlerOptions{
		Validator:   func(_ workflow.Context, raw converter.RawValue) error { _, _, err := validate(raw); return err },
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

func (d *desk) resolveTrigger(e *execution, in ResolveTrigger) {
	d.record(e, "resolveTrigger "+in.Action, in.By, in.Comment)
	if in.Action == ActionAdopt {
		e.adopt(d.ctx, in.InstanceID)
		return
	}
	e.verdict = in.Action
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

func (d *desk) resolveRun(e *execution, in ResolveRun) {
	d.record(e, "resolveRun "+in.Status, in.By, in.Comment)
	e.finish(d.ctx, in.Status, ObservedByOperator)
}

func (d *desk) record(e *execution, name, by, comment string) {
	e.status.Actions = append(e.status.Actions, Action{
		At: workflow.Now(d.ctx), Name: name, By: by, Comment: comment,
	})
}

func ofInstance(e *execution) string {
	if e.status.InstanceID == "" {
		return ""
	}
	return ", instance " + e.status.InstanceID
}
