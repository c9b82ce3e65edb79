// Package program is what the programs that run for long have in common: how they start and stop, their
// logs and metrics, the address for operators, and the connection to Temporal.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/interrupt"
	"github.com/dpaflow/dpaflow/internal/serve"
	"github.com/dpaflow/dpaflow/internal/telemetry"
	"github.com/dpaflow/dpaflow/internal/version"
	"github.com/dpaflow/dpaflow/signals"
)

// Main parses the flags, loads the configuration, and runs the program until it ends or is told to, by
// SIGINT or SIGTERM. With -healthcheck it probes the one that runs beside instead, and with -version it says
// which build it is.
func Main[C any](name string, load func() (C, error), probe, run func(context.Context, C) error) {
	healthcheck := flag.Bool("healthcheck", false, "ask the "+name+" that runs beside whether it is ready, and exit")
	about := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *about {
		fmt.Println(name, version.Get())
		return
	}
	ctx, stop := interrupt.Context()
	defer stop()
	cfg, err := load()
	switch {
	case err != nil:
	case *healthcheck:
		err = probe(ctx, cfg)
	default:
		err = run(ctx, cfg)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// NewLog returns the log of the program of that name, which is the process's from then on. Its first line says which
// build of the program this is.
func NewLog(name string, level slog.Level) *slog.Logger {
	log := telemetry.NewLogger(os.Stderr, level)
	slog.SetDefault(log)
	log.LogAttrs(context.Background(), slog.LevelInfo, name+" starts", version.Get().Attrs()...)
	return log
}

// Program is a program that is running.
type Program struct {
	Log      *slog.Logger
	Metrics  *telemetry.Metrics
	Traces   *telemetry.Traces
	Temporal *connect.Client
	admin    net.Listener
}

// Open opens what the program of that name needs. What listens is opened first: a taken port stops the program before
// anything has begun. Close closes it all.
func Open(ctx context.Context, name string, cfg config.Common, adminAddr string) (*Program, error) {
	p := &Program{Log: NewLog(name, cfg.LogLevel)}
	var err error
	if p.Metrics, err = telemetry.NewMetrics(ctx, name, p.Log); err != nil {
		return nil, err
	}
	if p.admin, err = net.Listen("tcp", adminAddr); err != nil {
		return nil, fmt.Errorf("listen for operators: %w; check DPA_ADMIN_ADDR", err)
	}
	p.Traces = telemetry.NewTraces(ctx, name, p.Log)
	p.Temporal, err = connect.Dial(ctx, connect.Options{
		Logger: p.Log, Metrics: p.Metrics.Temporal(), Interceptors: p.Traces.Interceptors(),
		EncryptionKeys: cfg.EncryptionKeys, MeterProvider: p.Metrics.MeterProvider(),
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(signals.RequestIDInterceptor)},
		Lazy:        true, // a program that starts while Temporal is away waits for it
	})
	if err != nil {
		_ = p.admin.Close()
		return nil, err
	}
	return p, nil
}

// Run does the work of the program, which ends with the context, and answers operators until it is done: also what
// happens while a program stops is counted.
func (p *Program) Run(ctx context.Context, work func(context.Context) error, checks ...serve.Check) error {
	stopping := serve.Check{Name: "program", Ready: func(context.Context) error {
		if ctx.Err() != nil {
			return errors.New("is stopping")
		}
		return nil
	}}
	group, working := errgroup.WithContext(ctx)
	serving, done := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error {
		defer done()
		return work(working)
	})
	group.Go(func() error {
		return serve.Serve(serving, p.admin, serve.Admin(p.Metrics.Handler(), append(checks, stopping)...))
	})
	return group.Wait()
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
