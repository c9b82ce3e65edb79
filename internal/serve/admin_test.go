package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

// get asks a server of this test and leaves no connection behind.
func get(t *testing.T, listener net.Listener, path string) (status int, body string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + listener.Addr().String() + path)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func TestAProgramIsReadyWhenAllItNeedsIs(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "some_metric 1\n") })
	handler := Admin(metrics,
		Check{Name: "platform", Ready: func(context.Context) error { return nil }},
		Check{
			Name: "temporal",
			Ready: func(context.Context) error {
				if down.Load() {
					return errors.New("not reachable")
				}
				return nil
			},
			Remark: func() string { return "3 calls wait" },
		},
	)
	listener := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, listener, handler) }()

	status, body := get(t, listener, "/readyz")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "ready\ntemporal: 3 calls wait\n", body)
	require.NoError(t, Ready(t.Context(), listener.Addr().String()))

	down.Store(true)
	status, body = get(t, listener, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "temporal: not reachable\n", body)
	require.ErrorContains(t, Ready(t.Context(), listener.Addr().String()), "temporal: not reachable")

	status, _ = get(t, listener, "/healthz")
	require.Equal(t, http.StatusOK, status, "a program that is not ready lives all the same")
	_, body = get(t, listener, "/metrics")
	require.Equal(t, "some_metric 1\n", body)

	stop()
	require.NoError(t, <-served)
	require.Error(t, Ready(t.Context(), listener.Addr().String()))
}

func TestStoppingLetsARequestInFlightFinish(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stop()
		io.WriteString(w, "finished")
	})
	listener := listen(t)
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, listener, handler) }()
	_, body := get(t, listener, "/")
	require.Equal(t, "finished", body)
	require.NoError(t, <-served)
}
