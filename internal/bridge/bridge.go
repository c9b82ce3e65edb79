// Package bridge wires the callback bridge, for the program of its own and for the worker that serves
// it from the same process.
package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"go.opentelemetry.io/otel/metric"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/signals"
)

// supported refuses what would otherwise be promised by a variable and not be done.
func supported(cfg config.Bridge) error {
	var names []string
	if cfg.Unsigned {
		names = append(names, "DPA_BRIDGE_UNSIGNED")
	}
	if cfg.SpoolDir != "" {
		names = append(names, "DPA_SPOOL_DIR")
	}
	if cfg.EncryptionKeys.Reveal() != "" {
		names = append(names, "DPA_ENCRYPTION_KEYS")
	}
	if len(names) > 0 {
		return errors.New("configuration: this version does not support " + strings.Join(names, ", "))
	}
	return nil
}

// Serve receives callbacks until the context ends, then lets those in flight finish and returns nil.
// The client must have been dialled with signals.RequestIDInterceptor.
func Serve(ctx context.Context, cfg config.Bridge, temporal *connect.Client, logger *slog.Logger, meters metric.MeterProvider) error {
	if err := supported(cfg); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen for callbacks: %w; check DPA_BRIDGE_ADDR", err)
	}
	logger.Info("receiving callbacks", "address", listener.Addr().String(), "keys", cfg.CallbackKeys, "namespace", temporal.Namespace)
	return signals.Serve(ctx, listener, signals.NewHandler(signals.HandlerConfig{
		Keys:              cfg.CallbackKeys,
		Namespace:         temporal.Namespace,
		Deliverer:         signals.NewTemporalDeliverer(temporal),
		Logger:            logger,
		MeterProvider:     meters,
		RequestsPerSecond: cfg.RequestsPerSecond,
	}))
}
