// Package program is what the programs that run for long have in common: how they start and stop, their
// logs and metrics, the address for operators, and the connection to Temporal.
package program

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/admin"
	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/telemetry"
	"github.com/dpaflow/dpaflow/signals"
)

// Main parses the flags, loads the configuration, and runs the program until it ends or is told to, by
// SIGINT or SIGTERM. With -healthcheck it asks the one that runs beside whether it is ready instead.
func Main[C any](name string, load func() (C, error), adminAddr func(C) string, run func(context.Context, C) error) {
	probe := flag.Bool("healthcheck", false, "ask the "+name+" that runs beside whether it is ready, and exit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := load()
	switch {
	case err != nil:
	case *probe:
		err = admin.Probe(ctx, adminAddr(cfg))
	default:
		err = run(ctx, cfg)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Program is a program that is running.
type Program struct {
	Log      *slog.Logger
	Metrics  *telemetry.Metrics
	Traces   *telemetry.Traces
	Temporal *connect.Client
	admin    net.Listener
}

// Open opens what the program of that name needs; the options say how to connect. What listens is opened first:
// a taken port stops the program before anything has begun. Close closes it all.
func Open(ctx context.Context, name string, cfg config.Common, adminAddr string, options connect.Options) (*Program, error) {
	p := &Program{Log: telemetry.NewLogger(os.Stderr, cfg.LogLevel)}
	slog.SetDefault(p.Log)
	var err error
	if p.Metrics, err = telemetry.NewMetrics(ctx, name, p.Log); err != nil {
		return nil, err
	}
	if p.admin, err = net.Listen("tcp", adminAddr); err != nil {
		return nil, fmt.Errorf("listen for operators: %w; check DPA_ADMIN_ADDR", err)
	}
	p.Traces = telemetry.NewTraces(ctx, name, p.Log)
	options.Interceptors = p.Traces.Interceptors()
	options.Logger, options.Metrics, options.EncryptionKeys = p.Log, p.Metrics.Temporal(), cfg.EncryptionKeys
	options.DialOptions = []grpc.DialOption{grpc.WithChainUnaryInterceptor(signals.RequestIDInterceptor)}
	if p.Temporal, err = connect.Dial(ctx, options); err != nil {
		_ = p.admin.Close()
		return nil, err
	}
	return p, nil
}

// ServeAdmin answers operators until the context ends.
func (p *Program) ServeAdmin(ctx context.Context, checks ...admin.Check) error {
	return signals.Serve(ctx, p.admin, admin.Handler(p.Metrics.Handler(), checks...))
}

// Close sends what is left of metrics and traces, and gives up the connection and the address.
func (p *Program) Close() {
	var flush sync.WaitGroup
	flush.Go(p.Metrics.Shutdown)
	flush.Go(p.Traces.Shutdown)
	flush.Wait()
	p.Temporal.Close()
	_ = p.admin.Close() // closed already where it has been served
}
