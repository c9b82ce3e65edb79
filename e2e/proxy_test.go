package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/tool"
	"github.com/dpaflow/dpaflow/workflows"
)

// haproxy is HAProxy with the configuration that is deployed, in front of two bridges.
type haproxy struct {
	url string
	log buffer
}

// upstream is where a bridge receives callbacks, and where it says whether it is ready.
type upstream struct{ callbacks, admin string }

// startHAProxy starts the program of that path; it listens on the address.
func startHAProxy(t *testing.T, program, address string, bridges [2]upstream) *haproxy {
	t.Helper()
	text, err := os.ReadFile("../deploy/compose/haproxy.cfg")
	require.NoError(t, err)
	operators, err := devstack.FreeAddress()
	require.NoError(t, err)
	places := []string{"bind :8088", "bind " + address, "bind :8404", "bind " + operators}
	for i, b := range bridges {
		_, admin, err := net.SplitHostPort(b.admin)
		require.NoError(t, err)
		places = append(places, fmt.Sprintf("bridge-%d:8088 port 9091", i+1), b.callbacks+" port "+admin)
	}
	for i := 0; i < len(places); i += 2 {
		require.Contains(t, string(text), places[i])
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	require.NoError(t, os.WriteFile(file, []byte(strings.NewReplacer(places...).Replace(string(text))), 0o600))

	p := &haproxy{url: "http://" + address}
	cmd := exec.Command(program, "-db", "-f", file)
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait() // it ends by the signal
		if t.Failed() {
			t.Logf("the proxy's log:\n%s", p.log.String())
		}
	})
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		status, _ := get(ctx, "http://"+operators+"/healthz")
		return status == http.StatusOK
	}, patience, 20*time.Millisecond, "the proxy answers operators")
	return p
}

// says waits until the proxy has logged a text.
func (p *haproxy) says(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.log.String(), text) }, patience, 20*time.Millisecond, text)
}

func get(ctx context.Context, url string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

func TestRunsGoOnBehindTheProxyWhileOneBridgeAfterTheOtherIsKilled(t *testing.T) {
	t.Parallel()
	program := tool.Needed(t, "haproxy")
	address, err := devstack.FreeAddress()
	require.NoError(t, err)
	first, err := devstack.FreeAddress()
	require.NoError(t, err)
	// Nothing but callbacks may end these runs: nobody asks the platform within the test.
	s := newStack(t, catalogue(success(100*time.Millisecond)), "DPA_CALLBACK_URL=http://"+address, "DPA_BRIDGE_ADDR="+first)
	second, err := devstack.FreeAddress()
	require.NoError(t, err)
	s.env = append(s.env, "DPA_BRIDGE_ADDR="+second)
	other := s.start("signals/bridge")
	p := startHAProxy(t, program, address, [2]upstream{{first, s.bridge.Admin}, {second, other.Admin}})

	run := func(round string) {
		t.Helper()
		var runs []client.WorkflowRun
		for i := range 4 {
			runs = append(runs, s.run(fmt.Sprintf("%s-%s-%d", s.queue, round, i), input("web1")))
		}
		for _, run := range runs {
			var result workflows.PlanResult
			require.NoError(t, s.await(run, &result))
			require.Equal(t, workflows.ObservedByCallback, result.ObservedBy)
		}
	}
	run("both")
	require.NoError(t, s.bridge.Kill())
	run("the second alone") // the first is tried, too, until its check fails
	p.says(t, "bridges/bridge-1 is DOWN")
	again, err := devstack.StartProgram(t.Context(), devstack.ProgramOptions{
		Program: "signals/bridge", Env: append(s.env, "DPA_BRIDGE_ADDR="+first, "DPA_ADMIN_ADDR="+s.bridge.Admin),
		Output: &s.logs, Race: true, Listens: first,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, again.Stop()) })
	p.says(t, "bridges/bridge-1 is UP")
	require.NoError(t, other.Kill())
	run("the first alone")

	require.Regexp(t, `POST 200 bridges/bridge-\d`, p.log.String(), "it does log callbacks")
	require.NotContains(t, p.log.String(), "/callbacks", "an address with its token")
}

func TestTheProxyGivesToTheOtherWhatOneBridgeDoesNotTake(t *testing.T) {
	t.Parallel()
	program := tool.Needed(t, "haproxy")
	defer http.DefaultClient.CloseIdleConnections()
	const path = "/callbacks/plan/a-token//with%2Fall%20sorts~of.signs"
	var asked, taken atomic.Int32
	faults := map[string]http.HandlerFunc{
		"it cannot keep it": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"it dies": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/readyz" {
					return
				}
				asked.Add(1)
				fault(w, r)
			}))
			t.Cleanup(bad.Close)
			good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/readyz" {
					return
				}
				taken.Add(1)
				if r.RequestURI == path {
					_, _ = w.Write([]byte("SUCCESS"))
				}
			}))
			t.Cleanup(good.Close)
			address, err := devstack.FreeAddress()
			require.NoError(t, err)
			p := startHAProxy(t, program, address, [2]upstream{
				{bad.Listener.Addr().String(), bad.Listener.Addr().String()},
				{good.Listener.Addr().String(), good.Listener.Addr().String()},
			})
			before := asked.Load()
			for range 6 {
				answer, err := http.Post(p.url+path, "application/json", strings.NewReader("{}"))
				require.NoError(t, err)
				text, err := io.ReadAll(answer.Body)
				require.NoError(t, errors.Join(err, answer.Body.Close()))
				require.Equal(t, http.StatusOK, answer.StatusCode)
				require.Equal(t, "SUCCESS", string(text), "the path arrives as it was sent")
			}
			require.Greater(t, asked.Load(), before, "the bad one was asked too")
			require.NotContains(t, p.log.String(), "a-token")
		})
	}
	require.EqualValues(t, 12, taken.Load())
}
