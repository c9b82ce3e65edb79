package activities

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
)

// ModelOutputs are the outputs of one model's nodes.
type ModelOutputs = runbook.ModelOutputs

// NodeOutput is what one node gave out.
type NodeOutput = runbook.NodeOutput

// Plans lists the plans that the platform's account may run (P2).
func (a *Activities) Plans(ctx context.Context) ([]platform.Plan, error) {
	plans, err := a.platform.Plans(ctx)
	return plans, readError("list the plans", err)
}

// PlanInputs lists the inputs that each model of a plan declares (P3).
func (a *Activities) PlanInputs(ctx context.Context, planID string) ([]platform.ModelInputs, error) {
	inputs, err := a.platform.PlanInputs(ctx, planID)
	return inputs, readError("read the inputs of plan "+planID, err)
}

// PlanTrigger is the input of DpaTriggerPlan.
type PlanTrigger struct {
	PlanID string     `json:"planId"`
	Params PlanParams `json:"params,omitempty"`
	Trigger
}

// DpaTriggerPlan runs a plan (P5), at most once. The type of its error says what is known: InvalidInput,
// TriggerRejected, PlatformAuth and TriggerNotSent mean that nothing runs, TriggerOutcomeUnknown that
// nobody can know.
func (a *Activities) DpaTriggerPlan(ctx context.Context, in PlanTrigger) (Triggered, error) {
	return a.trigger(ctx, a.planRequest(in, func(ctx context.Context, values planValues) (string, error) {
		return a.platform.TriggerPlan(ctx, platform.PlanTrigger{
			PlanID: in.PlanID, Params: values.params, CallbackURL: values.callback, Private: values.private,
			Intend: values.intend,
		})
	}))
}

// SceneTrigger is the input of DpaSchedulePlan.
type SceneTrigger struct {
	PlanTrigger
	SceneName       string `json:"sceneName"`
	ExecuteStrategy string `json:"executeStrategy"`
	Dimension       string `json:"dimension"`
	Intervals       string `json:"intervals"`
}

// DpaSchedulePlan has the platform run a plan by its own clock (P4); it registers the scene at most once,
// and what holds for DpaTriggerPlan holds for it. The result names no instance: each execution calls back
// with one of its own. Nobody can delete the scene.
func (a *Activities) DpaSchedulePlan(ctx context.Context, in SceneTrigger) (Triggered, error) {
	r := a.planRequest(in.PlanTrigger, func(ctx context.Context, values planValues) (string, error) {
		_, err := a.platform.SchedulePlan(ctx, platform.PlanScene{
			PlanID: in.PlanID, SceneName: in.SceneName, ExecuteStrategy: in.ExecuteStrategy,
			Dimension: in.Dimension, Intervals: in.Intervals,
			Params: values.params, CallbackURL: values.callback, Private: values.private,
			Intend: values.intend,
		})
		return "", err
	})
	if a.unsigned {
		r.prepare = func(context.Context) (sendFunc, error) {
			return nil, runbook.Faults{{Problem: "callbacks of this worker come without tokens (DPA_BRIDGE_UNSIGNED), and those of a timed scene then find no workflow; " +
				"unset it on the worker and the bridge, or run the plan by a Temporal Schedule of RunPlan (starter schedule)"}}
		}
	}
	return a.trigger(ctx, r)
}

// planValues is what is known only when a plan is triggered.
type planValues struct {
	params   map[string]map[string]string
	private  []string
	callback string
	intend   intendFunc
}

// planRequest prepares a plan and sends it by one of its endpoints.
func (a *Activities) planRequest(in PlanTrigger, send func(context.Context, planValues) (string, error)) request {
	return request{
		Trigger: in.Trigger, kind: "plan", id: in.PlanID, policy: planPolicy(in.PlanID, in.Params),
		same: func(raw *commonpb.Payloads) (int, bool) {
			var other PlanTrigger
			if a.converter.FromPayloads(raw, &other) != nil {
				return 0, true
			}
			number, same := sameTrigger(in.Trigger, other.Trigger)
			return number, same && other.PlanID == in.PlanID
		},
		prepare: func(ctx context.Context) (sendFunc, error) {
			var declared error
			if in.Preflight && !in.Checked {
				declared = a.preflightPlan(ctx, in)
			}
			params, private, err := a.resolvePlan(in.Params)
			if err := together(declared, err); err != nil {
				return nil, err
			}
			return func(ctx context.Context, callback string, intend intendFunc) (string, string, error) {
				instance, err := send(ctx, planValues{params, private, callback, intend})
				return instance, "", err
			}, nil
		},
	}
}
