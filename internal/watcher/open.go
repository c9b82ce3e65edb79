package watcher

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/notify"
)

const (
	// atOnce is how many requests are made side by side.
	atOnce = 8
	// askAgain is how soon a run is asked again that did not answer; after patience such times its status has to do.
	askAgain = time.Minute
	patience = 3
)

// asked is what a run answered.
type asked struct {
	length  int64 // of its history then: nothing has changed while that has not
	waits   []engine.WaitsFor
	silence int // how often it did not answer
	at      time.Time
}

// ask asks the open runs what they wait for, as far as that may have changed: a question costs a worker a replay, and a
// look at the length of a history next to nothing.
func (w *Watcher) ask(ctx context.Context, list []runs.Run) (open []notify.Open) {
	lengths := make([]int64, len(list))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, r := range list {
		group.Go(func() error {
			if described, err := w.Temporal.DescribeWorkflow(ctx, r.WorkflowID, r.RunID); err == nil {
				lengths[i] = int64(described.HistoryLength)
			}
			return nil
		})
	}
	_ = group.Wait() // there are none

	now := map[string]asked{}
	var changed []runs.Run
	for i, r := range list {
		last := w.asked[r.RunID]
		if last.at.IsZero() || last.length != lengths[i] && lengths[i] > 0 || last.silence > 0 && time.Since(last.at) >= askAgain {
			last.length, changed = lengths[i], append(changed, r)
		}
		now[r.RunID] = last
	}
	_ = runs.Ask(ctx, w.Temporal, changed) // what was not asked in time is asked next time
	for _, r := range changed {
		switch {
		case r.Unanswered != "" && ctx.Err() == nil:
			last := now[r.RunID]
			last.silence, last.at, last.waits = last.silence+1, time.Now(), r.WaitsFor
			now[r.RunID] = last
		case r.Unanswered != "" || ctx.Err() != nil:
			now[r.RunID] = asked{silence: w.asked[r.RunID].silence}
		default:
			now[r.RunID] = asked{length: now[r.RunID].length, waits: r.WaitsFor, at: time.Now()}
		}
	}
	w.asked = now
	for _, r := range list {
		answer := now[r.RunID]
		o := notify.Open{Run: runOf(r), Waits: answer.waits, Silent: answer.silence > 0 || answer.at.IsZero()}
		if o.Silent && answer.silence < patience {
			o.Waits = nil
		}
		open = append(open, o)
	}
	return open
}
