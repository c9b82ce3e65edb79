package e2e

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// givenVars are the variables that the examples require.
var givenVars = map[string][]string{
	"failover": {"--vars-file", "../examples/failover/core.yaml"}, "switchover": nil,
	"rolling-restart": {"--vars-file", "../examples/rolling-restart/hosts.yaml"}, "site-switchover": {"--var", "site=shanghai"},
	"maintenance": {"--var", "version=1.10"}, "certificates": {"--var", "domain=pay.example.com"}, "rollback-drill": nil,
}

func TestTheExamplesRunOnTheSimulatedPlatform(t *testing.T) {
	t.Parallel()
	s := newStack(t, platformtest.Example())
	files, err := filepath.Glob("../examples/*/runbook.yaml")
	require.NoError(t, err)
	require.Len(t, files, len(givenVars))
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		_, stderr, code := s.starter(append([]string{"run", "runbook", file, "--dry-run"}, givenVars[name]...)...)
		require.Zero(t, code, "%s: %s", name, stderr)
	}
	start := func(name string) (id string) {
		id = s.queue + "-" + name
		arguments := []string{"run", "runbook", "../examples/" + name + "/runbook.yaml", "--workflow-id", id, "--detach"}
		_, stderr, code := s.starter(append(arguments, givenVars[name]...)...)
		require.Zero(t, code, stderr)
		return id
	}
	certificates, drill, restart := start("certificates"), start("rollback-drill"), start("rolling-restart")
	s.asks(restart, "starter approve "+restart+" seen")
	_, stderr, code := s.starter("approve", restart, "seen", "--by", "li")
	require.Zero(t, code, stderr)

	ends := func(id, status string) (result workflows.RunbookResult) {
		run := s.GetWorkflow(t.Context(), id, "")
		require.Eventually(t, func() bool { result = s.book(run); return result.FinishedAt != nil }, patience, time.Second, id)
		require.Equal(t, status, result.Status, "%s: %s", id, result.Reason)
		return result
	}
	issued := at(ends(certificates, workflows.StatusSuccess), "issued")
	require.Equal(t, 3, issued.Attempts)
	undone := ends(drill, workflows.StatusFailed)
	require.Equal(t, workflows.StatusSuccess, at(undone, "parameters").Rollback.Status)
	require.Equal(t, workflows.StatusSuccess, at(undone, "release/database").Rollback.Status)
	require.Equal(t, workflows.StatusSuccess, at(undone, "record").Status)
	require.Len(t, at(ends(restart, workflows.StatusSuccess), "others").Items, 99)

	hosts := s.given("md1606743911301", "HOST")
	slices.Sort(hosts)
	require.Len(t, slices.Compact(hosts), 100)
	require.Equal(t, 100, s.ran()["acf42db1"], "each of a hundred hosts once")
}
