//go:build docker

package docker

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

const runbook = `{"name": "switch-over", "steps": [
  {"id": "database", "plan": "bcf42dd4"}, {"id": "verify", "plan": "ccf42dd5"}, {"id": "host", "plan": "ccf42dd5"}]}`

func (s *stack) runsByHand(starter string) {
	s.Helper()
	out := s.compose("run", "--build", "--rm", starter, "run", "plan", "bcf42dd4")
	require.Contains(s, out, "SUCCESS")
	out = s.composeWith(runbook, "run", "--rm", "-T", starter, "run", "runbook", "-")
	require.Contains(s, out, "switch-over  SUCCESS")
	require.Equal(s, map[string]int{"bcf42dd4": 2, "ccf42dd5": 2}, s.executions())
	s.say("ran a plan and a runbook")
}

// startAll starts plans and a runbook, whose callbacks are late, and returns when all of them wait: a worker that is
// killed while it triggers may leave a run in doubt, which is for a person to settle.
func (s *stack) startAll(plans int) (runs []client.WorkflowRun) {
	s.Helper()
	s.inject("/simulator/callback-faults", `{"planId": "bcf42dd4", "kind": "delay", "delay": "15s"}`)
	for i := range plans {
		runs = append(runs, s.start("RunPlan", fmt.Sprintf("plan-%d", i), `{"planId": "bcf42dd4"}`))
	}
	runs = append(runs, s.start("Runbook", "runbook", runbook))
	s.until("all plans are triggered", func() bool { return s.executions()["bcf42dd4"] == 2+len(runs) })
	return runs
}

func (s *stack) allEnd(runs []client.WorkflowRun) {
	s.Helper()
	for _, run := range runs {
		var result struct{ Status string }
		require.NoError(s, run.Get(s.Context(), &result), run.GetID())
		require.Equal(s, "SUCCESS", result.Status)
	}
	s.say("all runs have ended")
}

func TestTheSmallProfileGoesOnAfterKills(t *testing.T) {
	s := open(t, "small")
	s.runsByHand("starter")

	const plans = 4
	before := s.accepted()
	runs := s.startAll(plans)
	s.kill("temporal-dev")
	s.until("the callbacks are kept while Temporal is away", func() bool { return s.accepted() == before+len(runs) })
	s.kill("worker-with-bridge", "simulator")
	s.bring("simulator", "temporal-dev", "worker-with-bridge")
	s.allEnd(runs)
	require.Equal(s, map[string]int{"bcf42dd4": 2 + plans + 1, "ccf42dd5": 2 + 2}, s.executions(), "none runs twice")
}

func TestTheFullProfileGoesOnAfterKillsAndItsAlertsSayWhatIsWrong(t *testing.T) {
	s := open(t, "full")
	s.areOurs()
	s.runsByHand("starter-full")
	s.showsWhatIsEncrypted()

	prometheus := s.url("prometheus", 9090)
	s.until("Prometheus scrapes every target", func() bool { return slices.Equal(s.scraped(prometheus), targets) })
	s.until("no alert fires", func() bool { return len(s.firing(prometheus)) == 0 })

	s.inject("/simulator/faults", `{"endpoint": "P5", "times": 1, "kind": "reset", "afterExecution": true}`)
	s.inject("/simulator/callback-faults", `{"times": 1, "kind": "drop"}`)
	doubtful := s.start("RunPlan", "doubtful", `{"planId": "acf42de1", "preflight": false}`)
	s.until("the doubt is reported", func() bool { return slices.Contains(s.firing(prometheus), "DpaflowRunInDoubt") })
	require.Equal(s, []string{"DpaflowRunInDoubt"}, s.firing(prometheus))
	s.compose("run", "--rm", "starter-full", "resolve", "doubtful", "--abort", "--by", "test")
	require.ErrorContains(s, doubtful.Get(s.Context(), nil), "TriggerOutcomeUnknown")

	const plans = 6
	before := s.accepted()
	runs := s.startAll(plans)
	s.kill("worker-1", "worker-2")
	s.bring("worker-1")
	s.kill("temporal", "bridge-2")
	s.until("the callbacks are kept while Temporal is away", func() bool { return s.accepted() == before+len(runs) })
	s.kill("bridge-1")
	s.bring("bridge-1")
	s.compose("--profile", s.profile, "up", "--no-deps", "--no-build", "--detach", "worker-2") // it waits for Temporal
	outage := []string{"DpaflowProgramDown", "DpaflowSpoolWaits", "DpaflowTemporalFails"}
	s.until("the outage is reported", func() bool {
		firing := s.firing(prometheus)
		return !slices.ContainsFunc(outage, func(name string) bool { return !slices.Contains(firing, name) })
	})
	s.kill("bridge-1") // it has the callbacks
	s.compose("--profile", s.profile, "rm", "--force", "bridge-1", "bridge-2")
	s.bring("temporal", "bridge-1", "bridge-2")
	s.allEnd(runs)
	want := map[string]int{"acf42de1": 2, "bcf42dd4": 2 + plans + 1, "ccf42dd5": 2 + 2}
	require.Equal(s, want, s.executions(), "none runs twice")
	s.until("the spools are empty", func() bool { return slices.Equal(s.values(prometheus, "dpaflow_spool_backlog"), []string{"0", "0"}) })
	// Others are about the last five or ten minutes.
	over := []string{"DpaflowRunInDoubt", "DpaflowProgramDown", "DpaflowSpoolWaits", "DpaflowSpoolLeftBehind"}
	s.until("their alerts end", func() bool {
		return !slices.ContainsFunc(s.firing(prometheus), func(name string) bool { return slices.Contains(over, name) })
	})
}

