package watcher

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/notify"
)

const (
	// atOnce is how many requests are made side by side.
	atOnce = 8
	// mostRuns is how many runs one look is for, those first that have not been looked at for longest.
	mostRuns = 200
	// askAgain is how soon a run is asked again that did not answer; after patience such times its status has to do.
	askAgain = time.Minute
	patience = 3
)

// asked is what a run answered.
type asked struct {
	length  int64 // of its history then: nothing has changed while that has not
	waits   []engine.WaitsFor
	silence int       // how often it did not answer
	at      time.Time // of the answer, or of its absence; zero: it was never asked
	looked  time.Time
}

// open asks the open runs what they wait for, as far as that may have changed: a question costs a worker a replay, and a
// look at the length of a history next to nothing.
func (w *Watcher) open(ctx context.Context, list []runs.Run) (open []notify.Open) {
	now := map[string]asked{}
	for _, r := range list {
		now[r.RunID] = w.asked[r.RunID] // what has closed is forgotten
	}
	w.asked = now
	oldest := slices.SortedStableFunc(slices.Values(list), func(a, b runs.Run) int { return now[a.RunID].looked.Compare(now[b.RunID].looked) })
	changed := w.changed(ctx, oldest[:min(len(oldest), mostRuns)])
	_ = runs.Ask(ctx, w.Temporal, changed) // what was not asked in time is asked next time
	for _, r := range changed {
		last := now[r.RunID]
		switch {
		case ctx.Err() != nil:
			last.length = 0
			now[r.RunID] = last
			continue
		case r.Unanswered != "":
			last.silence++
		default:
			last.silence = 0
		}
		last.waits, last.at = r.WaitsFor, time.Now()
		now[r.RunID] = last
	}
	for _, r := range list {
		last := now[r.RunID]
		o := notify.Open{Run: runOf(r), Waits: last.waits, Silent: last.silence > 0 || last.at.IsZero()}
		if o.Silent && last.silence < patience {
			o.Waits = nil
		}
		open = append(open, o)
	}
	return open
}

// changed are those of the runs whose answer may be another than the last one.
func (w *Watcher) changed(ctx context.Context, list []runs.Run) (changed []runs.Run) {
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
	for i, r := range list {
		last := w.asked[r.RunID]
		grown := lengths[i] > 0 && lengths[i] != last.length
		if last.at.IsZero() || grown || last.silence > 0 && time.Since(last.at) >= askAgain {
			changed = append(changed, r)
		}
		if last.looked = time.Now(); grown {
			last.length = lengths[i]
		}
		w.asked[r.RunID] = last
	}
	return changed
}
