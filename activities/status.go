package activities

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

// PlanQuestion is the input of PlanStatus.
type PlanQuestion struct {
	PlanID string `json:"planId"`
	// Since is when the instance that is asked for was triggered.
	Since time.Time `json:"since"`
}

// PlanHint is what the platform's list of plans says of a plan. It is a hint: the list knows plans, not
// instances.
type PlanHint struct {
	Status    string    `json:"status"`
	UpdatedAt time.Time `json:"updatedAt"`
	// Alone is true where no other run of dpaflow's had to do with the plan since the question's time.
	Alone bool `json:"alone,omitempty"`
}

// PlanStatus looks a plan up in the platform's list (P2).
func (a *Activities) PlanStatus(ctx context.Context, in PlanQuestion) (PlanHint, error) {
	plans, err := a.platform.Plans(ctx)
	if err != nil {
		return PlanHint{}, readError("look up plan "+in.PlanID, err)
	}
	for _, plan := range plans {
		if plan.ID != in.PlanID {
			continue
		}
		hint := PlanHint{Status: plan.Status, UpdatedAt: plan.UpdateTime}
		if a.alone != nil && a.indexed() {
			run := activity.GetInfo(ctx).WorkflowExecution
			hint.Alone, err = a.alone(ctx, in.PlanID, run.ID, run.RunID, in.Since)
		}
		if err != nil {
			activity.GetLogger(ctx).Warn("whether others run the plan is not known", "planId", in.PlanID, "error", err)
		}
		return hint, nil
	}
	return PlanHint{}, temporal.NewNonRetryableApplicationError(
		fmt.Sprintf("the platform no longer lists plan %s", in.PlanID), ErrorPlatform, nil)
}

// Instance names an instance for callbacks that do not come to an address of the calling workflow.
type Instance struct {
	Kind       string `json:"kind"`
	InstanceID string `json:"instanceId"`
	// From is the workflow that triggered the instance, where that is another.
	From  string    `json:"from,omitempty"`
	Until time.Time `json:"until"`
}

// DpaRegisterInstance makes callbacks that come by an instance's id alone, or to the address of the workflow that
// triggered it, find the calling workflow.
func (a *Activities) DpaRegisterInstance(ctx context.Context, in Instance) error {
	if err := refuseAlone(ctx); err != nil {
		return err
	}
	if a.register == nil {
		return temporal.NewNonRetryableApplicationError("this worker was made without activities.Config.Register", ErrorPlatform, nil)
	}
	if err := a.register(ctx, in, activity.GetInfo(ctx).WorkflowExecution.ID); err != nil {
		return fmt.Errorf("register instance %s: %w", in.InstanceID, err)
	}
	return nil
}
