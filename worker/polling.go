package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	readyTimeout = 10 * time.Second // of one look whether Temporal can be used
	firstPause   = time.Second      // before the next attempt; it grows
	longestPause = 15 * time.Second
	settled      = time.Minute // how long a worker has to have run for the pauses to begin anew
)

// polling runs a worker for as long as the program runs. Temporal may be away when it starts and in between, and its
// namespace may be missing: that is waited for.
type polling struct {
	log   *slog.Logger
	ready func(context.Context) error // whether Temporal can be used
	// start makes a worker and runs it until the context ends, which is no error. None runs twice.
	start func(context.Context) error

	idle atomic.Pointer[error] // why no work is done, a nil error while it is; nil before the first attempt
}

// Run works until the context ends.
func (p *polling) Run(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		began := time.Now()
		err := p.attempt(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > settled {
			pause = firstPause
		}
		p.log.Log(ctx, p.note(err), "the worker waits, and tries again by itself", "next", pause, "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// attempt works until that ends, which it does not even begin where Temporal cannot be used.
func (p *polling) attempt(ctx context.Context) error {
	look, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := p.ready(look); err != nil {
		return err
	}
	p.note(nil)
	return p.start(ctx)
}

// note remembers why no work is done, and says how loudly: an outage may take hours, and is news only once.
func (p *polling) note(err error) slog.Level {
	before := p.idle.Swap(&err)
	if before != nil && *before != nil && err != nil && (*before).Error() == err.Error() {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// Ready says whether work is done: a check for readiness.
func (p *polling) Ready(ctx context.Context) error {
	switch idle := p.idle.Load(); {
	case idle == nil:
		return errors.New("is starting")
	case *idle != nil:
		return *idle
	default:
		return p.ready(ctx)
	}
}
