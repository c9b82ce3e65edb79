package devstack

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	temporalsdk "go.temporal.io/sdk/temporal"
)

func dial(t *testing.T, temporal *Temporal) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: temporal.Address})
	require.NoError(t, err)
	return c
}

func TestATemporalServerKeepsItsWorkflowsOverAKillAndARestart(t *testing.T) {
	t.Parallel()
	temporal, err := StartTemporal(t.Context(), TemporalOptions{
		UI: true, SearchAttributes: true, Database: filepath.Join(t.TempDir(), "temporal.db"),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, temporal.Stop()) }()
	require.Contains(t, temporal.Env(), "TEMPORAL_ADDRESS="+temporal.Address)
	require.NoError(t, temporal.serving(t.Context()), "the Web UI answers")

	c := dial(t, temporal)
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: "kept", TaskQueue: "nobody",
		TypedSearchAttributes: temporalsdk.NewSearchAttributes(temporalsdk.NewSearchAttributeKeyKeywordList("DpaPlanId").ValueSet([]string{"acf42dd3"})),
	}, "Anything")
	require.NoError(t, err)
	c.Close()

	require.ErrorContains(t, temporal.Restart(t.Context()), "still runs")
	before := temporal.Address
	require.NoError(t, temporal.Kill())
	gone(t, temporal.Address)
	require.NoError(t, temporal.Restart(t.Context()))
	require.Equal(t, before, temporal.Address)
	c = dial(t, temporal)
	defer c.Close()
	_, err = c.DescribeWorkflowExecution(t.Context(), "kept", "")
	require.NoError(t, err)
}

func TestATemporalServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := StartTemporal(t.Context(), TemporalOptions{Args: []string{"--no-such-flag"}})
	require.ErrorContains(t, err, "no-such-flag")
}

func TestACommandLineThatIsNamedIsTakenOrRefused(t *testing.T) {
	executable, err := os.Executable()
	require.NoError(t, err)
	t.Setenv("TEMPORAL_CLI_PATH", executable)
	path, err := CLI(t.Context(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, executable, path)

	t.Setenv("TEMPORAL_CLI_PATH", filepath.Join(t.TempDir(), "missing"))
	_, err = CLI(t.Context(), io.Discard)
	require.ErrorContains(t, err, "TEMPORAL_CLI_PATH")
}

func TestThePinnedVersionIsThatOfTheTools(t *testing.T) {
	t.Parallel()
	root, err := repository(t.Context())
	require.NoError(t, err)
	version, err := pinned(t.Context(), filepath.Join(root, "tools"))
	require.NoError(t, err)
	require.Regexp(t, `^v\d+\.\d+\.\d+`, version)
	_, err = pinned(t.Context(), root)
	require.ErrorContains(t, err, "does not pin")
}

func TestOfManyThatWantAFileOneMakesIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cache", "file")
	var builds atomic.Int32
	build := func(_ context.Context, path string) error {
		builds.Add(1)
		return os.WriteFile(path, []byte("complete"), 0o755)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			got, err := keep(t.Context(), path, io.Discard, build)
			if err != nil || got != path {
				t.Errorf("keep: %q, %v", got, err)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, builds.Load())
}

func TestAFailedBuildLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	_, err := keep(t.Context(), path, io.Discard, func(_ context.Context, path string) error {
		return errors.Join(os.WriteFile(path, []byte("half"), 0o755), errors.New("no compiler"))
	})
	require.ErrorContains(t, err, "no compiler")
	require.NoFileExists(t, path)
	require.NoFileExists(t, path+".unfinished")
}

func TestWaitingForAnotherBuildIsSaidAndEndsWithTheContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	building, finish := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		_, err := keep(t.Context(), path, io.Discard, func(_ context.Context, path string) error {
			close(building)
			<-finish
			return os.WriteFile(path, nil, 0o755)
		})
		first <- err
	}()
	<-building
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var said strings.Builder
	_, err := keep(ctx, path, &said, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Contains(t, said.String(), "waiting for another process")
	close(finish)
	require.NoError(t, <-first)
}
