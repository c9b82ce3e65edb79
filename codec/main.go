// Command codec is the codec server of encrypted histories: Temporal's Web UI and command line have it
// decrypt what they show and encrypt what they send. Whoever can call it can read every history.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/program"
	"github.com/dpaflow/dpaflow/internal/serve"
)

func main() {
	program.Main("codec", func() (config.Codec, error) { return config.LoadCodec(os.LookupEnv) }, probe, run)
}

func run(ctx context.Context, cfg config.Codec) error {
	logger := program.NewLog("codec", cfg.LogLevel)
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
	return serve.Serve(ctx, listener, handler)
}

// probe has the codec server of this configuration decode nothing: it answers who has the token.
func probe(ctx context.Context, cfg config.Codec) error {
	request, err := http.NewRequest(http.MethodPost, "http://"+cfg.Addr+"/decode", strings.NewReader("{}"))
	if err != nil {
		return fmt.Errorf("ask %s whether it is ready: %w", cfg.Addr, err)
	}
	if token := cfg.Token.Reveal(); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return serve.Probe(ctx, request)
}
