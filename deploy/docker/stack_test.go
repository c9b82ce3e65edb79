//go:build docker

package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"sigs.k8s.io/yaml"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

// patience is for what has to happen, on a machine that does other things too.
const patience = 5 * time.Minute

// version is that of the images.
const version = "v0.0.0-test"

// stack is one profile, of a copy of the repository that a clone under umask 077 would be: with its own secrets, names
// of images, volumes and ports, beside whatever else the engine runs.
type stack struct {
	*testing.T
	profile, folder string
	temporal        client.Client
	platform        string // URL
	began           time.Time
}

// open brings a profile up.
func open(t *testing.T, profile string) *stack {
	s := &stack{T: t, profile: profile, folder: copied(t), began: time.Now()}
	all := services(s.folder, profile)
	out, err := run(time.Minute, "sh", filepath.Join(s.folder, "deploy/compose/secrets.sh"))
	require.NoError(t, err, out)
	s.adapt(all)
	t.Cleanup(func() { s.close(all) })
	s.compose("--profile", profile, "up", "--build", "--wait", "--wait-timeout", "300")
	s.say("is up")
	s.platform = s.url("simulator", 8090)

	env := environment{"TEMPORAL_CONFIG_FILE": os.DevNull}
	env["TEMPORAL_ADDRESS"] = strings.TrimPrefix(s.url(map[string]string{"small": "temporal-dev", "full": "temporal"}[profile], 7233), "http://")
	if profile == "full" {
		env["DPA_ENCRYPTION_KEYS_FILE"] = filepath.Join(s.folder, "deploy/compose/secrets/encryption-keys")
	}
	cfg, err := config.LoadStarter(env.LookupEnv, false)
	require.NoError(t, err)
	c, err := connect.Dial(t.Context(), connect.Options{
		Env: env, Logger: slog.New(slog.DiscardHandler), EncryptionKeys: cfg.EncryptionKeys, RPCTimeout: time.Minute, Lazy: true,
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	s.temporal = c
	return s
}

// copied copies what git knows, or would.
func copied(t *testing.T) string {
	listed, err := exec.Command("git", "-C", root, "ls-files", "-coz", "--exclude-standard").Output()
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "dpaflow")
	for _, name := range strings.Split(strings.Trim(string(listed), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, and not committed
		}
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), text, 0o600))
	}
	return folder
}

// adapt gives the stack its own ports and images, and alerts that do not wait as long: how long they do is tested with
// Prometheus's own tool.
func (s *stack) adapt(all map[string]service) {
	free := func() string { // an address that a service keeps when it is killed
		address, err := devstack.FreeAddress()
		require.NoError(s, err)
		return address
	}
	temporal := free()
	var own strings.Builder
	own.WriteString("services:\n")
	for name, service := range all {
		fmt.Fprintf(&own, "  %s:\n    labels: {test: dpaflow}\n", name)
		if image, ours := strings.CutPrefix(service.Image, "dpaflow-"); ours {
			fmt.Fprintf(&own, "    image: dpaflow-test-%s\n", image)
		}
		if len(service.Ports) > 0 {
			own.WriteString("    ports: !override\n")
		}
		for _, port := range service.Ports {
			address := free()
			if port.Target == 7233 {
				address = temporal
			}
			fmt.Fprintf(&own, "      - %s:%d\n", address, port.Target)
		}
		if service.NetworkMode == "host" { // the console
			fmt.Fprintf(&own, "    environment: {TEMPORAL_ADDRESS: %q, DPA_CONSOLE_ADDR: %q, DPA_ADMIN_ADDR: %q}\n", temporal, free(), free())
		}
		if name == "grafana" && !grafana {
			own.WriteString("    profiles: !override [without]\n")
		}
	}
	require.NoError(s, os.WriteFile(filepath.Join(s.folder, "docker-compose.override.yml"), []byte(own.String()), 0o600))
	for name, change := range map[string][2]string{
		"alerts.yaml":    {`( for: \d+)m`, "${1}s"},
		"prometheus.yml": {`(interval): 15s`, "${1}: 3s"},
	} {
		path := filepath.Join(s.folder, "deploy/observability", name)
		text, err := os.ReadFile(path)
		require.NoError(s, err)
		changed := regexp.MustCompile(change[0]).ReplaceAll(text, []byte(change[1]))
		require.NotEqual(s, string(text), string(changed))
		require.NoError(s, os.WriteFile(path, changed, 0o644))
	}
}

