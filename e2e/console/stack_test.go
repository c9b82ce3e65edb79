// Package console tests the console in a real browser, with people who sign in at a real OpenID provider, against a real
// Temporal server, worker and bridge. It is a module of its own, so that the browser's driver and the provider are
// nobody else's dependencies.
package console

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

var server *devstack.Temporal

func TestMain(m *testing.M) {
	code := 1
	defer func() { os.Exit(code) }()
	defer func() { _ = devstack.Cleanup() }()
	if err := os.Chdir("../.."); err != nil { // the programs are those of the repository
		fmt.Fprintln(os.Stderr, err)
		return
	}
	var err error
	if server, err = devstack.StartTemporal(context.Background(), devstack.TemporalOptions{SearchAttributes: true}); err != nil {
		fmt.Fprintln(os.Stderr, "start Temporal:", err)
		return
	}
	defer func() { _ = server.Stop() }()
	code = m.Run() // the browser's driver and the provider end what they started in their own time
}

// stack is a platform, a worker with the bridge and a console of one test.
type stack struct {
	t   *testing.T
	sim *platformtest.Simulator
	client.Client
	queue, url string
	env        []string
	console    *devstack.Program
}

func key(id string) string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	return id + ":" + base64.StdEncoding.EncodeToString(secret)
}

// begin starts a stack with files of runbooks. With signIn people sign in, and workers take their actions with proofs.
func begin(t *testing.T, catalogue platformtest.Catalogue, signIn bool, books map[string]string) *stack {
	t.Helper()
	folder := t.TempDir()
	for name, document := range books {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(document), 0o600))
	}
	s := &stack{t: t, queue: t.Name(), sim: platformtest.Start(t, platformtest.Options{
		Catalogue: catalogue, ClientSecret: "planted-client-secret-8f2c", CallbackTimeout: wait.Limit,
	})}
	callbacks, err := devstack.FreeAddress()
	require.NoError(t, err)
	address, err := devstack.FreeAddress()
	require.NoError(t, err)
	s.url = "http://" + address
	s.env = append(server.Env(), "DPA_TASK_QUEUE="+s.queue, "DPA_CALLBACK_KEYS="+key("k1"), "DPA_CALLBACK_URL=http://"+callbacks, "DPA_BRIDGE_ADDR="+callbacks,
		"DPA_BASE_URL="+s.sim.URL, "DPA_CLIENT_ID="+platformtest.DefaultClientID, "DPA_CLIENT_SECRET=planted-client-secret-8f2c",
		"DPA_CONSOLE_ADDR="+address, "DPA_RUNBOOKS_DIR="+folder, "DPA_CONSOLE_KEYS="+key("c1"))
	if signIn {
		s.env = append(s.env, "DPA_CONSOLE_URL="+s.url, "DPA_OIDC_ISSUER="+provide(t, s.url), "DPA_OIDC_CLIENT_ID="+clientID,
			"DPA_OIDC_CLIENT_SECRET="+clientSecret, "DPA_OIDC_OPERATORS=operators", "DPA_OPERATOR_KEYS="+key("o1"),
			"DPA_ENCRYPTION_KEYS="+key("e1"))
	}
	s.start("worker", "-bridge")
	s.console = s.start("console")
	c, err := connect.Dial(t.Context(), connect.Options{Env: environment(server.Env()), Logger: slog.New(slog.DiscardHandler), RPCTimeout: wait.Limit})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	s.Client = c
	return s
}

func (s *stack) start(program string, args ...string) *devstack.Program {
	s.t.Helper()
	p, err := devstack.StartProgram(s.t.Context(), devstack.ProgramOptions{Program: program, Args: args, Env: s.env, Race: !*measured})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, p.Stop()) })
	return p
}

// restarts stops the console, and starts another in its place.
func (s *stack) restarts() {
	s.t.Helper()
	require.NoError(s.t, s.console.Stop())
	s.console = s.start("console")
}

// environment looks variables up in a list of NAME=value.
type environment []string

func (e environment) Environ() []string { return e }
func (e environment) LookupEnv(name string) (string, bool) {
	for _, entry := range e {
		if after, found := strings.CutPrefix(entry, name+"="); found {
			return after, true
		}
	}
	return "", false
}

// plans that end at once, by their ids.
func plans(ids ...string) (c platformtest.Catalogue) {
	for _, id := range ids {
		c.Plans = append(c.Plans, platformtest.Plan{ID: id, Title: "预案 " + id, Script: ends(platformtest.Success, id)})
	}
	return c
}

func ends(status, result string) platformtest.Script {
	return platformtest.Ends(status, 100*time.Millisecond, platformtest.ModelOutputs{
		ModelID: "md1", ModelName: "模型", Nodes: []platformtest.Node{{Name: "节点", Result: result}},
	})
}
