package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"github.com/dpaflow/dpaflow/runbook"
)

// refuseAlone refuses an activity that was started alone although only a workflow can go on with what it does: its
// callbacks have no address without one. Reads may be started alone.
func refuseAlone(ctx context.Context) error {
	info := activity.GetInfo(ctx)
	if info.IsWorkflowActivity() {
		return nil
	}
	return InvalidInput(runbook.Faults{{Problem: fmt.Sprintf(
		"%s cannot be started alone, because nothing would receive the callbacks of its instance; start a workflow: RunPlan, RunModel, TimedPlan or Runbook",
		info.ActivityType.Name)}})
}
