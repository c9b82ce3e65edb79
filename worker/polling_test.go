package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAWorkerBeginsWhenTemporalCanBeUsedAndBeginsAnewWhenItGaveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		var away atomic.Value // a string, empty while Temporal is there
		var started atomic.Int64
		away.Store("connection refused")
		p := &polling{
			log: slog.New(slog.NewTextHandler(&log, nil)),
			ready: func(context.Context) error {
				if why := away.Load().(string); why != "" {
					return errors.New(why)
				}
				return nil
			},
			start: func(ctx context.Context) error {
				if started.Add(1) == 1 {
					return errors.New("the namespace is gone")
				}
				<-ctx.Done()
				return nil
			},
		}
		ctx, stop := context.WithCancel(t.Context())
		require.EqualError(t, p.Ready(ctx), "is starting")
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()

		time.Sleep(2 * time.Hour) // an outage
		synctest.Wait()
		require.Zero(t, started.Load())
		require.EqualError(t, p.Ready(ctx), "connection refused")
		require.Equal(t, 1, strings.Count(log.String(), "connection refused"), "one line for all of it")

		away.Store("")
		time.Sleep(longestPause)
		synctest.Wait()
		require.EqualValues(t, 1, started.Load())
		require.EqualError(t, p.Ready(ctx), "the namespace is gone")
		time.Sleep(longestPause)
		synctest.Wait()
		require.EqualValues(t, 2, started.Load())
		require.NoError(t, p.Ready(ctx))

		away.Store("unavailable")
		require.EqualError(t, p.Ready(ctx), "unavailable", "it works, and Temporal does not answer")
		stop()
		require.NoError(t, <-ended)
	})
}
