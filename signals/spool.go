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
	"golang.org/x/time/rate"
)

const (
	// directTimeout of a first delivery leaves time for the disk before the platform loses its patience.
	directTimeout = 3 * time.Second
	// probeEvery is how often the disk is written to only to know whether it can be.
	probeEvery = 10 * time.Second
	// refusalLasts is for how long a bridge is unready after its disk refused a callback, if none comes that shows it well again.
	refusalLasts = time.Minute
	// warnEvery is how often it is logged that callbacks wait: an outage may take hours.
	warnEvery = 10 * time.Minute
)

// SpoolConfig is what a spool needs. Dir, Namespace and Next are required.
type SpoolConfig struct {
	Dir       string    // an existing folder of this process alone
	Namespace string    // Temporal's; a file with callbacks for another one is not opened
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
	missing missing

	away    atomic.Bool    // the latest delivery did not reach Temporal
	probing sync.Mutex     // while Temporal is away, one callback at a time finds out whether it still is
	waits   rate.Sometimes // logs that callbacks wait

	refused atomic.Pointer[refusal] // the latest callback that the disk did not take, unless it took some since

	arrived, reached chan struct{} // of size one: there is a backlog; Temporal is back
}

type refusal struct {
	err error
	at  time.Time
}

// OpenSpool opens or creates the spool in a folder. An error says that the folder cannot be used, and why:
// it may belong to another process, to another namespace, or not be writable. A damaged file is put aside, and a new one
// begun. Close it after Forward and all Deliver have returned.
func OpenSpool(config SpoolConfig) (*Spool, error) {
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	store, err := openStore(config.Dir, config.Namespace, config.Logger)
	if err != nil {
		return nil, err
	}
	s := &Spool{SpoolConfig: config, store: store, waits: rate.Sometimes{Interval: warnEvery},
		arrived: make(chan struct{}, 1), reached: make(chan struct{}, 1)}
	if err := s.missing.load(store); err != nil {
		return nil, errors.Join(fmt.Errorf("read spool %s: %w", config.Dir, err), store.close())
	}
	s.metrics = newSpoolMetrics(config.MeterProvider, config.Logger, s)
	if n := store.queued.Load() + store.missing.Load(); n > 0 {
		config.Logger.Info("callbacks wait in the spool", "callbacks", n)
	}
	return s, nil
}

// Close closes the file.
func (s *Spool) Close() error {
	return s.store.close()
}

// Deliver implements Deliverer. Only a callback that Temporal refuses for good, or that neither Temporal nor the disk can
// take, is an error.
func (s *Spool) Deliver(ctx context.Context, a Arrival) (Outcome, error) {
	of := ownerOf(a.Target)
	behind, err := s.behind(of)
	if err != nil {
		return "", err
	}
	if behind { // callbacks of one target do not overtake each other
		return s.keep(ctx, a, of, nil)
	}
	outcome, err := s.direct(ctx, a)
	if isMissing(outcome, err) {
		if !s.missing.add(of, time.Now()) {
			return outcome, err // too many are kept already: as without a spool
		}
		return s.keep(ctx, a, of, errNoRun)
	}
	if err == nil || permanent(err) {
		return outcome, err
	}
	return s.keep(ctx, a, of, err)
}

// behind says whether earlier callbacks of the target wait in the queue. Those whose run is missing are known in memory.
func (s *Spool) behind(of owner) (bool, error) {
	if s.missing.has(of) {
		return true, nil
	}
	if s.store.queued.Load() == 0 {
		return false, nil
	}
	found, err := s.store.first(bucketQueue, of)
	if err != nil {
		return false, fmt.Errorf("look for earlier callbacks in the spool: %w", err)
	}
	return len(found) > 0, nil
}

var errAway = errors.New("no connection to Temporal a moment ago")

