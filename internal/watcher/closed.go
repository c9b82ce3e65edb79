package watcher

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/notify"
	"github.com/dpaflow/dpaflow/workflows"
)

var statuses = map[enumspb.WorkflowExecutionStatus]string{
	enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:     "FAILED",
	enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:   "CANCELED",
	enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED: "TERMINATED",
	enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:  "TIMED_OUT",
}

// closed are the runs that ended badly; those that are new are read.
func (w *Watcher) closed(ctx context.Context, state *notify.State, list []runs.Run) (all []notify.Closed) {
	for _, r := range list {
		all = append(all, notify.Closed{Run: runOf(r), Ended: notify.Ended{Status: statuses[r.Temporal], At: r.ClosedAt}})
	}
	fresh := state.New(all)
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range fresh {
		group.Go(func() error { w.read(ctx, &fresh[i]); return nil })
	}
	_ = group.Wait() // there are none
	read := map[string]notify.Closed{}
	for _, c := range fresh {
		read[c.Run.RunID] = c
	}
	for i, c := range all {
		if r, ok := read[c.Run.RunID]; ok {
			all[i] = r
		}
	}
	return all
}

// read reads how a run ended.
func (w *Watcher) read(ctx context.Context, c *notify.Closed) {
	err := w.Temporal.GetWorkflow(ctx, c.Run.WorkflowID, c.Run.RunID).GetWithOptions(ctx, nil, client.WorkflowRunGetOptions{DisableFollowingRuns: true})
	var ended *temporal.WorkflowExecutionError
	var missing *serviceerror.NotFound
	var failed *temporal.ApplicationError
	switch {
	case errors.As(err, &missing): // it is no longer kept, but it did end
		c.Read = true
	case !errors.As(err, &ended):
		return
	case errors.As(err, &failed):
		c.Ended.Error, c.Ended.Reason = failed.Type(), failed.Message()
		var result undone
		if failed.HasDetails() && failed.Details(&result) == nil { // details of another form are no runbook's
			c.RolledBack = result.all()
		}
	default:
		c.Ended.Reason = errors.Unwrap(ended).Error()
	}
	c.Read = true
}

// undone is what is read of a runbook's result: which rollbacks there were.
type undone struct {
	Steps []undoneStep `json:"steps"`
}

type undoneStep struct {
	Rollback *struct {
		Status string `json:"status"`
	} `json:"rollback"`
	Items   []undoneStep `json:"items"`
	Runbook *undone      `json:"runbook"`
}

// all reports whether there were rollbacks, and all of them succeeded.
func (u *undone) all() bool {
	done, failed := rollbacks(u.Steps)
	return done > 0 && failed == 0
}

func rollbacks(steps []undoneStep) (done, failed int) {
	for _, s := range steps {
		nested := s.Items
		if s.Runbook != nil {
			nested = append(nested[:len(nested):len(nested)], s.Runbook.Steps...)
		}
		d, f := rollbacks(nested)
		switch {
		case s.Rollback == nil:
		case s.Rollback.Status == workflows.StatusSuccess:
			d++
		default:
			f++
		}
		done, failed = done+d, failed+f
	}
	return done, failed
}
