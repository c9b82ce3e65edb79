package signals

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	forwardPage    = 256 // targets in one round, settled in one write
	forwardAtOnce  = 16
	forwardTimeout = 10 * time.Second // of one delivery

	firstPause = 100 * time.Millisecond // after a round in which something failed, doubled for as long as nothing succeeds
	lastPause  = 10 * time.Second
)

// Forward delivers what waits in the spool until the context ends, and returns nil. A round takes the oldest news of
// many targets and delivers it side by side; the next news of a target is for a later round, so it stays in order.
func (s *Spool) Forward(ctx context.Context) error {
	var position []byte
	pause := firstPause
	for ctx.Err() == nil {
		heads, next, err := s.store.heads(position, forwardPage)
		if err != nil {
			s.Logger.Error("the spool cannot be read", "error", err)
		}
		if err == nil && len(heads) == 0 {
			if position == nil {
				s.idle(ctx)
			}
			position = nil // from the start again
			continue
		}
		position = next
		settled, failed := s.round(ctx, heads)
		if settled > 0 {
			pause = firstPause
		}
		if failed || err != nil {
			s.rest(ctx, pause)
			pause = min(2*pause, lastPause)
		}
	}
	return nil
}

// idle waits for a backlog.
func (s *Spool) idle(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.arrived:
	}
}

// rest waits for some time, or less when a callback got through to Temporal meanwhile.
func (s *Spool) rest(ctx context.Context, pause time.Duration) {
	select { // what was reached before the failure is no news
	case <-s.reached:
	default:
	}
	select {
	case <-ctx.Done():
	case <-s.reached:
	case <-time.After(pause):
	}
}

// round delivers and settles. It breaks off where Temporal cannot be reached; other failures concern one target only.
func (s *Spool) round(ctx context.Context, heads []item) (settled int, failed bool) {
	var broken, away atomic.Bool
	done := make([]Outcome, len(heads))
	var g errgroup.Group
	g.SetLimit(forwardAtOnce)
	for i := range heads {
		if away.Load() || ctx.Err() != nil {
			broken.Store(true)
			break
		}
		g.Go(func() error {
			outcome, err := s.forward(ctx, &heads[i].entry)
			if err != nil {
				broken.Store(true)
				away.CompareAndSwap(false, unreachable(err))
			}
			done[i] = outcome
			return nil
		})
	}
	_ = g.Wait() // failures are noted above
	settled, err := s.settle(ctx, heads, done)
	if err != nil {
		s.Logger.Error("delivered callbacks cannot be removed from the spool: check the disk of DPA_SPOOL_DIR", "error", err)
	}
	return settled, err != nil || broken.Load()
}

const outcomeDead Outcome = "dead" // Temporal will never take it

// forward delivers one piece of news, with no outcome where it has to be tried again.
func (s *Spool) forward(ctx context.Context, e *entry) (Outcome, error) {
	logger := s.Logger.With("kind", e.Kind, "workflowId", e.WorkflowID, "key", e.Key,
		"instanceId", e.Callback.InstanceID, "status", e.Callback.Status)
	ctx = e.trace().join(ctx)
	if e.Fault != "" {
		logger.ErrorContext(ctx, "callback in the spool cannot be read: it is kept among the dead letters")
		return outcomeDead, nil
	}
	ctx, cancel := context.WithTimeout(ctx, forwardTimeout)
	defer cancel()
	outcome, err := s.try(ctx, Target{Kind: e.Kind, Namespace: s.Namespace, WorkflowID: e.WorkflowID, Key: e.Key}, e.Callback)
	switch {
	case permanent(err):
		e.Fault = err.Error()
		logger.ErrorContext(ctx, "callback cannot be delivered, ever: it is kept among the spool's dead letters", "error", err)
		return outcomeDead, nil
	case err != nil:
		logger.WarnContext(ctx, "callback waits on in the spool", "error", err)
		return "", err
	}
	if outcome == OutcomeStored {
		s.metrics.toStored.Record(ctx, time.Since(e.Came).Seconds())
	}
	logger.InfoContext(ctx, "callback delivered from the spool", "outcome", outcome)
	return outcome, nil
}

// settle takes off the disk what has an outcome. Where that fails, or the process dies before, the same news is
// delivered once more, which Temporal and the run both drop.
func (s *Spool) settle(ctx context.Context, heads []item, done []Outcome) (settled int, err error) {
	var items []item
	counts := map[Outcome]int64{}
	for i, outcome := range done {
		if outcome != "" {
			items = append(items, heads[i])
			counts[outcome]++
		}
	}
	if len(items) == 0 {
		return 0, nil
	}
	if err := s.store.settle(items); err != nil {
		return 0, err
	}
	s.backlog.Add(-int64(len(items)))
	for outcome, n := range counts {
		s.metrics.count(ctx, outcome, n)
	}
	return len(items), nil
}
