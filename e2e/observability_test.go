package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// Every metric that a program can have is provoked, and then the pages are compared with what the
// dashboard and the alert rules select.
func TestTheDashboardAndTheAlertsSelectWhatTheProgramsMeasure(t *testing.T) {
	t.Parallel()
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{Database: t.TempDir() + "/temporal.db", SearchAttributes: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = temporal.Stop() })
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("{}"), 0o600))
	s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue()}, append(newReceiver(t).env(), "DPA_SPOOL_DIR="+t.TempDir(),
		"DPA_POLICY_FILE="+policy, "DPA_ENCRYPTION_KEYS="+encryptionKey("k1"))...)

	// A trigger in doubt, a silence, two ends of one instance, and news after the end.
	s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, AfterExecution: true, Kind: platformtest.FaultStatus})
	s.sim.Inject(platformtest.Fault{Endpoint: "P6", Kind: platformtest.FaultStatus, Status: http.StatusServiceUnavailable})
	in := input("web1")
	in.PollAfter = runbook.Duration(time.Second)
	run := s.run(s.queue, in)
	s.reaches(run, workflows.PhaseUnknown)
	for _, status := range []string{platformtest.Running, platformtest.Success, platformtest.Fail} {
		if status == platformtest.Success {
			require.Eventually(t, func() bool { return s.state(run).Overdue }, patience, 100*time.Millisecond)
		}
		s.callsBack(s.instance("web1"), status)
	}
	s.sim.ClearFaults()
	require.NoError(t, s.await(run, nil))
	s.callsBack(s.instance("web1"), "LATE")

	// A workflow task that no worker can finish, and a server that is away.
	s.command("workflow", "start", "--type", "NoSuchType", "--task-queue", s.queue, "--workflow-id", s.queue+"-stuck")
	require.Eventually(t, func() bool { return s.counter(s.worker, "temporal_workflow_task_execution_failed", "") > 0 }, patience, 200*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(s.metrics(s.worker), "\ndpaflow_runs{") }, patience, time.Second)
	require.Eventually(t, func() bool { return strings.Contains(s.metrics(s.worker), "\ndpaflow_notifications_pending") }, patience, time.Second)
	require.NoError(t, temporal.Kill())
	require.Eventually(t, func() bool { return s.counter(s.worker, "temporal_long_request_failure_attempt", "") > 0 }, patience, 200*time.Millisecond)
	page := s.metrics(s.worker) + s.metrics(s.bridge)
	require.NoError(t, temporal.Restart(t.Context())) // programs that stop say so to it

	measured := measuredIn(page)
	for _, name := range []string{"up", "ALERTS"} { // Prometheus's own
		measured[name] = []string{"alertname", "alertstate"}
	}
	measured["schedule_missed_catchup_window"] = []string{"namespace"} // of Temporal's server, which tells it by a port of its own
	for _, selected := range selectors(t, append(expressionsOfDashboard(t), expressionsOfAlerts(t)...)) {
		labels, found := measured[selected.Name]
		require.True(t, found, "no program has %s", selected.Name)
		labels = append(labels, "job", "instance") // given by Prometheus
		for _, label := range selected.Labels {
			require.Contains(t, labels, label, "%s", selected.Name)
		}
	}
	// The other way round: whoever adds a metric shows it.
	text := fmt.Sprint(expressionsOfDashboard(t))
	for name := range measured {
		if strings.HasPrefix(name, "dpaflow_") {
			require.Contains(t, text, regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, ""), "the dashboard does not show it")
		}
	}
}

// measuredIn gives the labels of every series in Prometheus's text format.
func measuredIn(page string) map[string][]string {
	label := regexp.MustCompile(`(\w+)="(?:[^"\\]|\\.)*"`)
	measured := map[string][]string{}
	for _, line := range regexp.MustCompile(`(?m)^(\w+)(\{.*\})? `).FindAllStringSubmatch(page, -1) {
		labels := measured[line[1]]
		for _, match := range label.FindAllStringSubmatch(line[2], -1) {
			if !slices.Contains(labels, match[1]) {
				labels = append(labels, match[1])
			}
		}
		measured[line[1]] = labels
	}
	return measured
}

func expressionsOfAlerts(t *testing.T) (expressions []string) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []struct{ Expr string } }
	}
	text, err := os.ReadFile("../deploy/observability/alerts.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &file))
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			expressions = append(expressions, rule.Expr)
		}
	}
	require.NotEmpty(t, expressions)
	return expressions
}

func expressionsOfDashboard(t *testing.T) (expressions []string) {
	t.Helper()
	var file struct {
		Panels      []struct{ Targets []struct{ Expr string } }
		Annotations struct{ List []struct{ Expr string } }
	}
	text, err := os.ReadFile("../deploy/observability/dashboard.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &file))
	for _, panel := range file.Panels {
		for _, target := range panel.Targets {
			expressions = append(expressions, strings.ReplaceAll(target.Expr, "$__rate_interval", "1m"))
		}
	}
	for _, annotation := range file.Annotations.List {
		expressions = append(expressions, annotation.Expr)
	}
	require.NotEmpty(t, expressions)
	return expressions
}

type selector struct {
	Name   string
	Labels []string
}

// selectors are read by Prometheus's own parser, which is in a module of its own.
func selectors(t *testing.T, expressions []string) (found []selector) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "-C", "../tools/promtool", "run", "-tags", "remove_all_sd", "./selectors")
	cmd.Stdin = strings.NewReader(toJSON(t, expressions))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", &stderr)
	require.NoError(t, json.Unmarshal(out, &found))
	require.GreaterOrEqual(t, len(found), len(expressions))
	return found
}
