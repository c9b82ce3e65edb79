package activities

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/lock"
)

// DpaAskForLock asks for a lock, and starts the workflow that keeps it where there is none. The answer is a signal. It
// may be repeated.
func (a *Activities) DpaAskForLock(ctx context.Context, in lock.Use) error {
	if err := refuseAlone(ctx); err != nil {
		return err
	}
	_, err := activity.GetClient(ctx).SignalWithStartWorkflow(ctx, lock.ID(in.Name), lock.Request, lock.Requested{Holder: in.Holder}, client.StartWorkflowOptions{
		TaskQueue:                activity.GetInfo(ctx).TaskQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "lock " + in.Name,
	}, lock.Workflow, lock.State{Name: in.Name})
	if err != nil {
		return fmt.Errorf("ask for lock %s: %w", in.Name, err)
	}
	return nil
}

// LockQuestion is the input of DpaLockHolder.
type LockQuestion struct {
	lock.Holder
	// Wait has it fail, to be tried again, while the workflow is open.
	Wait bool `json:"wait,omitempty"`
}

// LockHolder is what the server says of the workflow that has a lock.
type LockHolder struct {
	Open bool `json:"open,omitempty"`
	// RunID is its last run; empty where another workflow has the id by now.
	RunID string `json:"runId,omitempty"`
}

// DpaLockHolder looks whether the workflow that has a lock is open: it may have been terminated, or have timed out.
func (a *Activities) DpaLockHolder(ctx context.Context, in LockQuestion) (LockHolder, error) {
	described, err := a.histories(ctx).DescribeWorkflow(ctx, in.WorkflowID, "")
	switch {
	case gone(err):
		return LockHolder{}, nil
	case err != nil:
		return LockHolder{}, fmt.Errorf("look up workflow %s, which has a lock: %w", in.WorkflowID, err)
	}
	first := described.RawResponse.GetWorkflowExecutionInfo().GetFirstRunId()
	if first != "" && first != in.Chain {
		return LockHolder{}, nil
	}
	switch described.Status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
	default:
		return LockHolder{RunID: described.WorkflowExecution.RunID}, nil
	}
	if !in.Wait {
		return LockHolder{Open: true, RunID: described.WorkflowExecution.RunID}, nil
	}
	return LockHolder{}, temporal.NewApplicationErrorWithOptions(fmt.Sprintf("workflow %s has the lock, and is open", in.WorkflowID), "LockHeld",
		temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
}

// errLocked: another runbook has a lock that this one had before it was reset.
var errLocked = errors.New("another runbook has its lock")

// holdsLocks reports a lock that a run does not have any more. A reset may have given a run back what it had long given
// away: it asks again, and sends nothing before it has it.
func (a *Activities) holdsLocks(ctx context.Context, uses []lock.Use) error {
	for _, use := range uses {
		var state lock.State
		answer, err := activity.GetClient(ctx).QueryWorkflow(ctx, lock.ID(use.Name), "", "status")
		if err == nil {
			err = answer.Get(&state)
		}
		if err != nil && !gone(err) {
			return fmt.Errorf("look up lock %s: %w", use.Name, err)
		}
		holder, any := state.Holder()
		if any && holder.Is(use.Holder) {
			continue
		}
		if err := a.DpaAskForLock(ctx, use); err != nil {
			return err
		}
		if !any {
			return fmt.Errorf("%w: lock %s is taken again after a reset", errLocked, use.Name)
		}
		return fmt.Errorf("%w: workflow %s has lock %s since %s", errLocked, holder.WorkflowID, use.Name, holder.Since.UTC())
	}
	return nil
}
