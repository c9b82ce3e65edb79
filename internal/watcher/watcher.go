// Package watcher looks at the runs and schedules of a task queue, and sends what package notify decides. It acts as an
// activity: Temporal sees to it that one is at work however many workers there are.
package watcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/metric"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/webhook"
	"github.com/dpaflow/dpaflow/notify"
	"github.com/dpaflow/dpaflow/workflows"
)

// lookEvery is how soon a change is noticed.
const lookEvery = 5 * time.Second

// Config is what a watcher needs.
type Config struct {
	Site     notify.Site
	URL      string                         // of the receiver; it may have a secret in it
	Signer   func() (webhook.Signer, error) // asked at each sending, so that a secret can be changed
	Temporal client.Client
	Log      *slog.Logger
	Meters   metric.MeterProvider
}

// Watcher watches when its activity is given to this worker.
type Watcher struct {
	Config
	web     *http.Client
	metrics *metrics
	asked   map[string]asked // what open runs answered, by run id
	counted time.Time        // when schedules were last looked at
}

// New returns a watcher that is not at work yet.
func New(cfg Config) (*Watcher, error) {
	w := &Watcher{Config: cfg, web: newWeb()}
	var err error
	w.metrics, err = newMetrics(cfg.Meters)
	return w, err
}

// Start has Temporal keep a watcher at work on the task queue; it may be repeated.
func (w *Watcher) Start(ctx context.Context) error {
	_, err := w.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.WatchID(w.Site.TaskQueue), TaskQueue: w.Site.TaskQueue, StaticSummary: "notifications",
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, workflows.WatchWorkflow, struct{}{})
	if err != nil {
		return fmt.Errorf("start the watcher that sends notifications: %w", err)
	}
	return nil
}

// Watch is the activity [workflows.NotifyActivity]. What is to be sent is recorded before it is sent, and what was sent
// after it: a worker that dies in between has it sent again, with the same id.
func (w *Watcher) Watch(ctx context.Context, state notify.State) (notify.State, error) {
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &state); err != nil {
			return state, fmt.Errorf("read what the last watcher remembered: %w", err)
		}
	}
	w.Log.Info("notifications: this worker watches", "pending", len(state.Pending))
	w.asked, w.counted = nil, time.Time{}
	defer w.metrics.rest()
	// Closings have the server's times, which this clock may differ from.
	info, began := activity.GetInfo(ctx), time.Now()
	now := func() time.Time { return info.StartedTime.Add(time.Since(began)) }
	end, next := now().Add(workflows.NotifyShift), now()
	for now().Before(end) {
		if !now().Before(next) {
			w.look(ctx, &state, now())
			next = now().Add(lookEvery)
			if err := w.record(ctx, &state); err != nil {
				return state, err
			}
		}
		if due := state.Due(now()); due != nil {
			w.deliver(ctx, &state, *due, now())
			if err := w.record(ctx, &state); err != nil {
				return state, err
			}
			continue
		}
		wake := next
		if due := state.Wake(); !due.IsZero() && due.Before(wake) {
			wake = due
		}
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			return state, nil
		case <-ctx.Done():
			return state, ctx.Err()
		case <-time.After(wake.Sub(now())):
		}
	}
	return state, nil
}

// recordTimeout leaves another worker no reason to think that this one is dead.
const recordTimeout = workflows.NotifyBeat / 2

// record stores what is remembered with the server. Its error says that this watcher is no longer the one at work, or
// cannot know: it must stop.
func (w *Watcher) record(ctx context.Context, state *notify.State) error {
	w.metrics.working(state)
	bounded, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	err := activity.GetClient(ctx).RecordActivityHeartbeat(bounded, activity.GetInfo(ctx).TaskToken, *state)
	if err != nil {
		return fmt.Errorf("record what the watcher remembers: %w", err)
	}
	return nil
}

// ErrOff is the error of a worker that has been given the watcher's work without being configured for it.
var ErrOff = errors.New("DPA_NOTIFY_URL is not set on this worker: set it on all workers of the task queue, or terminate this workflow")
