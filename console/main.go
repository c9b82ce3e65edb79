// Command console is the operators' page: it lists runs, shows them live, lets people act on them under their own names,
// and starts runbooks, plans and models. It holds no state: what it shows is Temporal's, and who has signed in is in a
// cookie.
package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/program"
	"github.com/dpaflow/dpaflow/internal/serve"
)

func main() {
	program.Main("console",
		func() (config.Console, error) { return config.LoadConsole(os.LookupEnv) },
		func(ctx context.Context, cfg config.Console) error { return serve.Ready(ctx, cfg.AdminAddr) },
		run)
}

func run(ctx context.Context, cfg config.Console) error {
	p, err := program.Open(ctx, "console", cfg.Common, cfg.AdminAddr)
	if err != nil {
		return err
	}
	defer p.Close()
	c, err := newConsole(cfg, p.Temporal, p.Log, p.Metrics.MeterProvider())
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w; check DPA_CONSOLE_ADDR", err)
	}
	p.Log.Info("serving operators", "address", listener.Addr().String(), "url", cfg.URL.String(), "issuer", cfg.Issuer,
		"operator_keys", cfg.OperatorKeys, "runbooks", cfg.RunbooksDir)
	return p.Run(ctx, func(ctx context.Context) error {
		context.AfterFunc(ctx, c.stop)
		return serve.Serve(ctx, listener, c.handler())
	}, serve.Check{Name: "temporal", Ready: p.Temporal.Ready})
}
