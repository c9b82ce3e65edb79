// Package bridge wires the callback bridge, for the program of its own and for the worker that serves
// it from the same process.
package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/serve"
	"github.com/dpaflow/dpaflow/signals"
)

// Bridge is a callback bridge that listens already and does not answer yet.
type Bridge struct {
	listener net.Listener
	handler  signals.HandlerConfig
	spool    *signals.Spool // nil: there is none
	temporal *connect.Client
}

// Open opens what the bridge needs: the port, and the spool where one is configured. An error names the variable to check.
// The client must have been dialled with signals.RequestIDInterceptor. Serve closes everything again, so it has to be called.
func Open(cfg config.Bridge, temporal *connect.Client, logger *slog.Logger, meters metric.MeterProvider, traces trace.TracerProvider) (*Bridge, error) {
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for callbacks: %w; check DPA_BRIDGE_ADDR", err)
	}
	b := &Bridge{listener: listener, temporal: temporal, handler: signals.HandlerConfig{
		Keys:              cfg.CallbackKeys,
		Namespace:         temporal.Namespace,
		Deliverer:         signals.NewTemporalDeliverer(temporal, cfg.TaskQueue),
		Logger:            logger,
		MeterProvider:     meters,
		TracerProvider:    traces,
		From:              cfg.From,
		RequestsPerSecond: cfg.RequestsPerSecond,
	}}
	if cfg.Unsigned {
		b.handler.Unsigned = &signals.UnsignedConfig{Secret: cfg.UnsignedSecret.Reveal(), From: cfg.UnsignedFrom}
	}
	if cfg.SpoolDir != "" {
		b.spool, err = signals.OpenSpool(signals.SpoolConfig{
			Dir:           cfg.SpoolDir,
			Namespace:     temporal.Namespace,
			Next:          b.handler.Deliverer,
			Logger:        logger,
			MeterProvider: meters,
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%w; check DPA_SPOOL_DIR", err), listener.Close())
		}
		b.handler.Deliverer = b.spool
	}
	logger.Info("receiving callbacks", "address", listener.Addr().String(), "keys", cfg.CallbackKeys,
		"namespace", temporal.Namespace, "spool", b.spool != nil, "unsigned", cfg.Unsigned)
	return b, nil
}

// Check says whether the bridge can take callbacks. With a spool that does not depend on Temporal.
func (b *Bridge) Check() serve.Check {
	if b.spool != nil {
		return serve.Check{Name: "spool", Ready: b.spool.Ready, Remark: b.spool.Remark}
	}
	return serve.Check{Name: "temporal", Ready: b.temporal.Ready}
}

// Serve receives callbacks until the context ends, then lets those in flight finish and returns nil.
func (b *Bridge) Serve(ctx context.Context) (err error) {
	if b.spool == nil {
		return serve.Serve(ctx, b.listener, signals.NewHandler(b.handler))
	}
	// Closed last: a callback in flight may still have to be kept.
	defer func() { err = errors.Join(err, b.spool.Close()) }()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.spool.Forward(ctx) })
	group.Go(func() error { return serve.Serve(ctx, b.listener, signals.NewHandler(b.handler)) })
	return group.Wait()
}
