package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

// stage is what a section is measured on: a Temporal server and a simulated platform of its own.
type stage struct {
	temporal    *devstack.Temporal
	sim         *platformtest.Simulator
	platformURL string
	key         string // of callbacks, as DPA_CALLBACK_KEYS has it
	copies      int    // of workers and of bridges

	closers []func() error
}

// unlimited lifts the server's limits on requests per second, which are made for a server that many share.
var unlimited = []string{
	"--dynamic-config-value", "frontend.rps=1000000",
	"--dynamic-config-value", "frontend.namespaceRPS=1000000",
	"--dynamic-config-value", "history.rps=1000000",
	"--dynamic-config-value", "matching.rps=1000000",
}

func openStage(ctx context.Context, catalogue platformtest.Catalogue) (s *stage, err error) {
	s = &stage{copies: 1}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	s.temporal, err = devstack.SharedTemporal(ctx, devstack.TemporalOptions{SearchAttributes: true, Args: unlimited})
	if err != nil {
		return s, err
	}
	if s.temporal.Elsewhere() {
		s.copies = 2 // as it is run for real
	}
	s.onClose(s.temporal.Stop)
	s.sim = platformtest.New(platformtest.Options{Catalogue: catalogue})
	s.onClose(func() error { s.sim.Close(); return nil })
	s.platformURL, err = s.serve(s.sim)
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	s.key = "bench:" + base64.StdEncoding.EncodeToString(key)
	return s, err
}

func (s *stage) onClose(f func() error) { s.closers = append(s.closers, f) }

// close ends what was opened, the last first.
func (s *stage) close() (err error) {
	for i := len(s.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closers[i]())
	}
	return err
}

// serve serves HTTP on a free port until the stage is closed.
func (s *stage) serve(h http.Handler) (url string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	s.onClose(func() error {
		err := server.Close()
		<-served
		return err
	})
	return "http://" + listener.Addr().String(), nil
}

// dial connects to the stage's server with nothing but what Temporal's SDK brings, and like dpaflow without
// compression: what is small is only slower with it.
func (s *stage) dial(ctx context.Context, options ...grpc.DialOption) (client.Client, error) {
	return s.connect(ctx, client.ConnectionOptions{DialOptions: options, GrpcCompression: &client.GrpcCompressionNone{}})
}

func (s *stage) connect(ctx context.Context, options client.ConnectionOptions) (client.Client, error) {
	c, err := client.DialContext(ctx, client.Options{
		HostPort: s.temporal.Address, Namespace: s.temporal.Namespace, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: options,
	})
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal: %w", err)
	}
	s.onClose(func() error { c.Close(); return nil })
	return c, nil
}

// platformCalls counts the platform's calls by endpoint, after the first so many.
func (s *stage) platformCalls(after int) map[string]int {
	calls := map[string]int{}
	for _, request := range s.sim.Requests()[after:] {
		calls[request.Endpoint]++
	}
	return calls
}

// environment looks variables up in a list of NAME=value.
type environment []string

func (e environment) Environ() []string { return e }

func (e environment) LookupEnv(name string) (value string, set bool) {
	for _, entry := range e {
		if after, found := strings.CutPrefix(entry, name+"="); found {
			value, set = after, true
		}
	}
	return value, set
}
