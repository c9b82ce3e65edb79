package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"

	"github.com/dpaflow/dpaflow/platform"
)

// Models lists the models that the platform's account may run (W6).
func (a *Activities) Models(ctx context.Context) ([]platform.Model, error) {
	models, err := a.platform.Models(ctx)
	return models, readError("list the models", err)
}

// ModelInputs lists the inputs that a model declares (W2).
func (a *Activities) ModelInputs(ctx context.Context, modelID string) ([]platform.Input, error) {
	inputs, err := a.platform.ModelInputs(ctx, modelID)
	return inputs, readError("read the inputs of model "+modelID, err)
}

// ModelTrigger is the input of TriggerModel.
type ModelTrigger struct {
	ModelID string `json:"modelId"`
	Params  Params `json:"params,omitempty"`
	// ExecutePath is the path of the model's execution where the worker's template does not fit.
	ExecutePath string `json:"executePath,omitempty"`
	// Sync has the platform wait for the end before it answers, up to SyncTimeout.
	Sync                  bool          `json:"sync,omitempty"`
	SyncTimeout           time.Duration `json:"syncTimeout,omitempty"`
	DesignatedOutputsOnly bool          `json:"designatedOutputsOnly,omitempty"`
	Trigger
}

// errBusy: the platform refuses a model that is running or pending.
var errBusy = errors.New("the model is busy with another run")

// TriggerModel runs a model (W3), at most once, if it is idle (W6) and no other run of ours has its
// turn. The type of its error says what is known, as for TriggerPlan; a busy model is TriggerNotSent
// with Fault.Busy.
func (a *Activities) TriggerModel(ctx context.Context, in ModelTrigger) (Triggered, error) {
	return a.trigger(ctx, job{
		Trigger: in.Trigger, kind: "model", id: in.ModelID,
		same: func(raw *commonpb.Payloads) bool {
			var other ModelTrigger
			return a.converter.FromPayloads(raw, &other) != nil || other.ModelID == in.ModelID && other.Step == in.Step
		},
		prepare: func(ctx context.Context) (sendFunc, error) {
			if err := a.preflightModel(ctx, in); err != nil {
				return nil, err
			}
			params, private, err := a.resolve("params", in.Params)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context, callback string) (string, string, error) {
				answer, err := a.platform.TriggerModel(ctx, platform.ModelTrigger{
					ModelID: in.ModelID, Params: params, CallbackURL: callback, ExecutePath: in.ExecutePath,
					Sync: in.Sync, SyncTimeout: in.SyncTimeout, DesignatedOutputsOnly: in.DesignatedOutputsOnly,
					Private: private,
				})
				if refused(err) && errors.Is(a.checkIdle(ctx, in.ModelID), errBusy) {
					err = fmt.Errorf("%w: %w", errBusy, err) // somebody else was faster
				}
				return answer.InstanceID, answer.Status, err
			}, nil
		},
	})
}

// preflightModel checks the execute path, the inputs (W2), and that it is this run's turn (W6).
func (a *Activities) preflightModel(ctx context.Context, in ModelTrigger) error {
	var faults Faults
	if in.ExecutePath != "" {
		faults.Add("executePath", platform.CheckExecutePath(in.ExecutePath))
	}
	if in.Preflight {
		declared, err := a.platform.ModelInputs(ctx, in.ModelID)
		if refused(err) {
			return Faults{{Path: "modelId", Problem: fmt.Sprintf("the platform does not describe model %q: %v", in.ModelID, err)}}
		}
		if err != nil {
			return err
		}
		faults.Add("params", compare(declared, in.Params))
	}
	if err := faults.Err(); err != nil {
		return err
	}
	free, err := a.turns(ctx).take(ctx, in.ModelID, a.turn(ctx, in.Step))
	if err != nil {
		return err
	}
	if !free {
		return errBusy
	}
	return a.checkIdle(ctx, in.ModelID)
}

func (a *Activities) checkIdle(ctx context.Context, modelID string) error {
	models, err := a.platform.Models(ctx)
	if err != nil {
		return err
	}
	for _, model := range models {
		if model.ID == modelID {
			if isBusy(model.Status) {
				return errBusy
			}
			return nil
		}
	}
	return Faults{{Path: "modelId", Problem: fmt.Sprintf("the platform lists no model %q", modelID)}}
}

// isBusy tells whether a model's status (W6) keeps it from being run.
func isBusy(status string) bool { return status == "RUNNING" || status == "PENDING" }

// ModelInstance names an instance of a model.
type ModelInstance struct {
	ModelID    string `json:"modelId"`
	InstanceID string `json:"instanceId"`
	// DesignatedOnly and Limit are for ModelOutputs: which outputs, and to how many bytes of JSON.
	DesignatedOnly bool `json:"designatedOnly,omitempty"`
	Limit          int  `json:"limit,omitempty"`
	// Step is the trigger's.
	Step string `json:"step,omitempty"`
}

// ModelStatus asks how an instance is (W4): RUNNING, PENDING, FINISH, FAIL or what else the platform says.
func (a *Activities) ModelStatus(ctx context.Context, in ModelInstance) (string, error) {
	instance, err := a.platform.ModelStatus(ctx, in.ModelID, in.InstanceID)
	return instance.Status, readError(fmt.Sprintf("ask for the status of model %s, instance %s", in.ModelID, in.InstanceID), err)
}

// ModelOutputs fetches the outputs of an instance that has ended (W7), cut as by PlanOutputs, and lets
// the next run of ours have the model.
func (a *Activities) ModelOutputs(ctx context.Context, in ModelInstance) ([]NodeOutput, error) {
	if err := a.turns(ctx).give(ctx, in.ModelID, a.turn(ctx, in.Step)); err != nil {
		// The turn ends by itself when the workflow has ended.
		activity.GetLogger(ctx).Warn("the turn on a model was not given back", "modelId", in.ModelID, "step", in.Step, "error", err)
	}
	nodes, err := a.platform.ModelOutputs(ctx, in.ModelID, in.InstanceID, in.DesignatedOnly)
	if err != nil {
		return nil, readError(fmt.Sprintf("fetch the outputs of model %s, instance %s", in.ModelID, in.InstanceID), err)
	}
	all := fit([]ModelOutputs{{Nodes: nodes}}, in.Limit)
	return all[0].Nodes, nil
}

func (a *Activities) turn(ctx context.Context, step string) Turn {
	return Turn{WorkflowID: activity.GetInfo(ctx).WorkflowExecution.ID, Step: step}
}
