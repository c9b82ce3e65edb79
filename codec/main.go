// Command codec is the codec server of encrypted histories: Temporal's Web UI and command line have it
// decrypt what they show and encrypt what they send. Whoever can call it can read every history.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/telemetry"
	"github.com/dpaflow/dpaflow/signals"
)

func main() {
	healthcheck := flag.Bool("healthcheck", false, "ask the codec server that runs beside whether it answers, and exit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := config.LoadCodec(os.LookupEnv)
	switch {
	case err != nil:
	case *healthcheck:
		err = probe(ctx, cfg)
	default:
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

// probe has the codec server of this configuration decode nothing: it answers who has the token.
func probe(ctx context.Context, cfg config.Codec) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+cfg.Addr+"/decode", strings.NewReader("{}"))
	if err != nil {
		return fmt.Errorf("ask %s: %w", cfg.Addr, err)
	}
	if token := cfg.Token.Reveal(); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", cfg.Addr, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not healthy: it answers %s", cfg.Addr, answer.Status)
	}
	return nil
}
