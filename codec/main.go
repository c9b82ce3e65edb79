// Command codec is the codec server of encrypted histories: Temporal's Web UI and command line have it
// decrypt what they show and encrypt what they send. Whoever can call it can read every history.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/telemetry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := config.LoadCodec(os.LookupEnv)
	if err == nil {
		err = run(ctx, cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "codec:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg config.Codec) error {
	logger := telemetry.NewLogger(os.Stderr, cfg.LogLevel)
	handler, err := newHandler(cfg)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w; check DPA_CODEC_ADDR", err)
	}
	logger.Info("decrypting payloads", "address", listener.Addr().String(), "keys", cfg.EncryptionKeys,
		"origins", cfg.Origins, "token", cfg.Token.Reveal() != "")
	return serve(ctx, listener, handler, logger)
}

// serve answers until the context ends, then lets requests in flight finish, and returns nil.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, logger *slog.Logger) error {
	const drain = 10 * time.Second
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	defer context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		stopped <- server.Shutdown(late)
	})()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	}
	if err := <-stopped; err != nil {
		return fmt.Errorf("stop serving on %s: %w", listener.Addr(), err)
	}
	return nil
}
