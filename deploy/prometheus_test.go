package deploy_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
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

func TestPrometheusAsksServicesWhereTheyAnswer(t *testing.T) {
	t.Parallel()
	var config struct {
		Jobs []struct {
			Name    string `json:"job_name"`
			Targets []struct {
				Targets []string `json:"targets"`
			} `json:"static_configs"`
		} `json:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy/observability/prometheus.yml")), &config))
	project := compose(t, "full")
	asked := map[string]bool{}
	for _, job := range config.Jobs {
		for _, target := range job.Targets[0].Targets {
			service, asks, err := net.SplitHostPort(target)
			require.NoError(t, err)
			if service == "127.0.0.1" { // itself
				continue
			}
			require.Contains(t, project.Services, service)
			environment := project.Services[service].Environment
			switch {
			case service == "proxy":
				require.Equal(t, match(t, "deploy/compose/haproxy.cfg", `frontend operators\n +bind :(\d+)`), asks)
			case environment["DPA_ADMIN_ADDR"] != nil:
				require.Equal(t, port(t, *environment["DPA_ADMIN_ADDR"]), asks, service)
				require.True(t, strings.HasPrefix(job.Name, "dpaflow-"), "the alerts look for such jobs")
			default:
				require.Equal(t, port(t, *environment["PROMETHEUS_ENDPOINT"]), asks, service)
			}
			asked[service] = true
		}
	}
	for name, service := range project.Services {
		if service.Environment["DPA_ADMIN_ADDR"] != nil {
			require.True(t, asked[name], name)
		}
	}
}
