package watcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/notify"
)

// schedules returns how many runs the task queue's schedules did not start.
func (w *Watcher) schedules(ctx context.Context) (map[string]notify.Counts, error) {
	list, err := w.Temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	found := map[string]notify.Counts{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(atOnce)
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("list schedules: %w", err), group.Wait())
		}
		if !strings.Contains(runs.Types, "'"+entry.WorkflowType.Name+"'") {
			continue
		}
		group.Go(func() error {
			described, err := w.Temporal.ScheduleClient().GetHandle(ctx, entry.ID).Describe(ctx)
			if missing := new(serviceerror.NotFound); errors.As(err, &missing) {
				return nil // it was just deleted
			} else if err != nil {
				return fmt.Errorf("describe schedule %q: %w", entry.ID, err)
			}
			action, ok := described.Schedule.Action.(*client.ScheduleWorkflowAction)
			if !ok || action.TaskQueue != w.Site.TaskQueue {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			found[entry.ID] = counts(described.Info)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return found, nil
}

func counts(info client.ScheduleInfo) notify.Counts {
	c := notify.Counts{Overlap: info.NumActionsSkippedOverlap, Late: info.NumActionsMissedCatchupWindow}
	for _, action := range slices.Backward(info.RecentActions) {
		if action.StartWorkflowResult != nil {
			c.LastRun = action.StartWorkflowResult.WorkflowID
			break
		}
	}
	return c
}
