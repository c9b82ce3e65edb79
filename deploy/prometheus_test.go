package deploy_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrometheusTakesItsConfiguration(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs("observability/prometheus.yml")
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), "go", "-C", "../tools/promtool", "run", "-tags", "remove_all_sd",
		"github.com/prometheus/prometheus/cmd/promtool", "check", "config", "--lint=all", "--lint-fatal", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "rules found", "the alerts lie beside it, as in the container")
}
