// Package interrupt is how every program is told to stop.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Context ends with the first SIGINT or SIGTERM, or when stop is called. The second signal ends the process at once:
// whoever presses Ctrl-C again does not want to wait any longer.
func Context() (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		signal.Stop(signals) // what comes next has its usual effect
		stop()
	}()
	return ctx, stop
}
