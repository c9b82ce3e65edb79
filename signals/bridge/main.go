// Command bridge receives the platform's callbacks and hands them to Temporal. It keeps nothing that
// another copy would need, so run as many as wanted; each with a DPA_SPOOL_DIR of its own.
package main

import (
	"context"
	"flag"
	"os"

	"github.com/dpaflow/dpaflow/internal/bridge"
	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/program"
	"github.com/dpaflow/dpaflow/internal/serve"
	"github.com/dpaflow/dpaflow/internal/telemetry"
)

func main() {
	deadLetters := flag.Bool("dead-letters", false, "list what Temporal refused for good of the callbacks in DPA_SPOOL_DIR, send it again, and exit")
	program.Main("bridge",
		func() (config.Bridge, error) { return config.LoadBridge(os.LookupEnv) },
		func(ctx context.Context, cfg config.Bridge) error { return serve.Ready(ctx, cfg.AdminAddr) },
		func(ctx context.Context, cfg config.Bridge) error {
			if *deadLetters {
				return bridge.SendDeadLetters(ctx, cfg, os.Stdout, telemetry.NewLogger(os.Stderr, cfg.LogLevel))
			}
			return run(ctx, cfg)
		})
}

func run(ctx context.Context, cfg config.Bridge) error {
	p, err := program.Open(ctx, "bridge", cfg.Common, cfg.AdminAddr)
	if err != nil {
		return err
	}
	defer p.Close()
	b, err := bridge.Open(cfg, p.Temporal, p.Log, p.Metrics.MeterProvider(), p.Traces.TracerProvider())
	if err != nil {
		return err
	}
	return p.Run(ctx, b.Serve, b.Check())
}
