package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
)

// lookAfterTurn is how soon a turn whose run has ended without giving it back is over.
const lookAfterTurn = 30 * time.Second

// ModelTurn is the workflow type "ModelTurn": while it is open, no run of ours but its holder's uses the
// model that its id names. It ends when the holder gives the model back, or has ended.
func ModelTurn(ctx workflow.Context, holder activities.Turn) error {
	started := workflow.Now(ctx)
	gives := workflow.GetSignalChannel(ctx, activities.TurnGive)
	for given := false; !given; {
		timerCtx, cancel := workflow.WithCancel(ctx)
		look := workflow.NewTimer(timerCtx, spaced(lookAfterTurn, workflow.Now(ctx).Sub(started)))
		due := false
		workflow.NewSelector(ctx).
			AddReceive(gives, func(c workflow.ReceiveChannel, _ bool) {
				var from activities.Turn
				if !c.ReceiveAsync(&from) {
					return
				}
				given = from == holder
			}).
			AddFuture(look, func(workflow.Future) { due = true }).
			Select(ctx)
		cancel()
		if !due {
			continue
		}
		var a *activities.Activities
		if err := read(ctx, a.HasEnded, holder.WorkflowID, &given); err != nil {
			workflow.GetLogger(ctx).Warn("whether the holder of a turn has ended is not known", "holder", holder.WorkflowID, "error", err)
		}
	}
	return nil
}
