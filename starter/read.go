package main

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
)

// readTimeout bounds how long the server may take to answer. Temporal's SDK gives a call ten seconds, which a server with
// much to do does not always keep.
const readTimeout = time.Minute

// read makes such a call, again while the server does not answer in time.
func read[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	bounded, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	for {
		answer, err := call(bounded)
		late := new(serviceerror.DeadlineExceeded)
		if bounded.Err() != nil || !errors.As(err, &late) && !errors.Is(err, context.DeadlineExceeded) {
			return answer, err
		}
	}
}
