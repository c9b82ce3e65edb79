package signals

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// child is set for processes that these tests start from their own binary; it says what they do.
const child = "DPAFLOW_SPOOL_TEST_CHILD"

func startChild(t *testing.T, role, dir string) (*exec.Cmd, *bufio.Scanner) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), child+"="+role, child+"_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

func TestChild(t *testing.T) {
	role, dir := os.Getenv(child), os.Getenv(child+"_DIR")
	if role == "" {
		t.Skip("only for processes that other tests start")
	}
	s, err := OpenSpool(SpoolConfig{Dir: dir, Namespace: namespace, Next: &faulty{away: true}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	switch role {
	case "keep until killed":
		for n := range 8 {
			go keepOn(t.Context(), s, fmt.Sprint("w", n))
		}
		select {}
	case "fill the disk":
		signal.Ignore(syscall.SIGXFSZ)
		var ample syscall.Rlimit
		require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &ample))
		small := ample
		small.Cur = 256 << 10
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small))
		var callers sync.WaitGroup
		for n := range 8 {
			callers.Go(func() { _ = keepOn(t.Context(), s, fmt.Sprint("w", n)) })
		}
		callers.Wait()
		require.ErrorContains(t, keepOn(t.Context(), s, "last"), "check the disk of DPA_SPOOL_DIR")
		require.Error(t, s.Ready(t.Context()))
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &ample))
		require.Equal(t, OutcomeSpooled, deliver(t, s, "after", "1"), "the disk has room again")
		require.NoError(t, s.Ready(t.Context()))
		fmt.Println("kept after 1")
		require.NoError(t, s.Close())
	}
}

// keepOn has callbacks kept, numbered from 1, and prints each that was, until one is not.
func keepOn(ctx context.Context, s *Spool, workflowID string) error {
	for n := 1; ; n++ {
		_, err := s.Deliver(ctx, arrival(target(workflowID), Callback{"in1", strconv.Itoa(n)}))
		if err != nil {
			return err
		}
		fmt.Println("kept", workflowID, n)
	}
}

// kept reads what a child had kept until its output ends: the last number of each workflow. It calls enough after 500 of them.
func kept(t *testing.T, lines *bufio.Scanner, enough func()) map[string]int {
	last := map[string]int{}
	for read := 0; lines.Scan(); {
		var workflowID string
		var n int
		if _, err := fmt.Sscanf(lines.Text(), "kept %s %d", &workflowID, &n); err != nil {
			t.Log(lines.Text()) // "PASS" and the like
			continue
		}
		require.Equal(t, last[workflowID]+1, n)
		last[workflowID] = n
		if read++; read == 500 {
			enough()
		}
	}
	return last
}

// requireAllDelivered opens the spool that another process left, and requires that all it had kept is delivered in order.
func requireAllDelivered(t *testing.T, dir string, last map[string]int) {
	next := &faulty{}
	s := openSpool(t, dir, next)
	forwarding(t, s)
	requireEmpty(t, s)
	for workflowID, n := range last {
		got := next.delivered(workflowID)
		require.GreaterOrEqual(t, len(got), n, "what was answered SUCCESS is there; what was in flight may be")
		for i, status := range got {
			require.Equal(t, strconv.Itoa(i+1), status)
		}
	}
}

func TestWhatWasAnsweredSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 3 {
		cmd, lines := startChild(t, "keep until killed", dir)
		last := kept(t, lines, func() { require.NoError(t, cmd.Process.Kill()) })
		require.Error(t, cmd.Wait())
		require.Len(t, last, 8)
		t.Run("reopened", func(t *testing.T) { requireAllDelivered(t, dir, last) })
	}
}

func TestAFullDiskRefusesNewsAndLosesNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd, lines := startChild(t, "fill the disk", dir)
	last := kept(t, lines, func() {})
	require.NoError(t, cmd.Wait())
	require.Contains(t, last, "after")
	requireAllDelivered(t, dir, last)
}
