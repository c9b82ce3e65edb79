package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

// launch runs the program on a free port until the test ends, and returns its URL.
func launch(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdout, written := io.Pipe()
	done := make(chan error, 1)
	env := map[string]string{"DPA_SIMULATOR_ADDR": "127.0.0.1:0", "DPA_CLIENT_ID": "me"}
	go func() {
		done <- run(ctx, []string{"-speed", "100"}, func(name string) string { return env[name] }, written, io.Discard)
	}()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		require.NoError(t, <-done)
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	_, address, found := strings.Cut(strings.TrimSpace(line), " on ")
	require.True(t, found, line)
	return address
}

func request(t *testing.T, method, address, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func TestTheProgramServesThePlatformAndShowsWhatItWasSent(t *testing.T) {
	url := launch(t)
	const authorize = "/api/dp/auth/oauth/authorize?response_type=code&scope=all&client_id="
	_, text := request(t, "GET", url+authorize+"me", "")
	require.Contains(t, text, `"code":200`)
	_, text = request(t, "GET", url+authorize+"demo", "")
	require.Contains(t, text, `"code":403`)
	_, text = request(t, "POST", url+"/api/dpa/process//processPlan/opExecutePlanByApi/acf42dd3", "")
	require.Contains(t, text, `"code":403`, "the double slash arrives")

	_, text = request(t, "GET", url+"/simulator/requests", "")
	require.Contains(t, text, `"endpoint": "P1.1"`)
	require.Contains(t, text, `"endpoint": "P5"`)
	require.NotContains(t, text, "/simulator/")
	for _, list := range []string{"", "executions", "callbacks"} {
		status, _ := request(t, "GET", url+"/simulator/"+list, "")
		require.Equal(t, 200, status)
	}
}

func TestFaultsAreInjectedByHand(t *testing.T) {
	url := launch(t)
	for body, want := range map[string]int{
		`{"endpoint":"P2","times":1,"kind":"delay","delay":"1ms"}`: 204,
		`{"endpoint":"P2","kind":"delay","delay":"soon"}`:          400,
		`{"endpoint":"P2","kind":"delay"}`:                         400,
		`{"endpoint":"P2","kind":"reset","when":"now"}`:            400,
		`{"endpoint":"P5","kind":"status","status":503}`:           204,
	} {
		status, text := request(t, "POST", url+"/simulator/faults", body)
		require.Equal(t, want, status, body+text)
	}
	trigger := url + "/api/dpa/process//processPlan/opExecutePlanByApi/acf42dd3"
	status, _ := request(t, "POST", trigger, "")
	require.Equal(t, 503, status)
	status, _ = request(t, "DELETE", url+"/simulator/faults", "")
	require.Equal(t, 204, status)
	status, _ = request(t, "POST", trigger, "")
	require.Equal(t, 200, status)

	status, _ = request(t, "POST", url+"/simulator/callback-faults", `{"kind":"delay","delay":"1s"}`)
	require.Equal(t, 204, status)
	status, _ = request(t, "POST", url+"/simulator/callback-faults", `{"kind":"delay"}`)
	require.Equal(t, 400, status)
}

func TestWhatMakesNoSenseIsRefusedBeforeListening(t *testing.T) {
	none := func(string) string { return "" }
	for _, args := range [][]string{{"now"}, {"-speed", "0"}, {"-speed", "fast"}, {"-scene-interval", "-1s"}, {"-addr", "nowhere"}, {"-callback-retries", "0"}, {"-callback-retry-delay", "-1s"}, {"-addr", "127.0.0.1:0", "-state", "/not/there"}} {
		require.Error(t, run(t.Context(), args, none, io.Discard, io.Discard), args)
	}
}

func TestAHealthcheckTellsASimulatorThatServesFromOneThatDoesNot(t *testing.T) {
	url := launch(t)
	check := func(addr string) error {
		return run(t.Context(), []string{"-healthcheck", "-addr", addr}, func(string) string { return "" }, io.Discard, io.Discard)
	}
	require.NoError(t, check(strings.TrimPrefix(url, "http://")))
	require.Error(t, check("127.0.0.1:1"))
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	require.ErrorContains(t, check(stranger.Listener.Addr().String()), "is no simulator")
}

func TestTheClientSecretMayBeAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("of-a-file\n"), 0o600))
	env := map[string]string{"DPA_CLIENT_SECRET": "of-the-environment"}
	getenv := func(name string) string { return env[name] }
	secret, err := clientSecret(getenv)
	require.NoError(t, err)
	require.Equal(t, "of-the-environment", secret)
	env["DPA_CLIENT_SECRET_FILE"] = file
	secret, err = clientSecret(getenv)
	require.NoError(t, err)
	require.Equal(t, "of-a-file", secret)
	env["DPA_CLIENT_SECRET_FILE"] = file + "-that-is-not-there"
	require.ErrorContains(t, run(t.Context(), nil, getenv, io.Discard, io.Discard), "DPA_CLIENT_SECRET_FILE")
}
