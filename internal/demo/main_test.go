package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// screen is what a user sees.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(data)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
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

func TestTheDemoRunsThreePlansAndStopsWhatItStarted(t *testing.T) {
	var seen screen
	require.NoError(t, run(t.Context(), io.MultiWriter(&seen, t.Output()), false))
	text := seen.String()
	require.Equal(t, 3, strings.Count(text, ": SUCCESS after"), "a result for each")
	require.Contains(t, text, "工作目录: /opt", "the parameter reached the platform, and its output came back")
	require.Regexp(t, `http://127\.0\.0\.1:\d+/namespaces/default/workflows/demo-acf42dd3/[0-9a-f-]{36}`, text)
	nothingListens(t, text)
}

func TestTheStackForPlayingRunsUntilItIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var seen screen
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, &seen, true) }()
	require.Eventually(t, func() bool { return strings.Contains(seen.String(), "Everything runs") }, 15*time.Minute, 50*time.Millisecond)
	require.Regexp(t, `export TEMPORAL_ADDRESS='127\.0\.0\.1:\d+'`, seen.String())
	require.Contains(t, seen.String(), "export DPA_CLIENT_SECRET=")
	stop()
	require.NoError(t, <-ended)
	nothingListens(t, seen.String())
}
