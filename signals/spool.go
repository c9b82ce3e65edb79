package signals

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.temporal.io/api/serviceerror"
)

// directTimeout of a first delivery leaves time for the disk before the platform loses its patience.
const directTimeout = 3 * time.Second

// SpoolConfig is what a spool needs. Dir, Namespace and Next are required.
type SpoolConfig struct {
	Dir       string    // an existing folder of this process alone
	Namespace string    // Temporal's; a file with news for another one is not opened
	Next      Deliverer // delivers to Temporal

	Logger        *slog.Logger         // default: slog.Default()
	MeterProvider metric.MeterProvider // default: nothing is measured
}

// Spool is a Deliverer that keeps on disk what Temporal cannot take now, and delivers it when it can: in the order
// in which it came for each target, and at least once, also after the process or the machine died.
type Spool struct {
	SpoolConfig
	store   *store
	metrics spoolMetrics

	backlog atomic.Int64 // never less than what is on disk
	away    atomic.Bool  // the latest delivery did not reach Temporal
	probing sync.Mutex   // while Temporal is away, one callback at a time finds out whether it still is

	refused atomic.Pointer[refusal] // the latest news that the disk did not take, unless it took some since

	arrived, reached chan struct{} // of size one: there is a backlog; Temporal is back
}

// refusalLasts is for how long a bridge is unready after its disk refused news, if none comes that shows it well again.
const refusalLasts = time.Minute

type refusal struct {
	err error
	at  time.Time
}

// OpenSpool opens or creates the spool in a folder. An error says that the folder cannot be used, and why:
// it may belong to another process, to another namespace, or not be writable. Close it after Forward and all Deliver have returned.
func OpenSpool(config SpoolConfig) (*Spool, error) {
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	store, err := openStore(config.Dir, config.Namespace)
	if err != nil {
		return nil, err
	}
	waiting, err := store.count()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("count what is in spool %s: %w", config.Dir, err), store.db.Close())
	}
	s := &Spool{SpoolConfig: config, store: store, arrived: make(chan struct{}, 1), reached: make(chan struct{}, 1)}
	s.backlog.Store(int64(waiting))
	s.metrics = newSpoolMetrics(config.MeterProvider, config.Logger, s.waiting)
	if waiting > 0 {
		config.Logger.Info("callbacks wait in the spool", "callbacks", waiting)
	}
	return s, nil
}

// Close closes the file.
func (s *Spool) Close() error {
	return s.store.db.Close()
}

// Deliver implements Deliverer. Only news that Temporal refuses for good, or that neither Temporal nor the disk can take, is an error.
func (s *Spool) Deliver(ctx context.Context, t Target, news Callback) (Outcome, error) {
	came := time.Now()
	behind, err := s.behind(t)
	if err != nil {
		return "", err
	}
	if behind { // news of one target does not overtake
		return s.keep(ctx, t, news, came, nil)
	}
	outcome, err := s.direct(ctx, t, news)
	if err == nil || permanent(err) {
		return outcome, err
	}
	return s.keep(ctx, t, news, came, err)
}

func (s *Spool) behind(t Target) (bool, error) {
	if s.backlog.Load() == 0 {
		return false, nil
	}
	found, err := s.store.has(t)
	if err != nil {
		return false, fmt.Errorf("look for earlier news in the spool: %w", err)
	}
	return found, nil
}

var errAway = errors.New("no connection to Temporal a moment ago")

// direct delivers to Temporal; while that is away, at once or not at all.
func (s *Spool) direct(ctx context.Context, t Target, news Callback) (Outcome, error) {
	if s.away.Load() {
		if !s.probing.TryLock() {
			return "", errAway
		}
		defer s.probing.Unlock()
	}
	ctx, cancel := context.WithTimeout(ctx, directTimeout)
	defer cancel()
	return s.try(ctx, t, news)
}

// try delivers to Temporal and notes whether it was there.
func (s *Spool) try(ctx context.Context, t Target, news Callback) (Outcome, error) {
	outcome, err := s.Next.Deliver(ctx, t, news)
	switch {
	case unreachable(err):
		s.away.Store(true)
	case err == nil && s.away.Swap(false):
		wake(s.reached)
	}
	return outcome, err
}

// keep returns once the news is on disk. The cause is why Temporal does not have it.
func (s *Spool) keep(ctx context.Context, t Target, news Callback, came time.Time, cause error) (Outcome, error) {
	s.backlog.Add(1)
	if err := s.store.put(t, news, came, TraceOf(ctx)); err != nil {
		s.backlog.Add(-1)
		err = fmt.Errorf("keep news in the spool: %w; check the disk of DPA_SPOOL_DIR", err)
		s.refused.Store(&refusal{err, time.Now()})
		return "", errors.Join(err, cause)
	}
	s.refused.Store(nil)
	if cause != nil {
		s.Logger.WarnContext(ctx, "callback kept in the spool", "kind", t.Kind, "workflowId", t.WorkflowID, "key", t.Key,
			"instanceId", news.InstanceID, "status", news.Status, "error", cause)
	}
	s.metrics.count(ctx, OutcomeSpooled, 1)
	wake(s.arrived)
	return OutcomeSpooled, nil
}

// Ready says whether the spool can take callbacks: it writes to it, and remembers for a minute when it could not keep one
// (what is freed inside the file makes a small write succeed on a full disk).
func (s *Spool) Ready(context.Context) error {
	if r := s.refused.Load(); r != nil && time.Since(r.at) < refusalLasts {
		return r.err
	}
	if err := s.store.probe(); err != nil {
		return fmt.Errorf("write to the spool: %w; check the disk of DPA_SPOOL_DIR", err)
	}
	return nil
}

// Remark tells operators how much waits for Temporal; empty when nothing does.
func (s *Spool) Remark() string {
	n, age := s.waiting()
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("callbacks that wait for Temporal: %d, the oldest for %s", n, age.Round(time.Second))
}

// waiting is how many callbacks wait, and the oldest for how long.
func (s *Spool) waiting() (n int64, age time.Duration) {
	n = s.backlog.Load()
	if came, err := s.store.oldest(); err == nil && !came.IsZero() {
		age = max(0, time.Since(came))
	}
	return n, age
}

// permanent says that trying again is of no use: Temporal got the signal and says that no signal like this can ever be stored.
func permanent(err error) bool {
	var invalid *serviceerror.InvalidArgument
	return errors.As(err, &invalid)
}

func unreachable(err error) bool {
	var unavailable *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	return errors.As(err, &unavailable) || errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded)
}

func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
