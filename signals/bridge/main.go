// Command bridge receives the platform's callbacks and hands them to Temporal. It keeps nothing that
// another copy would need, so run as many as wanted; each with a DPA_SPOOL_DIR of its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/admin"
	"github.com/dpaflow/dpaflow/internal/bridge"
	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/telemetry"
	"github.com/dpaflow/dpaflow/signals"
)

func main() {
	probe := flag.Bool("healthcheck", false, "ask the bridge that runs beside whether it is ready, and exit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := config.LoadBridge(os.LookupEnv)
	switch {
	case err != nil:
	case *probe:
		err = admin.Probe(ctx, cfg.AdminAddr)
	default:
		err = run(ctx, cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bridge:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg config.Bridge) error {
	logger := telemetry.NewLogger(os.Stderr, cfg.LogLevel)
	slog.SetDefault(logger)
	metrics, err := telemetry.NewMetrics(logger)
	if err != nil {
		return err
	}
	adminListener, err := net.Listen("tcp", cfg.AdminAddr)
	if err != nil {
		return fmt.Errorf("listen for operators: %w; check DPA_ADMIN_ADDR", err)
	}
	defer adminListener.Close()

	// Lazy: a bridge that restarts while Temporal is away still answers, and is not ready.
	temporal, err := connect.Dial(ctx, connect.Options{
		Logger:      logger,
		Metrics:     metrics.Temporal(),
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(signals.RequestIDInterceptor)},
		Lazy:        true,

		EncryptionKeys: cfg.EncryptionKeys,
	})
	if err != nil {
		return err
	}
	defer temporal.Close()

	b, err := bridge.Open(cfg, temporal, logger, metrics.MeterProvider())
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.Serve(ctx) })
	group.Go(func() error { return admin.Serve(ctx, adminListener, admin.Handler(metrics.Handler(), b.Check())) })
	return group.Wait()
}
