package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
)

// outputsLimit cuts the outputs of one instance to what fits twice, as a marker and as a result, into one of
// Temporal's messages, which may have 4 MiB. Those of all runs that may end in one workflow task share the two.
const outputsLimit = 1 << 20

const (
	// quickRead ends well before a workflow task does, so that it costs one event.
	quickRead = 4 * time.Second
	// slowRead bounds one try of a read where the platform is slow.
	slowRead = 5 * time.Minute
	// readPatience bounds all tries.
	readPatience = time.Hour
)

// reading is an activity that reads: at first a local one, which costs one event, and where the platform is slow or
// down, or the answer may be too large for what one workflow task gives the server, a regular one.
type reading struct {
	ctx          workflow.Context
	activity, in any
	tries        int32 // of the regular one; 0 for as many as there is patience for
	local        workflow.Future
	regular      workflow.Future
}

// ending is that of the instance whose outputs are read.
func (r *run) ending() activities.Ending {
	return activities.Ending{EndedAt: *r.state.Status.FinishedAt, Failed: r.state.Status.Status == StatusFail}
}

// readOutputs reads what may be as large as the run's limit.
func readOutputs(r *run, activity, in any) *reading {
	if r.all.outputs() > 2*outputsLimit {
		read := &reading{ctx: r.ctx, activity: activity, in: in}
		read.goOn()
		return read
	}
	return readPatiently(r.ctx, activity, in)
}

// readPatiently reads what the run needs, readQuickly what it can do without.
func readPatiently(ctx workflow.Context, activity, in any) *reading {
	return startReading(ctx, activity, in, 0)
}
func readQuickly(ctx workflow.Context, activity, in any) *reading {
	return startReading(ctx, activity, in, 3)
}

func startReading(ctx workflow.Context, activity, in any, tries int32) *reading {
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: quickRead,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	return &reading{ctx: ctx, activity: activity, in: in, tries: tries, local: workflow.ExecuteLocalActivity(local, activity, in)}
}

// ready tells whether there is something to do about it.
func (r *reading) ready() bool { return r.latest().IsReady() }

func (r *reading) latest() workflow.Future {
	if r.regular != nil {
		return r.regular
	}
	return r.local
}

// done tells whether it has ended. One that did not go well locally goes on as a regular activity. It does not block;
// nil has not ended.
func (r *reading) done() bool {
	if r == nil || !r.ready() {
		return false
	}
	if r.regular != nil {
		return true
	}
	err := r.local.Get(r.ctx, nil)
	var application *temporal.ApplicationError
	if err == nil || r.ctx.Err() != nil || temporal.IsCanceledError(err) || errors.As(err, &application) && application.NonRetryable() {
		return true
	}
	r.goOn()
	return false
}

// goOn reads by a regular activity.
func (r *reading) goOn() {
	regular := workflow.WithActivityOptions(r.ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    slowRead,
		ScheduleToCloseTimeout: readPatience,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second,
			MaximumInterval: time.Minute,
			MaximumAttempts: r.tries,
		},
	})
	r.regular = workflow.ExecuteActivity(regular, r.activity, r.in)
}

// get waits for the result.
func (r *reading) get(out any) error {
	for {
		err := r.latest().Get(r.ctx, nil)
		if r.done() {
			if err != nil || out == nil {
				return err
			}
			return r.latest().Get(r.ctx, out)
		}
	}
}
