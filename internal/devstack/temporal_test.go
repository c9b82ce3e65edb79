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

	"github.com/dpaflow/dpaflow/internal/wait"
)

func dial(t *testing.T, temporal *Temporal) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{
		HostPort: temporal.Address, RPCTimeout: wait.Limit, ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: wait.Limit},
	})
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
	_, err = c.DescribeWorkflow(t.Context(), "kept", "")
	require.NoError(t, err)
}

func TestATemporalServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := StartTemporal(t.Context(), TemporalOptions{Args: []string{"--no-such-flag"}})
	require.ErrorContains(t, err, "no-such-flag")
}

// commandLine writes a program that says it is a temporal of this version.
func commandLine(t *testing.T, version string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "temporal")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+version+"'\n"), 0o755))
	return path
}

func TestACommandLineThatIsNamedIsTakenOrRefused(t *testing.T) {
	path := commandLine(t, "temporal version 9.0.0 (Server 9.0.0, UI 9.0.0)")
	t.Setenv("TEMPORAL_CLI_PATH", path)
	found, err := CLI(t.Context(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, path, found)

	t.Setenv("TEMPORAL_CLI_PATH", filepath.Join(t.TempDir(), "missing"))
	_, err = CLI(t.Context(), io.Discard)
	require.ErrorContains(t, err, "TEMPORAL_CLI_PATH")

	executable, err := os.Executable()
	require.NoError(t, err)
	t.Setenv("TEMPORAL_CLI_PATH", executable)
	_, err = CLI(t.Context(), io.Discard)
	require.ErrorContains(t, err, "version", "another program")
}

func TestAnInstalledCommandLineComesFirstAndAnOldOneIsToldOf(t *testing.T) {
	root, err := repository(t.Context())
	require.NoError(t, err)
	pin, err := readPin(t.Context(), filepath.Join(root, "tools"))
	require.NoError(t, err)
	for name, c := range map[string]struct{ version, want string }{
		"older":        {"temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)", "brings the Temporal server v1.29.1, older than the " + pin.Server},
		"as pinned":    {"temporal version 1.9.1 (Server " + strings.TrimPrefix(pin.Server, "v") + ", UI 2.54.1)", ""},
		"newer":        {"temporal version 2.0.0 (Server 1.100.0, UI 3.0.0)", ""},
		"of no server": {"temporal version 1.5.1", "does not say which Temporal server"},
	} {
		path := commandLine(t, c.version)
		t.Setenv("TEMPORAL_CLI_PATH", "")
		t.Setenv("PATH", filepath.Dir(path)+string(os.PathListSeparator)+os.Getenv("PATH"))
		var said strings.Builder
		found, err := CLI(t.Context(), &said)
		require.NoError(t, err, name)
		require.Equal(t, path, found, name)
		if c.want == "" {
			require.Empty(t, said.String(), name)
		}
		require.Contains(t, said.String(), c.want, name)
	}
}

func TestThePinIsThatOfTheToolsAndOfAllThatTheCommandLineIsBuiltFrom(t *testing.T) {
	t.Parallel()
	root, err := repository(t.Context())
	require.NoError(t, err)
	tools := filepath.Join(root, "tools")
	before, err := readPin(t.Context(), tools)
	require.NoError(t, err)
	require.Regexp(t, `^v\d+\.\d+\.\d+`, before.CLI)
	require.Regexp(t, `^v\d+\.\d+\.\d+`, before.Server)
	_, err = readPin(t.Context(), root)
	require.ErrorContains(t, err, "does not pin")

	changed := t.TempDir()
	require.NoError(t, os.CopyFS(changed, os.DirFS(tools)))
	same, err := readPin(t.Context(), changed)
	require.NoError(t, err)
	require.Equal(t, before.Sum, same.Sum)
	require.NoError(t, os.WriteFile(filepath.Join(changed, "cliext", "more.go"), []byte("package cliext\n"), 0o600))
	after, err := readPin(t.Context(), changed)
	require.NoError(t, err)
	require.NotEqual(t, before.Sum, after.Sum, "a CLI that was built before does not have this")
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
