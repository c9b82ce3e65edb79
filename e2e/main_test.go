// Package e2e runs the real programs against a real Temporal server and the simulated platform.
package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.temporal.io/sdk/client"
	"go.uber.org/goleak"

	"github.com/dpaflow/dpaflow/internal/devstack"
)

// server is the Temporal server that all tests share, each on a task queue of its own. Tests that
// stop a server start one of their own.
var server *devstack.Temporal

func TestMain(m *testing.M) {
	code := 1
	defer func() { os.Exit(code) }()
	defer func() {
		if err := devstack.Cleanup(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	var err error
	server, err = devstack.StartTemporal(context.Background(), devstack.TemporalOptions{SearchAttributes: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start Temporal:", err)
		return
	}
	defer func() {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	if code = m.Run(); code == 0 {
		if err := goleak.Find(goleak.IgnoreCurrent()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
}

func dial(t *testing.T, temporal *devstack.Temporal) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: temporal.Address, Namespace: devstack.Namespace, Logger: quiet})
	if err != nil {
		t.Fatalf("connect to Temporal: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}
