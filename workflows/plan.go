package workflows

import (
	"cmp"
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/internal/endpoint"
	"github.com/dpaflow/dpaflow/runbook"
)

// PlanInput says which plan to run, and how. Only PlanID is required.
type PlanInput struct {
	PlanID string `json:"planId"`
	// Params are the inputs of the plan's models: model id → name → value.
	Params activities.PlanParams `json:"params,omitempty"`
	Policy
	// TrustPlanStatus lets the status in the plan list, which is about the plan and not the instance, end the run
	// after PollAfter, where no other run had anything to do with the plan. Otherwise it is only shown.
	TrustPlanStatus bool `json:"trustPlanStatus,omitempty"`
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
	all := executionsOf(ctx)
	if err := all.answerStatus(ctx); err != nil {
		return PlanResult{}, err
	}
	return ExecutePlan(ctx, in)
}

// ExecutePlan runs a plan from within any workflow: it triggers the plan (P5), waits for its end and
// fetches its outputs (P6). Where it cannot know whether the trigger ran, it waits for a callback or
// for the update "resolveTrigger", which the workflow then has, as well as "resolveRun"; where several
// run side by side, their "step" is a plan's or model's id, or an instance's. A cancellation ends the
// waiting, not the plan: the platform cannot cancel an instance, and the error's details name it.
// PlanResultOf and StatusOf read the details.
func ExecutePlan(ctx workflow.Context, in PlanInput) (PlanResult, error) {
	in, faults := in.withDefaults()
	if len(faults) > 0 {
		return PlanResult{}, activities.InvalidInput(faults)
	}
	plan := &planTarget{in: in}
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

func (in PlanInput) withDefaults() (PlanInput, runbook.Faults) {
	var faults runbook.Faults
	faults.Add("planId", cmp.Or(checkID(in.PlanID), endpoint.CheckPlan(in.PlanID)))
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
		return fmt.Errorf("must have at most %d bytes, got %d", maxID, len(id))
	}
	return nil
}

// planTarget makes a plan a target.
type planTarget struct {
	in      PlanInput
	outputs []activities.ModelOutputs
}

func (p *planTarget) rules() execution.Rules {
	return execution.Rules{
		Target: execution.Plan, ID: p.in.PlanID, Name: "plan " + p.in.PlanID, TrustPlanStatus: p.in.TrustPlanStatus,
	}
}

func (p *planTarget) results() []activities.ModelOutputs { return p.outputs }

func (p *planTarget) trigger(ctx workflow.Context, in activities.Trigger) workflow.Future {
	var a *activities.Activities
	return workflow.ExecuteActivity(ctx, a.DpaTriggerPlan, activities.PlanTrigger{PlanID: p.in.PlanID, Params: p.in.Params, Trigger: in})
}

func (p *planTarget) poll(r *run) *reading {
	var a *activities.Activities
	return readQuickly(r.ctx, a.PlanStatus, activities.PlanQuestion{PlanID: p.in.PlanID, Since: *r.state.Status.TriggeredAt})
}

func (p *planTarget) polled(asked *reading) (execution.Polled, error) {
	var hint activities.PlanHint
	err := asked.get(&hint)
	return execution.Polled{Status: hint.Status, UpdatedAt: hint.UpdatedAt, Alone: hint.Alone}, err
}

func (p *planTarget) fetch(r *run) *reading {
	var a *activities.Activities
	return readOutputs(r, a.PlanOutputs, activities.PlanInstance{
		PlanID: p.in.PlanID, InstanceID: r.state.Status.InstanceID, Limit: r.limit, Read: r.read, Ending: r.ending(),
	})
}

func (p *planTarget) fetched(read *reading) error { return read.get(&p.outputs) }
