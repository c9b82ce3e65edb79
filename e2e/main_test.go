// Package e2e runs the real programs against a real Temporal server and the simulated platform.
package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/goleak"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/wait"
)

// server is the Temporal server that all tests share, each on a task queue of its own: the one that
// TEMPORAL_ADDRESS names, or a dev server. Tests that stop a server start one of their own.
var server *devstack.Temporal

func TestMain(m *testing.M) {
	code := 1
	defer func() { os.Exit(code) }()
	defer func() {
		if err := devstack.Cleanup(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "OTEL_") {
			_ = os.Unsetenv(name) // what the tests do is nothing for your collector
		}
	}
	var err error
	server, err = devstack.SharedTemporal(context.Background(), devstack.TemporalOptions{SearchAttributes: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start Temporal:", err)
		return
	}
	defer func() {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	ours := goleak.IgnoreCurrent()
	code = wait.Run(m, ours)
}

// dial connects as the programs do, with the keys of their environment.
func dial(t *testing.T, temporal *devstack.Temporal, env ...string) client.Client {
	t.Helper()
	cfg, err := config.LoadStarter(environment(env).LookupEnv, false)
	require.NoError(t, err)
	c, err := connect.Dial(t.Context(), connect.Options{
		Env: environment(temporal.Env()), Logger: slog.New(slog.DiscardHandler), EncryptionKeys: cfg.EncryptionKeys,
		RPCTimeout: patience,
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// environment looks variables up in a list of NAME=value.
type environment []string

func (e environment) Environ() []string { return e }
func (e environment) LookupEnv(name string) (value string, set bool) {
	for _, entry := range e {
		if after, found := strings.CutPrefix(entry, name+"="); found {
			return after, true
		}
	}
	return "", false
}
