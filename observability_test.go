package dpaflow_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const (
	alertsFile    = "deploy/observability/alerts.yaml"
	alertsTests   = "deploy/observability/alerts_test.yaml"
	dashboardFile = "deploy/observability/dashboard.json"
	operations    = "docs/operations.md"
)

// promtool runs the version that tools/promtool pins, without the service discovery that nothing here needs.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	run := []string{"-C", "tools/promtool", "run", "-tags", "remove_all_sd", "github.com/prometheus/prometheus/cmd/promtool"}
	out, err := exec.CommandContext(t.Context(), "go", append(run, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	whole, err := filepath.Abs(path)
	require.NoError(t, err)
	return whole
}

func TestPromtoolAcceptsTheAlertRulesAndTheirTests(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", absolute(t, alertsFile))
	promtool(t, "test", "rules", absolute(t, alertsTests))
}

type alert struct {
	Alert               string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) (found []alert) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	read(t, alertsFile, yaml.Unmarshal, &file)
	for _, group := range file.Groups {
		found = append(found, group.Rules...)
	}
	require.NotEmpty(t, found)
	return found
}

func read(t *testing.T, path string, decode func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, decode(text, into), path)
}

func TestEveryAlertIsTestedWithSeriesThatFireAndThatDoNot(t *testing.T) {
	t.Parallel()
	var file struct {
		Tests []struct {
			Expectations []struct {
				Expr    string
				Samples []any `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	read(t, alertsTests, yaml.Unmarshal, &file)
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, e := range test.Expectations {
			name := regexp.MustCompile(`alertname="(\w+)"`).FindStringSubmatch(e.Expr)
			require.Len(t, name, 2, e.Expr)
			if len(e.Samples) > 0 {
				fires[name[1]] = true
			} else {
				rests[name[1]] = true
			}
		}
	}
	for _, a := range alerts(t) {
		require.True(t, fires[a.Alert], "%s is never seen to fire", a.Alert)
		require.True(t, rests[a.Alert], "%s is never seen to rest", a.Alert)
	}
}

func TestEveryAlertSaysWhatItMeansAndWhereToReadWhatToDo(t *testing.T) {
	t.Parallel()
	_, section, found := strings.Cut(documents(t)[operations], "\n## Alerts\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	described := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^### (Dpaflow\w+)$`).FindAllStringSubmatch(section, -1) {
		described[match[1]] = true
	}
	names := map[string]bool{}
	for _, a := range alerts(t) {
		require.False(t, names[a.Alert], "%s is there twice", a.Alert)
		names[a.Alert] = true
		require.Contains(t, []string{"critical", "warning"}, a.Labels["severity"], a.Alert)
		require.NotEmpty(t, a.Annotations["summary"], a.Alert)
		require.NotEmpty(t, a.Annotations["description"], a.Alert)
		_, anchor, _ := strings.Cut(a.Annotations["runbook_url"], operations+"#")
		require.Equal(t, strings.ToLower(a.Alert), anchor)
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(names)), slices.Collect(maps.Keys(described)))
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ H, W, X, Y int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Datasource               struct{ UID string }
	Targets                  []struct{ Expr string }
}

func TestTheDashboardCanBeReadByGrafanaAndByPeople(t *testing.T) {
	t.Parallel()
	var dashboard struct {
		UID           string
		SchemaVersion int
		Templating    struct{ List []struct{ Name, Type string } }
		Panels        []panel
	}
	read(t, dashboardFile, json.Unmarshal, &dashboard)
	require.Equal(t, "dpaflow", dashboard.UID)
	require.Positive(t, dashboard.SchemaVersion)
	require.Equal(t, "datasource", dashboard.Templating.List[0].Type)
	ids, cells := map[int]bool{}, map[[2]int]string{}
	var rows []string
	for _, p := range dashboard.Panels {
		require.False(t, ids[p.ID], "two panels have the id %d", p.ID)
		ids[p.ID] = true
		require.NotEmpty(t, p.Title)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				require.Empty(t, cells[cell], "%s lies upon it", p.Title)
				cells[cell] = p.Title
			}
		}
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		require.NotEmpty(t, p.Description, p.Title)
		require.NotEmpty(t, p.FieldConfig.Defaults.Unit, p.Title)
		require.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
	}
	require.Equal(t, []string{"Runs", "Triggers", "Callbacks", "Spool", "Platform", "Workers and Temporal's SDK"}, rows)
}
