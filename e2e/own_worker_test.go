package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/platform/platformtest"
)

// The worker of docs/own-worker.md, built in a module of its own from what the page says and nothing else.
func TestTheWorkerOfTheDocumentsBuildsAndRunsTheFirstTime(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/own-worker.md")
	require.NoError(t, err)
	_, program, found := strings.Cut(string(page), "```go\n")
	require.True(t, found)
	program, _, _ = strings.Cut(program, "```\n")
	_, commands, found := strings.Cut(string(page), "```sh\n")
	require.True(t, found)
	commands, _, _ = strings.Cut(commands, "```\n")
	repository, err := filepath.Abs("..")
	require.NoError(t, err)

	folder := t.TempDir()
	require.NoError(t, os.Symlink(repository, filepath.Join(folder, "dpaflow")))
	enter, build, _ := strings.Cut(commands, "\n")
	shell := exec.CommandContext(t.Context(), "sh", "-ec", enter+"\ncat > main.go\n"+build)
	shell.Dir, shell.Stdin = folder, strings.NewReader(program)
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s", out)

	s := newStack(t, platformtest.Example())
	worker := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(folder, "failover", "failover"))
	worker.Env, worker.Stdout, worker.Stderr = append(os.Environ(), s.env...), &s.logs, &s.logs
	require.NoError(t, worker.Start())
	t.Cleanup(func() {
		_ = worker.Process.Signal(os.Interrupt)
		require.NoError(t, worker.Wait())
	})
	run, err := s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: s.queue, TaskQueue: "failover"}, "FailOver")
	require.NoError(t, err)
	require.NoError(t, s.await(run, nil))
	require.ElementsMatch(t, []string{"bcf42dd4", "ecf42dd7", "ccf42dd5"}, s.order())
	require.Equal(t, "ccf42dd5", s.order()[2])
}
