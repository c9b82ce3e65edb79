package signals

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A callback whose run is missing is kept for some hours: the namespace may have failed over, and its runs come later. It is
// tried again after as long as it has waited.
const (
	missingLasts      = 6 * time.Hour
	maxMissing        = 10_000 // targets
	firstMissingPause = time.Second
	lastMissingPause  = time.Hour
)

// missing are the targets whose run is not there. Their callbacks are on disk.
type missing struct {
	mu      sync.Mutex
	targets map[owner]absence
	added   chan struct{} // of size one
}

type absence struct{ since, due time.Time }

// next is when to look again.
func (a absence) next(now time.Time) time.Time {
	return now.Add(min(max(now.Sub(a.since), firstMissingPause), lastMissingPause))
}

// load reads what was there before the start. All are due at once.
func (m *missing) load(s *store) error {
	m.targets, m.added = map[owner]absence{}, make(chan struct{}, 1)
	var position []byte
	for {
		heads, next, err := s.heads(bucketMissing, position, forwardPage)
		if err != nil || len(heads) == 0 {
			return err
		}
		for _, head := range heads {
			m.targets[head.owner()] = absence{since: head.entry.Missing}
		}
		position = next
	}
}

// add notes that a target's run is missing, unless too many are.
func (m *missing) add(of owner, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.targets[of]; !known && len(m.targets) >= maxMissing {
		return false
	} else if !known {
		m.targets[of] = absence{now, now.Add(firstMissingPause)}
		wake(m.added)
	}
	return true
}

func (m *missing) has(of owner) bool { return !m.since(of).IsZero() }

// since is when a target's run was first found missing, zero if it is not.
func (m *missing) since(of owner) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.targets[of].since
}

func (m *missing) remove(of owner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.targets, of)
}

// set has a target looked at again at once.
func (m *missing) set(of owner, since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.targets[of] = absence{since: since}
	wake(m.added)
}

// due returns the targets to look at now, each of which is due again later, and when the next one is.
func (m *missing) due(now time.Time) (targets []owner, next time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next = now.Add(lastMissingPause)
	for of, a := range m.targets {
		if !a.due.After(now) {
			targets = append(targets, of)
			a.due = a.next(now)
			m.targets[of] = a
		}
		if a.due.Before(next) {
			next = a.due
		}
	}
	return targets, next
}

// awaitRuns looks again and again for runs that are missing, until the context ends.
func (s *Spool) awaitRuns(ctx context.Context) {
	for {
		targets, next := s.missing.due(time.Now())
		var g errgroup.Group
		g.SetLimit(forwardAtOnce)
		for _, of := range targets {
			g.Go(func() error {
				if err := s.look(ctx, of); err != nil && ctx.Err() == nil {
					s.warn(err)
				}
				return nil
			})
		}
		_ = g.Wait() // what failed is due again
		select {
		case <-ctx.Done():
			return
		case <-s.missing.added:
		case <-time.After(time.Until(next)):
		}
	}
}

// look tries the first callback of a target whose run is missing. If the run is there, the others go on through the queue.
func (s *Spool) look(ctx context.Context, of owner) error {
	if s.away.Load() {
		if !s.probing.TryLock() {
			return errAway
		}
		defer s.probing.Unlock()
	}
	heads, err := s.store.first(bucketMissing, of)
	if err != nil {
		return err
	}
	var outcome Outcome // none: nothing could be kept of it
	if len(heads) > 0 {
		head := &heads[0]
		outcome, err = s.forward(ctx, &head.entry)
		waited := time.Since(head.entry.Missing)
		switch {
		case isMissing(outcome, err) && waited < missingLasts:
			return nil
		case isMissing(outcome, err):
			s.Logger.WarnContext(ctx, "a callback is given up: its run is not there", "workflowId", head.entry.WorkflowID,
				"instanceId", head.entry.Callback.InstanceID, "status", head.entry.Callback.Status, "waited", waited.Round(time.Second))
			outcome = OutcomeMissing
		case err != nil:
			return err
		}
		s.metrics.count(ctx, outcome, 1)
	}
	before := s.missing.since(of)
	err = s.store.update(ctx, func(c *changes) error {
		for _, head := range heads {
			if err := c.settle(bucketMissing, head, outcome); err != nil {
				return err
			}
		}
		if rest := itemsOf(c.Bucket(bucketMissing), of, 1); outcome == OutcomeMissing && len(rest) > 0 {
			s.missing.set(of, rest[0].entry.Missing)
			return nil
		}
		s.missing.remove(of)
		return c.move(bucketMissing, of, time.Time{})
	})
	if err != nil {
		s.missing.set(of, before)
		return err
	}
	wake(s.arrived)
	return nil
}
