package deploy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrometheusOperatorIsGivenTheSameAlerts(t *testing.T) {
	t.Parallel()
	const path = "kubernetes/monitoring/alerts.yaml"
	_, groups, found := strings.Cut(read(t, "deploy/observability/alerts.yaml"), "\ngroups:\n")
	require.True(t, found)
	want := `# The rules of deploy/observability/alerts.yaml: go test ./deploy -run Alerts -update writes them anew.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: dpaflow
spec:
  groups:
` + strings.ReplaceAll("  "+strings.ReplaceAll(groups, "\n", "\n  "), "\n  \n", "\n\n")
	want = strings.TrimRight(want, " ")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
	require.NotEmpty(t, render(t, "encrypted").rules[0].Spec.Groups)
}

func TestEveryProgramWithMetricsIsMeasuredAsTheAlertsExpect(t *testing.T) {
	t.Parallel()
	m := render(t, "encrypted")
	monitor := m.monitors[0]
	require.Equal(t, "app.kubernetes.io/name", monitor.Spec.JobLabel)
	measured := 0
	for _, w := range m.workloads {
		if !hasPort(w, "admin") {
			continue
		}
		measured++
		require.True(t, selects(t, &monitor.Spec.Selector, w.labels), w.meta.Name)
		require.True(t, strings.HasPrefix(w.labels[monitor.Spec.JobLabel], "dpaflow-"))
		require.Equal(t, "admin", *monitor.Spec.PodMetricsEndpoints[0].Port)
	}
	require.Equal(t, 2, measured)
}
