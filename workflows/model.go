package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
)

// OnBusy says what a run does when its model is busy with another one.
type OnBusy string

const (
	// WaitOnBusy waits for the model, as long as the run's timeout. It is the default.
	WaitOnBusy OnBusy = "wait"
	// FailOnBusy fails the run as TriggerRejected.
	FailOnBusy OnBusy = "fail"
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
	Sync        bool     `json:"sync,omitempty"`
	SyncTimeout Duration `json:"syncTimeout,omitempty"`
	// DesignatedOutputsOnly leaves out the outputs of nodes that the model does not designate.
	DesignatedOutputsOnly bool `json:"designatedOutputsOnly,omitempty"`
	// OnBusy is WaitOnBusy if empty.
	OnBusy OnBusy `json:"onBusy,omitempty"`
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
	ctx, desk := openDesk(ctx, true)
	if err := desk.answerStatus(ctx); err != nil {
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
	model := &modelJob{in: in}
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

// maxSyncTimeout keeps a synchronous trigger well within triggerLimit.
const maxSyncTimeout = Duration(10 * time.Minute)

func (in ModelInput) withDefaults() (ModelInput, activities.Faults) {
	var faults activities.Faults
	faults.Add("modelId", checkID(in.ModelID))
	policy, more := in.Policy.withDefaults()
	faults = append(faults, more...)
	in.Policy = policy
	if in.OnBusy == "" {
		in.OnBusy = WaitOnBusy
	}
	if in.OnBusy != WaitOnBusy && in.OnBusy != FailOnBusy {
		faults.Add("onBusy", fmt.Errorf("wants %q or %q, got %q", WaitOnBusy, FailOnBusy, in.OnBusy))
	}
	if in.SyncTimeout < 0 || in.SyncTimeout > maxSyncTimeout {
		faults.Add("syncTimeout", fmt.Errorf("wants at most %s", time.Duration(maxSyncTimeout)))
	}
	if in.SyncTimeout > 0 && !in.Sync {
		faults.Add("syncTimeout", errors.New("is for runs with sync only"))
	}
	return in, faults
}

// modelJob is the adapter of the story to models.
type modelJob struct {
	in    ModelInput
	nodes []activities.NodeOutput
}

func (m *modelJob) kind() string            { return "model" }
func (m *modelJob) id() string              { return m.in.ModelID }
func (m *modelJob) name() string            { return "model " + m.in.ModelID }
func (m *modelJob) describe(status *Status) { status.ModelID = m.in.ModelID }
func (m *modelJob) results() []activities.ModelOutputs {
	return []activities.ModelOutputs{{ModelID: m.in.ModelID, Nodes: m.nodes}}
}
func (m *modelJob) waitsForBusy() bool { return m.in.OnBusy == WaitOnBusy }

func (m *modelJob) trigger(ctx workflow.Context, in activities.Trigger) workflow.Future {
	var a *activities.Activities
	return workflow.ExecuteActivity(ctx, a.TriggerModel, activities.ModelTrigger{
		ModelID: m.in.ModelID, Params: m.in.Params, ExecutePath: m.in.ExecutePath,
		Sync: m.in.Sync, SyncTimeout: time.Duration(m.in.SyncTimeout), DesignatedOutputsOnly: m.in.DesignatedOutputsOnly,
		Trigger: in,
	})
}

// end translates the platform's word for a model that has succeeded.
func (m *modelJob) end(status string) (string, bool) {
	if status == "FINISH" {
		status = StatusSuccess
	}
	return status, status == StatusSuccess || status == StatusFail
}

// ask asks for the status of the very instance, which is exact.
func (m *modelJob) ask(ctx workflow.Context, e *execution) (answer, error) {
	var a *activities.Activities
	var status string
	in := activities.ModelInstance{ModelID: m.in.ModelID, InstanceID: e.status.InstanceID}
	err := quick(ctx, a.ModelStatus, in, &status)
	return answer{status: status, text: "instance " + status, counts: err == nil}, err
}

func (m *modelJob) fetch(ctx workflow.Context, e *execution) error {
	var a *activities.Activities
	return read(ctx, a.ModelOutputs, activities.ModelInstance{
		ModelID: m.in.ModelID, InstanceID: e.status.InstanceID, Step: cmp.Or(e.step, e.label),
		DesignatedOnly: m.in.DesignatedOutputsOnly, Limit: e.limit,
	}, &m.nodes)
}
