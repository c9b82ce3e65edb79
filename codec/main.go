// Command codec is the codec server of encrypted histories: Temporal's Web UI and command line have it
// decrypt what they show and encrypt what they send. Whoever can call it can read every history.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/telemetry"
	"github.com/dpaflow/dpaflow/signals"
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
	return signals.Serve(ctx, listener, handler)
}
