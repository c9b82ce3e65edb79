package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
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

// ModelTrigger is the input of DpaTriggerModel.
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

// DpaTriggerModel runs a model (W3), at most once, if it is idle (W6). The type of its error says what is known, as for
// DpaTriggerPlan; a busy model is TriggerNotSent with Fault.Busy. Runs of ours need no lock among themselves: the platform
// executes no model that is busy, and of two that find it idle it refuses one, which then sees why.
func (a *Activities) DpaTriggerModel(ctx context.Context, in ModelTrigger) (Triggered, error) {
	return a.trigger(ctx, request{
		Trigger: in.Trigger, kind: "model", id: in.ModelID, patience: in.patience(),
		policy: modelPolicy(in.ModelID, in.ExecutePath, in.Params),
		same: func(raw *commonpb.Payloads) (int, bool) {
			var other ModelTrigger
			if a.converter.FromPayloads(raw, &other) != nil {
				return 0, true
			}
			number, same := sameTrigger(in.Trigger, other.Trigger)
			return number, same && other.ModelID == in.ModelID
		},
		prepare: func(ctx context.Context) (sendFunc, error) {
			var declared error
			if in.Preflight && !in.Checked {
				declared = a.preflightModel(ctx, in)
			}
			params, private, err := a.resolve("params", in.Params)
			if err := together(declared, err); err != nil {
				return nil, err
			}
			if in.Preflight {
				if err := a.checkIdle(ctx, in.ModelID, time.Time{}); err != nil {
					return nil, err
				}
			}
			return func(ctx context.Context, callback string, intend intendFunc) (string, string, error) {
				var idleSince time.Time
				if ahead, known := a.platform.ClockAhead(); known {
					idleSince = time.Now().Add(ahead - clockMargin)
				}
				answer, err := a.platform.TriggerModel(ctx, platform.ModelTrigger{
					ModelID: in.ModelID, Params: params, CallbackURL: callback, ExecutePath: in.ExecutePath,
					Sync: in.Sync, SyncTimeout: in.SyncTimeout, DesignatedOutputsOnly: in.DesignatedOutputsOnly,
					Private: private, Intend: intend,
				})
				if refused(err) && errors.Is(a.checkIdle(ctx, in.ModelID, idleSince), errBusy) {
					err = fmt.Errorf("%w: %w", errBusy, err) // somebody else was faster
				}
				return answer.InstanceID, answer.Status, err
			}, nil
		},
	})
}

// preflightModel checks the parameters against what the model declares (W2): exactly those.
func (a *Activities) preflightModel(ctx context.Context, in ModelTrigger) error {
	declared, err := a.platform.ModelInputs(ctx, in.ModelID)
	if refused(err) {
		return runbook.Faults{{Path: "modelId", Problem: fmt.Sprintf("the platform does not describe model %q: %v", in.ModelID, err)}}
	}
	if err != nil {
		return err
	}
	var faults runbook.Faults
	faults.Add("params", compare(declared, in.Params))
	return faults.Err()
}

// clockMargin is more than what the platform's Date header, in whole seconds, can be wrong by.
const clockMargin = 2 * time.Second

// checkIdle returns errBusy if the model runs, or has run since a time by the platform's clock, which may be zero: one
// that has refused a trigger may be idle again when it is looked at. A model that the list does not have is not known
// to be busy: its card may well run it.
func (a *Activities) checkIdle(ctx context.Context, modelID string, since time.Time) error {
	models, err := a.platform.Models(ctx)
	if err != nil {
		return err
	}
	for _, model := range models {
		if model.ID == modelID && (isBusy(model.Status) || !since.IsZero() && model.UpdateTime.After(since)) {
			return errBusy
		}
	}
	return nil
}

// isBusy tells whether a model's status (W6) keeps it from being run.
func isBusy(status string) bool { return status == "RUNNING" || status == "PENDING" }

// ModelInstance names an instance of a model.
type ModelInstance struct {
	ModelID    string `json:"modelId"`
	InstanceID string `json:"instanceId"`
	// DesignatedOnly, Limit and Read are for ModelOutputs: which outputs, to how many bytes of JSON, and which are cut last.
	DesignatedOnly bool     `json:"designatedOnly,omitempty"`
	Limit          int      `json:"limit,omitempty"`
	Read           []string `json:"read,omitempty"`
	// Ending is for ModelOutputs.
	Ending
	// Step is the trigger's, for the log.
	Step string `json:"step,omitempty"`
}

// ModelStatus asks how an instance is (W4): RUNNING, PENDING, FINISH, FAIL or what else the platform says.
func (a *Activities) ModelStatus(ctx context.Context, in ModelInstance) (string, error) {
	instance, err := a.platform.ModelStatus(ctx, in.ModelID, in.InstanceID)
	return instance.Status, readError(fmt.Sprintf("ask for the status of model %s, instance %s", in.ModelID, in.InstanceID), err)
}

// ModelOutputs fetches the outputs of an instance that has ended (W7), redacted and cut as by PlanOutputs.
func (a *Activities) ModelOutputs(ctx context.Context, in ModelInstance) ([]NodeOutput, error) {
	answer, err := a.platform.ModelOutputs(ctx, in.ModelID, in.InstanceID, in.DesignatedOnly)
	doing := fmt.Sprintf("fetch the outputs of model %s, instance %s", in.ModelID, in.InstanceID)
	if err := outputsError(ctx, doing, in.Ending, len(answer) == 0, err); err != nil {
		return nil, err
	}
	all := []ModelOutputs{{Nodes: nodesOf(answer)}}
	a.secrets.redact(all)
	return fit(all, in.Limit, in.Read)[0].Nodes, nil
}

// patience is how much longer than others the call may take: the platform waits for the end of a synchronous run.
func (in ModelTrigger) patience() time.Duration {
	if !in.Sync {
		return 0
	}
	return cmp.Or(in.SyncTimeout, defaultSyncTimeout)
}

const defaultSyncTimeout = 30 * time.Second
