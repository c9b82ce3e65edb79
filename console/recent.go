package main

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

// fresh is how old may be what is shown of runs.
const fresh = 2 * time.Second

// kept is how many values are kept of each kind.
const kept = 500

// recent keeps what was read a moment ago, so that many who look at the same ask Temporal once.
type recent[T any] struct {
	lasts  time.Duration
	values *lru.Cache[string, found[T]]
	flight singleflight.Group
}

type found[T any] struct {
	value T
	at    time.Time
}

func newRecent[T any](lasts time.Duration) *recent[T] {
	values, _ := lru.New[string, found[T]](kept) // which refuses sizes below 1
	return &recent[T]{lasts: lasts, values: values}
}

// get returns the value of a key, which read finds where it is not there any more. One caller's end does not end what
// others wait for.
func (r *recent[T]) get(ctx context.Context, key string, read func(context.Context) (T, error)) (T, error) {
	if known, ok := r.values.Get(key); ok && time.Since(known.at) < r.lasts {
		return known.value, nil
	}
	answers := r.flight.DoChan(key, func() (any, error) {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
		defer cancel()
		value, err := read(bounded)
		if err == nil {
			r.values.Add(key, found[T]{value, time.Now()})
		}
		return value, err
	})
	select {
	case result := <-answers:
		value, _ := result.Val.(T)
		return value, result.Err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// forget has the next caller read anew.
func (r *recent[T]) forget(key string) { r.values.Remove(key) }
