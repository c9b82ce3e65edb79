package signals

import (
	"context"
	"errors"
	"fmt"
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

// Forward delivers what waits in the spool until the context ends, and returns nil.
func (s *Spool) Forward(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { s.empty(ctx); return nil })
	g.Go(func() error { s.awaitRuns(ctx); return nil })
	return g.Wait()
}

// empty delivers what waits for Temporal. A round takes the oldest callback of many targets and delivers them side by side;
// the next callback of a target is for a later round, so it stays in order.
func (s *Spool) empty(ctx context.Context) {
	var position []byte
	pause := firstPause
	for ctx.Err() == nil {
		heads, next, err := s.store.heads(bucketQueue, position, forwardPage)
		if err == nil && len(heads) == 0 {
			if position == nil {
				s.idle(ctx)
			}
			position = nil // from the start again
			continue
		}
		position = next
		settled, failure := s.round(ctx, heads)
		if settled > 0 {
			pause = firstPause
		}
		if failure = errors.Join(err, failure); failure != nil {
			s.warn(failure)
			s.rest(ctx, pause)
			pause = min(2*pause, lastPause)
		}
	}
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
	select { // what was reached before the failure does not count
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
func (s *Spool) round(ctx context.Context, heads []item) (settled int, failure error) {
	var failed atomic.Pointer[error] // the latest
	var away atomic.Bool
	done := make([]Outcome, len(heads))
	var g errgroup.Group
	g.SetLimit(forwardAtOnce)
	for i := range heads {
		if away.Load() || ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			outcome, err := s.forward(ctx, &heads[i].entry)
			switch {
			case isMissing(outcome, err):
				done[i] = OutcomeMissing
			case err != nil:
				failed.Store(&err)
				away.CompareAndSwap(false, unreachable(err))
			default:
				done[i] = outcome
			}
			return nil
		})
	}
	_ = g.Wait() // failures are noted above
	if err := failed.Load(); err != nil {
		failure = *err
	}
	settled, err := s.settle(ctx, heads, done)
	return settled, errors.Join(failure, err)
}

const outcomeDead Outcome = "dead" // Temporal will never take it

// forward delivers one callback. What can never be delivered has a reason then.
func (s *Spool) forward(ctx context.Context, e *entry) (Outcome, error) {
	logger := s.Logger.With("kind", e.Kind, "workflowId", e.WorkflowID, "key", e.Key,
		"instanceId", e.Callback.InstanceID, "status", e.Callback.Status)
	ctx = e.trace().join(ctx)
	if e.Reason != "" {
		logger.ErrorContext(ctx, "callback in the spool cannot be read: it is kept among the dead letters")
		return outcomeDead, nil
	}
	ctx, cancel := context.WithTimeout(ctx, forwardTimeout)
	defer cancel()
	outcome, err := s.try(ctx, e.arrival(s.Namespace))
	switch {
	case permanent(err):
		e.Reason = err.Error()
		logger.ErrorContext(ctx, "callback cannot be delivered, ever: it is kept among the spool's dead letters", "error", err)
		return outcomeDead, nil
	case err != nil:
		return "", err
	case outcome == OutcomeStored:
		s.metrics.toStored.Record(ctx, time.Since(e.Came).Seconds())
	}
	if outcome != OutcomeMissing {
		logger.InfoContext(ctx, "callback delivered from the spool", "outcome", outcome)
	}
	return outcome, nil
}

// settle takes off the disk what has an outcome, and puts to those whose run is missing all of such a target. Where that
// fails, or the process dies before, the same is delivered once more, which Temporal drops.
func (s *Spool) settle(ctx context.Context, heads []item, done []Outcome) (settled int, _ error) {
	counts := map[Outcome]int64{}
	taken := 0 // the writer counts on its own, and may still be at it when this gives up waiting
	err := s.store.update(ctx, func(c *changes) error {
		for i, outcome := range done {
			of := heads[i].owner()
			var err error
			switch {
			case outcome == "":
				continue
			case outcome == OutcomeMissing && s.missing.add(of, time.Now()):
				err = c.move(bucketQueue, of, s.missing.since(of))
			default:
				counts[outcome]++
				err = c.settle(bucketQueue, heads[i], outcome)
			}
			if err != nil {
				return err
			}
			taken++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("take delivered callbacks off the disk: %w; check the disk of DPA_SPOOL_DIR", err)
	}
	for outcome, n := range counts {
		s.metrics.count(ctx, outcome, n)
	}
	return taken, nil
}
