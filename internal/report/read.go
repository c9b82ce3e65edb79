package report

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
)

// ReadTimeout bounds how long the server may take to answer. Temporal's SDK gives a call ten seconds, which a server with
// much to do does not always keep.
const ReadTimeout = time.Minute

// Read makes such a call, again while the server does not answer in time.
func Read[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	bounded, cancel := context.WithTimeout(ctx, ReadTimeout)
	defer cancel()
	for {
		answer, err := call(bounded)
		late := new(serviceerror.DeadlineExceeded)
		if bounded.Err() != nil || !errors.As(err, &late) && !errors.Is(err, context.DeadlineExceeded) {
			return answer, err
		}
	}
}
