package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

// output is what a user sees.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var addresses = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// nothingListens holds once everything that the demo started is gone.
func nothingListens(t *testing.T, text string) {
	t.Helper()
	found := addresses.FindAllString(text, -1)
	require.NotEmpty(t, found)
	for _, address := range found {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		require.Error(t, err, "%s still listens", address)
	}
}

func TestTheDemoRunsPlansAndASwitchoverAndStopsWhatItStarted(t *testing.T) {
	var seen output
	require.NoError(t, run(t.Context(), io.MultiWriter(&seen, t.Output()), false))
	text := seen.String()
	require.Equal(t, 3, strings.Count(text, ": SUCCESS after"), "a result for each plan")
	require.Contains(t, text, "工作目录: /opt", "the parameter reached the platform, and its output came back")
	for _, told := range []string{
		"notification | demo-switchover (dr-switchover) waits: approval confirm",
		"waits for approval: Switch to shanghai?", "$ starter approve demo-switchover confirm", "attempt 2", "3/3",
		"# Report: dr-switchover", "approve by zhang: given by the demo", "approve by li: given by the demo", "目标数据库 | 10.0.0.12",
	} {
		require.Contains(t, text, told)
	}
	for _, id := range []string{"acf42dd3", "bcf42dd4", "ccf42dd5", "switchover"} {
		require.Regexp(t, `http://127\.0\.0\.1:\d+/namespaces/default/workflows/demo-`+id+`/[0-9a-f-]{36}`, text)
	}
	nothingListens(t, text)
}

func TestTheStackForPlayingRunsUntilItIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var seen output
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, &seen, true) }()
	require.Eventually(t, func() bool { return strings.Contains(seen.String(), "Everything runs") || len(ended) > 0 }, 15*time.Minute, 50*time.Millisecond)
	require.Empty(t, ended, "it has not stopped by itself")
	require.Regexp(t, `export TEMPORAL_ADDRESS='127\.0\.0\.1:\d+'`, seen.String())
	require.Contains(t, seen.String(), "export DPA_CLIENT_SECRET=")
	require.Contains(t, seen.String(), "export DPA_CALLBACK_KEYS=", "for a worker of one's own")
	stop()
	require.NoError(t, <-ended)
	nothingListens(t, seen.String())
}

func TestATemporalThatIsNotOnThePathIsGivenItsName(t *testing.T) {
	folder := t.TempDir()
	cli := filepath.Join(folder, "temporal")
	require.NoError(t, os.WriteFile(cli, nil, 0o700))
	t.Setenv("PATH", folder)
	require.Equal(t, "  export A='1'\n", settings([]string{"A=1"}, cli))
	require.Equal(t, "  alias temporal='/cache/temporal-v1'\n", settings(nil, "/cache/temporal-v1"))
}
