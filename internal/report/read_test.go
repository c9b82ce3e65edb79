package report

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
)

func TestWhatOnlyReadsIsAskedAgainWhileTheServerIsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// As the SDK does it: each call has ten seconds, or what is left.
		asked := 0
		call := func(answers ...error) func(context.Context) (int, error) {
			asked = 0
			return func(ctx context.Context) (int, error) {
				asked++
				answer := answers[min(asked, len(answers))-1]
				if errors.Is(answer, context.DeadlineExceeded) {
					select {
					case <-ctx.Done():
					case <-time.After(10 * time.Second):
					}
				}
				return asked, answer
			}
		}
		late := serviceerror.NewDeadlineExceeded("late")
		answer, err := Read(t.Context(), call(context.DeadlineExceeded, late, nil))
		require.NoError(t, err)
		require.Equal(t, 3, answer)

		_, err = Read(t.Context(), call(errors.New("no")))
		require.EqualError(t, err, "no")
		require.Equal(t, 1, asked)

		begun := time.Now()
		_, err = Read(t.Context(), call(context.DeadlineExceeded))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, ReadTimeout, time.Since(begun))

		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = Read(gone, call(context.DeadlineExceeded))
		require.Error(t, err)
		require.Equal(t, 1, asked)
	})
}