// areOurs looks at the images: whose they are, who they run as, and that there is nothing but a program in them.
func (s *stack) areOurs() {
	s.Helper()
	for _, image := range []string{"worker", "bridge", "console", "starter", "codec", "simulator"} {
		name := "dpaflow-test-" + image
		shown, err := run(time.Minute, "docker", "image", "inspect", "--format",
			`{{.Config.User}} {{index .Config.Labels "org.opencontainers.image.version"}} {{index .Config.Labels "org.opencontainers.image.licenses"}}`, name)
		require.NoError(s, err)
		require.Equal(s, "65532:65532 "+version+" Apache-2.0\n", shown)
		if image != "starter" {
			shown, err = run(time.Minute, "docker", "run", "--rm", "--network", "none", name, "-version")
			require.NoError(s, err)
			require.Contains(s, shown, version+" (commit 0123456789ab)")
		}
		_, err = run(time.Minute, "docker", "run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", name)
		require.ErrorContains(s, err, "no such file")
	}
}

// showsWhatIsEncrypted has the codec server decode the input of a run, as a page of the Web UI does and no other may.
func (s *stack) showsWhatIsEncrypted() {
	s.Helper()
	run := s.start("RunPlan", "shown", `{"planId": "acf42de1", "params": {"md1606743911001": {"SITE": "shanghai"}}}`)
	require.NoError(s, run.Get(s.Context(), nil))
	first, err := s.temporal.GetWorkflowHistory(s.Context(), run.GetID(), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
	require.NoError(s, err)
	input := first.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()
	require.NotContains(s, string(input[0].GetData()), "shanghai")
	decode := func(origin string) (string, error) {
		codec := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
			Endpoint: s.url("proxy", 8089), ModifyRequest: func(r *http.Request) error { r.Header.Set("Origin", origin); return nil },
		})
		shown, err := codec.Decode(input)
		if err != nil {
			return "", err
		}
		return string(shown[0].GetData()), nil
	}
	shown, err := decode("http://127.0.0.1:8233")
	require.NoError(s, err)
	require.Contains(s, shown, "shanghai")
	_, err = decode("http://elsewhere.example")
	require.ErrorContains(s, err, "not among DPA_CODEC_ORIGINS")
}

// targets are what the profile full has measured.
var targets = []string{"bridge-1:9091", "bridge-2:9091", "prometheus", "proxy:8404", "temporal:8000", "worker-1:9090", "worker-2:9090"}

// scraped are the targets that answer.
func (s *stack) scraped(prometheus string) (up []string) {
	s.Helper()
	var found struct {
		Data struct {
			ActiveTargets []struct {
				Labels map[string]string
				Health string
			}
		}
	}
	s.get(prometheus+"/api/v1/targets?state=active", &found)
	for _, target := range found.Data.ActiveTargets {
		name := target.Labels["instance"]
		if target.Labels["job"] == "prometheus" {
			name = "prometheus"
		}
		if target.Health == "up" {
			up = append(up, name)
		}
	}
	slices.Sort(up)
	return up
}

// firing are the alerts that do.
func (s *stack) firing(prometheus string) []string {
	s.Helper()
	var found struct {
		Data struct {
			Alerts []struct {
				Labels map[string]string
				State  string
			}
		}
	}
	s.get(prometheus+"/api/v1/alerts", &found)
	names := map[string]bool{}
	for _, alert := range found.Data.Alerts {
		if alert.State == "firing" {
			names[alert.Labels["alertname"]] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// values are those of a metric now, whatever its labels.
func (s *stack) values(prometheus, metric string) (values []string) {
	s.Helper()
	var found struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	s.get(prometheus+"/api/v1/query?query="+metric, &found)
	for _, result := range found.Data.Result {
		values = append(values, fmt.Sprint(result.Value[1]))
	}
	return values
}
