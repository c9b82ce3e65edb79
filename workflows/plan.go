package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
)

// PlanInput says which plan to run, and how. Only PlanID is required.
type PlanInput struct {
	PlanID string `json:"planId"`
	// Params are the inputs of the plan's models: model id → name → value.
	Params activities.PlanParams `json:"params,omitempty"`
	Policy
}

// PlanResult is a plan's instance that has ended: of RunPlan, and the detail of PlanFailed.
type PlanResult struct {
	PlanID string `json:"planId"`
	Ended
	// Outputs are what the nodes of the plan's models gave out.
	Outputs []activities.ModelOutputs `json:"outputs"`
}

// RunPlan is the workflow type "RunPlan": one plan, run once. It answers the query "status" and takes
// the updates "resolveTrigger" and "resolveRun". It fails as one of the Error… types of package
// activities.
func RunPlan(ctx workflow.Context, in PlanInput) (PlanResult, error) {
	ctx, desk := openDesk(ctx, true)
	if err := desk.answerStatus(ctx); err != nil {
		return PlanResult{}, err
	}
	return ExecutePlan(ctx, in)
}

// ExecutePlan runs a plan from within any workflow: it triggers the plan (P5), waits for its end and
// fetches its outputs (P6). Where it cannot know whether the trigger ran, it waits for a callback or
// for the update "resolveTrigger"; see WithOperators for several plans side by side. A cancellation
// ends the waiting, not the plan: the platform cannot cancel an instance, and the error's details
// name it.
func ExecutePlan(ctx workflow.Context, in PlanInput) (PlanResult, error) {
	in, faults := in.withDefaults()
	if len(faults) > 0 {
		return PlanResult{}, activities.InvalidInput(faults)
	}
	plan := &planJob{in: in}
	ended, err := execute(ctx, plan, in.Policy)
	if err != nil {
		return PlanResult{}, err
	}
	result := PlanResult{PlanID: in.PlanID, Ended: ended, Outputs: plan.outputs}
	if result.Status == StatusFail {
		return PlanResult{}, fail(activities.ErrorPlanFailed, result, nil, fmt.Sprintf(
			"plan %s ended FAIL as instance %s; its outputs are in the details", in.PlanID, result.InstanceID))
	}
	return result, nil
}

func (in PlanInput) withDefaults() (PlanInput, activities.Faults) {
	var faults activities.Faults
	faults.Add("planId", checkID(in.PlanID))
	policy, more := in.Policy.withDefaults()
	in.Policy = policy
	return in, append(faults, more...)
}

// maxID bounds the ids of plans and models: they are part of the names of signals.
const maxID = 128

func checkID(id string) error {
	switch {
	case id == "":
		return errors.New("is missing")
	case len(id) > maxID:
		return fmt.Errorf("wants at most %d bytes, got %d", maxID, len(id))
	}
	return nil
}

// planJob is the adapter of the story to plans.
type planJob struct {
	in      PlanInput
	outputs []activities.ModelOutputs
}

func (p *planJob) kind() string                       { return "plan" }
func (p *planJob) id() string                         { return p.in.PlanID }
func (p *planJob) name() string                       { return "plan " + p.in.PlanID }
func (p *planJob) describe(status *Status)            { status.PlanID = p.in.PlanID }
func (p *planJob) results() []activities.ModelOutputs { return p.outputs }
func (p *planJob) waitsForBusy() bool                 { return false }
func (p *planJob) trigger(ctx workflow.Context, in activities.Trigger) workflow.Future {
	var a *activities.Activities
	return workflow.ExecuteActivity(ctx, a.TriggerPlan, activities.PlanTrigger{PlanID: p.in.PlanID, Params: p.in.Params, Trigger: in})
}

func (p *planJob) end(status string) (string, bool) {
	return status, status == StatusSuccess || status == StatusFail
}

// ask looks the plan up in the platform's list. A status there is of the plan, not of an instance, so
// it counts only where it cannot be another's: it is an end, the platform wrote it after our trigger by
// its own clock, and nobody else of ours had to do with the plan since.
func (p *planJob) ask(ctx workflow.Context, e *execution) (answer, error) {
	var a *activities.Activities
	var hint activities.PlanHint
	if err := quick(ctx, a.PlanStatus, activities.PlanQuestion{PlanID: p.in.PlanID, Since: *e.status.TriggeredAt}, &hint); err != nil {
		return answer{}, err
	}
	_, ended := p.end(hint.Status)
	later := !e.platformTime.IsZero() && hint.UpdatedAt.After(e.platformTime.Add(clockMargin))
	return answer{
		status: hint.Status,
		text:   fmt.Sprintf("plan %s since %s", hint.Status, hint.UpdatedAt.UTC().Format(time.RFC3339)),
		counts: ended && later && hint.Alone && !e.desk.runsTwice(e),
	}, nil
}

// clockMargin is more than what the platform's Date header, in whole seconds, can be wrong by.
const clockMargin = 2 * time.Second

func (p *planJob) fetch(ctx workflow.Context, e *execution) error {
	var a *activities.Activities
	in := activities.PlanInstance{PlanID: p.in.PlanID, InstanceID: e.status.InstanceID, Limit: e.limit}
	return read(ctx, a.PlanOutputs, in, &p.outputs)
}
