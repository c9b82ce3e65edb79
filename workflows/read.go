package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// outputsLimit cuts the outputs of one instance to what fits twice, as a marker and as a result, into
// one of Temporal's messages.
const outputsLimit = 1 << 20

const (
	// quickRead ends well before a workflow task does, so that it costs one event.
	quickRead = 4 * time.Second
	// slowRead bounds one try of a read where the platform is slow.
	slowRead = 5 * time.Minute
	// readPatience bounds all tries.
	readPatience = time.Hour
)

// read runs a reading activity: at first locally, which costs one event, and where the platform is
// slow or down as a regular activity that Temporal retries.
func read(ctx workflow.Context, activity, in, out any) error {
	err := quick(ctx, activity, in, out)
	var application *temporal.ApplicationError
	if err == nil || temporal.IsCanceledError(err) || errors.As(err, &application) && application.NonRetryable() {
		return err
	}
	regular := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    slowRead,
		ScheduleToCloseTimeout: readPatience,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second,
			MaximumInterval: time.Minute,
		},
	})
	return workflow.ExecuteActivity(regular, activity, in).Get(ctx, out)
}

// quick runs an activity locally, once.
func quick(ctx workflow.Context, activity, in, out any) error {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: quickRead,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	return workflow.ExecuteLocalActivity(ctx, activity, in).Get(ctx, out)
}
