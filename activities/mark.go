package activities

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

// beatEvery keeps a trigger alive towards the server; the workflow's heartbeat timeout is a few of
// these, so that a dead worker is noticed in seconds.
const beatEvery = 3 * time.Second

// heartbeat records a heartbeat and returns the error of its RPC. The SDK's own RecordHeartbeat
// batches, and reports no error.
type heartbeat func(ctx context.Context, details ...any) error

func serverHeartbeat(ctx context.Context, details ...any) error {
	return activity.GetClient(ctx).RecordActivityHeartbeat(ctx, activity.GetInfo(ctx).TaskToken, details...)
}

// intent is the mark that a trigger leaves with the server before it is sent. The server hands it to
// a later attempt, and with the failure of an attempt whose worker died: no mark, nothing sent.
type intent struct {
	beat    heartbeat
	ended   chan struct{}
	stopped sync.WaitGroup

	// mu keeps the heartbeats in order: one without the mark must never overtake the one with it.
	mu      sync.Mutex
	details []any
	lost    error
}

// start heartbeats until stop, so that a slow preflight is not taken for a dead worker.
func (beat heartbeat) start(ctx context.Context) *intent {
	m := &intent{beat: beat, ended: make(chan struct{})}
	m.stopped.Go(func() {
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-m.ended:
				return
			case <-ticker.C:
				m.repeat(ctx)
			}
		}
	})
	return m
}

func (m *intent) repeat(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), beatEvery)
	defer cancel()
	if err := m.beat(ctx, m.details...); err != nil && m.lost == nil {
		m.lost = err
	}
}

// intend leaves the mark. After an error the trigger must not be sent: either the server has no mark,
// or it no longer waits for this attempt, or an earlier heartbeat is still under way and could
// overwrite the mark.
func (m *intent) intend(ctx context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.lost != nil:
		return m.lost
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return errors.New("the worker is shutting down")
	default:
	}
	m.details = []any{key}
	return m.beat(ctx, m.details...)
}

func (m *intent) stop() {
	close(m.ended)
	m.stopped.Wait()
}