// direct delivers to Temporal; while that is away, at once or not at all.
func (s *Spool) direct(ctx context.Context, a Arrival) (Outcome, error) {
	if s.away.Load() {
		if !s.probing.TryLock() {
			return "", errAway
		}
		defer s.probing.Unlock()
	}
	ctx, cancel := context.WithTimeout(ctx, directTimeout)
	defer cancel()
	return s.try(ctx, a)
}

// try delivers to Temporal and notes whether it was there.
func (s *Spool) try(ctx context.Context, a Arrival) (Outcome, error) {
	outcome, err := s.Next.Deliver(ctx, a)
	switch {
	case unreachable(err):
		s.away.Store(true)
	case err == nil && s.away.Swap(false):
		wake(s.reached)
	}
	return outcome, err
}

// keep returns once the callback is on disk. The cause is why Temporal does not have it.
func (s *Spool) keep(ctx context.Context, a Arrival, of owner, cause error) (Outcome, error) {
	e := newEntry(a, TraceOf(ctx))
	if err := s.store.update(ctx, func(c *changes) error {
		if err := s.store.room(c.Tx); err != nil {
			return err
		}
		if s.missing.has(of) { // now, whatever it was before
			e.Missing = time.Now()
		}
		return c.put(e, of)
	}); err != nil {
		err = fmt.Errorf("keep a callback in the spool: %w; check the disk of DPA_SPOOL_DIR", err)
		s.refused.Store(&refusal{err, time.Now()})
		return "", errors.Join(err, cause)
	}
	s.refused.Store(nil)
	if cause != nil {
		s.warn(cause)
	}
	s.metrics.count(ctx, OutcomeSpooled, 1)
	wake(s.arrived)
	return OutcomeSpooled, nil
}

// warn logs now and then that callbacks wait, and why the latest does.
func (s *Spool) warn(cause error) {
	s.waits.Do(func() { s.Logger.Warn("callbacks wait in the spool", "state", s.Remark(), "error", cause) })
}

// Ready says whether the spool can take callbacks: something was written to it a moment ago, or can be now. It remembers
// for a minute when it could not keep a callback (what is freed inside the file makes a small write succeed on a full disk).
func (s *Spool) Ready(ctx context.Context) error {
	if r := s.refused.Load(); r != nil && time.Since(r.at) < refusalLasts {
		return r.err
	}
	if time.Since(time.Unix(0, s.store.wrote.Load())) < probeEvery {
		return nil
	}
	if err := s.store.probe(ctx); err != nil {
		return fmt.Errorf("write to the spool: %w; check the disk of DPA_SPOOL_DIR", err)
	}
	return nil
}

// Remark tells operators how much waits, for Temporal and for runs that are not there; empty when nothing does.
func (s *Spool) Remark() string {
	var remark string
	if n, age := s.waiting(); n > 0 {
		remark = fmt.Sprintf("callbacks that wait for Temporal: %d, the oldest for %s", n, age.Round(time.Second))
	}
	if n := s.store.missing.Load(); n > 0 {
		remark = join(remark, fmt.Sprintf("callbacks whose run is not there, kept for 6 hours: %d", n))
	}
	if n := s.store.aside.Load(); n > 0 {
		remark = join(remark, fmt.Sprintf("damaged files in %s: %d", s.Dir, n))
	}
	return remark
}

func join(remark, more string) string {
	if remark == "" {
		return more
	}
	return remark + "; " + more
}

// waiting is how many callbacks wait for Temporal, and the oldest for how long.
func (s *Spool) waiting() (n int64, age time.Duration) {
	if came := s.store.oldest.Load(); came != 0 {
		age = max(0, time.Since(time.Unix(0, came)))
	}
	return s.store.queued.Load(), age
}

// permanent says that trying again is of no use: Temporal got the signal and says that no signal like this can ever be stored.
func permanent(err error) bool {
	var invalid *serviceerror.InvalidArgument
	return errors.As(err, &invalid)
}

func isMissing(outcome Outcome, err error) bool {
	return outcome == OutcomeMissing || errors.Is(err, errNoRun)
}

func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
