package watcher

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/notify"
	"github.com/dpaflow/dpaflow/workflows"
)

const (
	// lookTimeout leaves time for a heartbeat.
	lookTimeout = workflows.NotifyBeat / 2
	// countEvery is how often schedules are looked at.
	countEvery = time.Minute
)

// look takes in what there is to see now. What could not be seen is looked for again.
func (w *Watcher) look(ctx context.Context, state *notify.State, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	seen, err := w.see(ctx, state, now)
	if err != nil {
		w.Log.Warn("notifications: runs cannot be looked at; they are again in "+lookEvery.String(), "error", err)
		return
	}
	if left := state.Next(w.Site, seen); left > 0 {
		w.Log.Warn("notifications: there is more than can be kept; the rest waits until some of it was sent", "left", left, "pending", len(state.Pending))
	}
}

func (w *Watcher) see(ctx context.Context, state *notify.State, now time.Time) (seen notify.Seen, err error) {
	seen.At = now
	ours := "TaskQueue = '" + runs.Literal(w.Site.TaskQueue) + "' AND "
	open, err := runs.List(ctx, w.Temporal, ours+fmt.Sprintf("CloseTime IS NULL AND %s IN ('%s')",
		workflows.AttributeStatus.GetName(), strings.Join(runs.Attention(), "', '")))
	if err != nil {
		return seen, fmt.Errorf("list the runs that need somebody: %w", err)
	}
	ended, err := runs.List(ctx, w.Temporal, ours+fmt.Sprintf("WorkflowType IN %s AND ExecutionStatus IN ('Failed', 'Canceled', 'Terminated', 'TimedOut') AND CloseTime >= '%s'",
		runs.Types, state.From(now).UTC().Format(time.RFC3339Nano)))
	if err != nil {
		return seen, fmt.Errorf("list the runs that ended badly: %w", err)
	}
	seen.Closed = w.closed(ctx, state, ended)
	seen.Open = w.open(ctx, open)
	if now.Sub(w.counted) >= countEvery {
		if seen.Schedules, err = w.schedules(ctx); err != nil {
			w.Log.Warn("notifications: schedules cannot be looked at", "error", err)
		}
		w.counted = now
	}
	return seen, nil
}

func runOf(r runs.Run) notify.Run {
	return notify.Run{WorkflowID: r.WorkflowID, RunID: r.RunID, WorkflowType: r.Type, What: r.What, Status: r.Status}
}