func (s *stack) close(all map[string]service) {
	if s.Failed() {
		out, _ := s.command("", "--profile", s.profile, "logs", "--tail", "40", "--no-color").CombinedOutput()
		s.Logf("the containers' logs end with:\n%s", out)
		out, _ = s.command("", "--profile", s.profile, "ps", "--all").CombinedOutput()
		s.Logf("%s", out)
	}
	out, err := s.command("", "--profile", s.profile, "--profile", "starter", "down", "--volumes", "--remove-orphans", "--timeout", "20").CombinedOutput()
	require.NoError(s, err, "%s", out)
	remove := map[string]bool{}
	for _, service := range all {
		if image, ours := strings.CutPrefix(service.Image, "dpaflow-"); ours {
			remove["dpaflow-test-"+image] = true
		}
	}
	for image := range remove {
		_, _ = run(time.Minute, "docker", "image", "rm", "--force", image)
	}
	s.say("is gone")
}

func (s *stack) command(input string, args ...string) *exec.Cmd {
	command := exec.Command("docker", append([]string{"compose", "--progress", "plain", "-p", "dpaflow-test-" + s.profile}, args...)...)
	command.Dir = s.folder
	command.Env = append(os.Environ(), "VERSION="+version, "COMMIT=0123456789ab")
	command.Stdin = strings.NewReader(input)
	return command
}

// compose runs docker compose, which has to succeed, and returns what it printed.
func (s *stack) compose(args ...string) string {
	s.Helper()
	return s.composeWith("", args...)
}

func (s *stack) composeWith(input string, args ...string) string {
	s.Helper()
	var out, errs bytes.Buffer
	command := s.command(input, args...)
	command.Stdout, command.Stderr = &out, &errs
	require.NoError(s, command.Run(), "docker compose %v: %s\n%s", args, &out, &errs)
	return out.String()
}

// kill ends services as a power cut would, and bring has them back.
func (s *stack) kill(services ...string) {
	s.Helper()
	s.compose(append([]string{"--profile", s.profile, "kill"}, services...)...)
	s.say("killed " + strings.Join(services, ", "))
}

func (s *stack) bring(services ...string) {
	s.Helper()
	s.compose(append([]string{"--profile", s.profile, "up", "--no-deps", "--no-build", "--wait", "--wait-timeout", "300"}, services...)...)
	s.say("brought back " + strings.Join(services, ", "))
}

// url is where this machine reaches a container's port.
func (s *stack) url(service string, port int) string {
	s.Helper()
	return "http://" + strings.TrimSpace(s.compose("--profile", s.profile, "port", service, fmt.Sprint(port)))
}

func (s *stack) say(what string) {
	fmt.Printf("%4.0fs %s %s\n", time.Since(s.began).Seconds(), s.profile, what)
}

// start starts a workflow by a document in YAML.
func (s *stack) start(kind, id, document string) client.WorkflowRun {
	s.Helper()
	var in map[string]any
	require.NoError(s, yaml.Unmarshal([]byte(document), &in))
	run, err := s.temporal.ExecuteWorkflow(s.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: "dpa"}, kind, in)
	require.NoError(s, err)
	return run
}

// executions are those that the platform was triggered to, by plan.
func (s *stack) executions() map[string]int {
	s.Helper()
	var list []platformtest.Execution
	s.get(s.platform+"/simulator/executions", &list)
	plans, ids := map[string]int{}, map[string]bool{}
	for _, e := range list {
		plans[e.PlanID]++
		require.False(s, ids[e.InstanceID], "%s stands for two executions", e.InstanceID)
		ids[e.InstanceID] = true
	}
	return plans
}

// accepted counts the callbacks of ends that were answered SUCCESS.
func (s *stack) accepted() (n int) {
	s.Helper()
	var list []platformtest.CallbackAttempt
	s.get(s.platform+"/simulator/callbacks", &list)
	for _, a := range list {
		if a.Accepted && a.Status == platformtest.Success {
			n++
		}
	}
	return n
}

// inject makes something go wrong on the platform.
func (s *stack) inject(path, fault string) {
	s.Helper()
	answer, err := http.Post(s.platform+path, "application/json", strings.NewReader(fault))
	require.NoError(s, err)
	require.NoError(s, answer.Body.Close())
	require.Equal(s, http.StatusNoContent, answer.StatusCode)
}

func (s *stack) get(url string, into any) {
	s.Helper()
	answer, err := http.Get(url)
	require.NoError(s, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(s, err)
	require.Equal(s, http.StatusOK, answer.StatusCode, "%s", text)
	if into != nil {
		require.NoError(s, json.Unmarshal(text, into), "%s", text)
	}
}

// until waits for a condition.
func (s *stack) until(what string, condition func() bool) {
	s.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(time.Second) {
		require.True(s, time.Now().Before(deadline), "%s: not within %s", what, patience)
	}
	s.say(what)
}

type environment map[string]string

func (e environment) LookupEnv(name string) (string, bool) { value, set := e[name]; return value, set }
func (e environment) Environ() []string                    { return nil }
