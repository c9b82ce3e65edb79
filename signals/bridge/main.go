// Command bridge receives the platform's callbacks and hands them to Temporal. It keeps nothing that
// another copy would need, so run as many as wanted; each with a DPA_SPOOL_DIR of its own.
package main

import (
	"context"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/internal/bridge"
	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/program"
)

func main() {
	program.Main("bridge",
		func() (config.Bridge, error) { return config.LoadBridge(os.LookupEnv) },
		func(cfg config.Bridge) string { return cfg.AdminAddr }, run)
}

func run(ctx context.Context, cfg config.Bridge) error {
	// Lazy: a bridge that restarts while Temporal is away still answers, and is not ready.
	p, err := program.Open(ctx, "bridge", cfg.Common, cfg.AdminAddr, connect.Options{Lazy: true})
	if err != nil {
		return err
	}
	defer p.Close()
	b, err := bridge.Open(cfg, p.Temporal, p.Log, p.Metrics.MeterProvider(), p.Traces.TracerProvider())
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.Serve(ctx) })
	group.Go(func() error { return p.ServeAdmin(ctx, b.Check()) })
	return group.Wait()
}
