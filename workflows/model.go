package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/internal/endpoint"
	"github.com/dpaflow/dpaflow/runbook"
)

// ModelInput says which model to run, and how. Only ModelID is required.
type ModelInput struct {
	ModelID string `json:"modelId"`
	// Params are the model's inputs: name → value.
	Params activities.Params `json:"params,omitempty"`
	Policy
	// ExecutePath is the path of this model's execution on the platform, as its card shows it, where the
	// worker's DPA_MODEL_EXECUTE_PATH does not fit.
	ExecutePath string `json:"executePath,omitempty"`
	// Sync has the platform wait for the end before it answers, up to SyncTimeout (30s if zero).
	Sync        bool             `json:"sync,omitempty"`
	SyncTimeout runbook.Duration `json:"syncTimeout,omitempty"`
	// DesignatedOutputsOnly leaves out the outputs of nodes that the model does not designate.
	DesignatedOutputsOnly bool `json:"designatedOutputsOnly,omitempty"`
	// OnBusy is runbook.WaitOnBusy if empty.
	OnBusy runbook.OnBusy `json:"onBusy,omitempty"`
}

// ModelResult is a model's instance that has ended: of RunModel, and the detail of ModelFailed.
type ModelResult struct {
	ModelID string `json:"modelId"`
	Ended
	// Nodes are what the model's nodes gave out.
	Nodes []activities.NodeOutput `json:"nodes"`
}

// RunModel is the workflow type "RunModel": one model, run once. It answers the query "status" and takes
// the updates "resolveTrigger" and "resolveRun". It fails as one of the Error… types of package
// activities.
func RunModel(ctx workflow.Context, in ModelInput) (ModelResult, error) {
	all := executionsOf(ctx)
	if err := all.answerStatus(ctx); err != nil {
		return ModelResult{}, err
	}
	return ExecuteModel(ctx, in)
}

// ExecuteModel runs a model from within any workflow: it waits until the model is idle (W6), triggers it
// (W3), waits for its end (W5, or W4 after a silence) and fetches its outputs (W7). What holds for
// ExecutePlan holds for it too.
func ExecuteModel(ctx workflow.Context, in ModelInput) (ModelResult, error) {
	in, faults := in.withDefaults()
	if len(faults) > 0 {
		return ModelResult{}, activities.InvalidInput(faults)
	}
	model := &modelTarget{in: in}
	ended, err := execute(ctx, model, in.Policy)
	if err != nil {
		return ModelResult{}, err
	}
	result := ModelResult{ModelID: in.ModelID, Ended: ended, Nodes: model.nodes}
	if result.Status == StatusFail {
		return ModelResult{}, fail(activities.ErrorModelFailed, result, nil, fmt.Sprintf(
			"model %s ended FAIL as instance %s; its outputs are in the details", in.ModelID, result.InstanceID))
	}
	return result, nil
}

func (in ModelInput) withDefaults() (ModelInput, runbook.Faults) {
	var faults runbook.Faults
	faults.Add("modelId", checkID(in.ModelID))
	if in.ExecutePath != "" {
		faults.Add("executePath", endpoint.CheckExecution(in.ExecutePath, in.ModelID))
	}
	policy, more := in.Policy.withDefaults()
	faults = append(faults, more...)
	in.Policy = policy
	if in.OnBusy == "" {
		in.OnBusy = runbook.WaitOnBusy
	}
	if in.OnBusy != runbook.WaitOnBusy && in.OnBusy != runbook.FailOnBusy {
		faults.Add("onBusy", fmt.Errorf("must be %q or %q, got %q", runbook.WaitOnBusy, runbook.FailOnBusy, in.OnBusy))
	}
	if in.SyncTimeout < 0 || in.SyncTimeout > runbook.MaxSyncTimeout {
		faults.Add("syncTimeout", fmt.Errorf("must be at most %s", time.Duration(runbook.MaxSyncTimeout)))
	}
	if in.SyncTimeout > 0 && !in.Sync {
		faults.Add("syncTimeout", errors.New("is for runs with sync only"))
	}
	return in, faults
}

// modelTarget makes a model a target.
type modelTarget struct {
	in    ModelInput
	nodes []activities.NodeOutput
}

func (m *modelTarget) rules() execution.Rules {
	return execution.Rules{
		Target: execution.Model, ID: m.in.ModelID, Name: "model " + m.in.ModelID,
		Sync: m.in.Sync, FailOnBusy: m.in.OnBusy == runbook.FailOnBusy,
	}
}

func (m *modelTarget) results() []activities.ModelOutputs {
	return []activities.ModelOutputs{{ModelID: m.in.ModelID, Nodes: m.nodes}}
}

func (m *modelTarget) trigger(ctx workflow.Context, in activities.Trigger) workflow.Future {
	var a *activities.Activities
	return workflow.ExecuteActivity(ctx, a.DpaTriggerModel, activities.ModelTrigger{
		ModelID: m.in.ModelID, Params: m.in.Params, ExecutePath: m.in.ExecutePath,
		Sync: m.in.Sync, SyncTimeout: time.Duration(m.in.SyncTimeout), DesignatedOutputsOnly: m.in.DesignatedOutputsOnly,
		Trigger: in,
	})
}

func (m *modelTarget) poll(r *run) *reading {
	var a *activities.Activities
	return readQuickly(r.ctx, a.ModelStatus, activities.ModelInstance{ModelID: m.in.ModelID, InstanceID: r.state.Status.InstanceID})
}

func (m *modelTarget) polled(asked *reading) (execution.Polled, error) {
	polled := execution.Polled{Exact: true}
	err := asked.get(&polled.Status)
	return polled, err
}

func (m *modelTarget) fetch(r *run) *reading {
	var a *activities.Activities
	return readOutputs(r, a.ModelOutputs, activities.ModelInstance{
		ModelID: m.in.ModelID, InstanceID: r.state.Status.InstanceID,
		Step: cmp.Or(r.step, r.state.Rules.Label), DesignatedOnly: m.in.DesignatedOutputsOnly, Limit: r.limit, Read: r.read,
		Ending: r.ending(),
	})
}

func (m *modelTarget) fetched(read *reading) error { return read.get(&m.nodes) }
