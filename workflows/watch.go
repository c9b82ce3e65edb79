package workflows

import (
	"encoding/json"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

const (
	// WatchWorkflow is the workflow type that keeps one watcher at work on a task queue; its input is what the last one
	// remembered, {} at first.
	WatchWorkflow = "DpaWatch"
	// NotifyActivity is the activity that watches and sends, which the worker program registers. It returns what it
	// remembers once its shift is over, or its worker stops.
	NotifyActivity = "DpaNotify"
	// NotifyShift is how long one activity watches.
	NotifyShift = time.Hour
	// NotifyBeat is the heartbeat time-out: how soon another worker takes over from one that died.
	NotifyBeat = 30 * time.Second
)

// shifts are how many a run of the workflow has before it continues as new: a day.
const shifts = 24

// WatchID is the id of the workflow that keeps the watcher of a task queue at work: there is one however many workers
// start it.
func WatchID(taskQueue string) string { return "dpa-watch:" + taskQueue }

// Watch is the workflow type "DpaWatch". An activity watches, and hands what it remembers to the next one. A worker that
// dies is replaced as its heartbeats end; they hold what it remembered too.
func Watch(ctx workflow.Context, memory json.RawMessage) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: NotifyShift + 10*time.Minute,
		HeartbeatTimeout:    NotifyBeat,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Second},
		Summary:             "notifications",
	})
	for range shifts {
		if err := workflow.ExecuteActivity(ctx, NotifyActivity, memory).Get(ctx, &memory); err != nil {
			return err
		}
	}
	return workflow.NewContinueAsNewError(ctx, WatchWorkflow, memory)
}
