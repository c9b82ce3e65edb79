package activities

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/dpaflow/dpaflow/execution"
)

// heartbeat records a heartbeat and returns the error of its RPC, also where the answer says that the activity was
// cancelled or paused. The SDK's own RecordHeartbeat batches, and reports no error.
type heartbeat func(ctx context.Context, details ...any) error

func serverHeartbeat(ctx context.Context, details ...any) error {
	return activity.GetClient(ctx).RecordActivityHeartbeat(ctx, activity.GetInfo(ctx).TaskToken, details...)
}

// heart keeps a trigger's activity alive towards the server, so that a dead worker is noticed in seconds and a slow
// preflight is not taken for one, and records the intent. The server hands the intent to a later attempt, and to the
// workflow with the time-out of an attempt whose worker died: without one, nothing was sent.
type heart struct {
	beat    heartbeat
	ended   chan struct{}
	stopped sync.WaitGroup

	// mu keeps the heartbeats in order: one without the intent must never overtake the one with it.
	mu      sync.Mutex
	details []any
	lost    error
}

// start heartbeats until stop.
func (beat heartbeat) start(ctx context.Context) *heart {
	h := &heart{beat: beat, ended: make(chan struct{})}
	h.stopped.Go(func() {
		ticker := time.NewTicker(execution.Beat)
		defer ticker.Stop()
		for {
			select {
			case <-h.ended:
				return
			case <-ticker.C:
				h.repeat(ctx)
			}
		}
	})
	return h
}

func (h *heart) repeat(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), execution.Beat)
	defer cancel()
	if err := h.beat(ctx, h.details...); err != nil && h.lost == nil {
		h.lost = err
	}
}

// intend records the intent. After an error nothing must be sent: either the server has no intent, or it no longer
// waits for this attempt, or an earlier heartbeat is still under way and could overwrite the intent.
func (h *heart) intend(ctx context.Context, intent execution.Intent) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.lost != nil:
		return h.lost
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return errors.New("the worker is shutting down")
	default:
	}
	h.details = []any{intent}
	ctx, cancel := context.WithTimeout(ctx, execution.LeaseFor)
	defer cancel()
	return h.beat(ctx, h.details...)
}

func (h *heart) stop() {
	close(h.ended)
	h.stopped.Wait()
}
