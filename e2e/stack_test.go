package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

const (
	clientSecret = "planted-client-secret-8f2c"
	dbPassword   = "planted-db-password-51aa"
)

// stack is a platform, a worker and a bridge that belong to one test.
type stack struct {
	t        *testing.T
	temporal *devstack.Temporal
	client.Client
	sim            *platformtest.Simulator
	queue          string
	key            string // of callbacks, base64
	env            []string
	worker, bridge *devstack.Program
	logs           buffer
}

// newStack starts a platform, a worker and a bridge on the shared server. The environment of the
// programs may be extended.
func newStack(t *testing.T, catalogue platformtest.Catalogue, env ...string) *stack {
	t.Helper()
	return newStackOn(t, server, platformtest.Options{Catalogue: catalogue}, env...)
}

// newStackOn starts a stack on a server of the test's own.
func newStackOn(t *testing.T, temporal *devstack.Temporal, platform platformtest.Options, env ...string) *stack {
	t.Helper()
	platform.ClientSecret, platform.CallbackTimeout = clientSecret, patience
	s := &stack{
		t: t, temporal: temporal, Client: dial(t, temporal, env...), queue: t.Name(),
		sim: platformtest.Start(t, platform),
	}
	t.Cleanup(func() { // after the programs have stopped
		if text := s.logs.String(); t.Failed() {
			t.Logf("the programs' log ends with:\n%s", text[max(0, len(text)-20_000):])
		}
	})
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	s.key = base64.StdEncoding.EncodeToString(key)
	address, err := devstack.FreeAddress()
	require.NoError(t, err)
	secrets := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(secrets, "db-password"), []byte(dbPassword), 0o600))
	s.env = append(append(s.temporal.Env(),
		"DPA_BASE_URL="+s.sim.URL,
		"DPA_CLIENT_ID="+platformtest.DefaultClientID,
		"DPA_CLIENT_SECRET="+clientSecret,
		"DPA_CALLBACK_URL=http://"+address,
		"DPA_CALLBACK_KEYS=k1:"+s.key,
		"DPA_BRIDGE_ADDR="+address,
		"DPA_TASK_QUEUE="+s.queue,
		"DPA_SECRETS_DIR="+secrets,
		"DPA_LOG_LEVEL=debug",
	), env...)
	s.worker = s.start("worker")
	s.bridge = s.start("signals/bridge")
	return s
}

// start runs one of the programs until the test ends.
func (s *stack) start(program string, args ...string) *devstack.Program {
	s.t.Helper()
	p, err := devstack.StartProgram(s.t.Context(), devstack.ProgramOptions{
		Program: program, Args: args, Env: s.env, Output: &s.logs, Race: true,
	})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, p.Stop()) })
	return p
}

// run starts a plan from Go.
func (s *stack) run(id string, in any) client.WorkflowRun {
	s.t.Helper()
	run, err := s.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: s.queue}, "RunPlan", in)
	require.NoError(s.t, err)
	return run
}

// runCLI starts a plan with the temporal command.
func (s *stack) runCLI(id, input string) client.WorkflowRun {
	s.t.Helper()
	s.command("workflow", "start", "--type", "RunPlan", "--task-queue", s.queue, "--workflow-id", id, "--input", input)
	return s.GetWorkflow(s.t.Context(), id, "")
}

// command runs Temporal's own command line.
func (s *stack) command(args ...string) string {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		cmd := exec.CommandContext(s.t.Context(), s.temporal.CLI, args...)
		cmd.Env = append(os.Environ(), s.temporal.Env()...)
		out, err := cmd.CombinedOutput()
		if err != nil && bytes.Contains(out, []byte("failed reaching server")) && time.Now().Before(deadline) {
			continue // it gives a busy server five seconds to answer, and has done nothing
		}
		require.NoError(s.t, err, "%s", out)
		return string(out)
	}
}

// starter runs dpaflow's own command line and returns what it printed and its exit status.
func (s *stack) starter(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	var log buffer
	stdout, code = s.starterTells(&log, args...)
	return stdout, log.String(), code
}

// starterTells is starter for somebody who reads along.
func (s *stack) starterTells(log *buffer, args ...string) (stdout string, code int) {
	s.t.Helper()
	binary, err := devstack.Build(s.t.Context(), "starter", true)
	require.NoError(s.t, err)
	cmd := exec.CommandContext(s.t.Context(), binary, args...)
	cmd.Env = append(os.Environ(), s.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, log
	err = cmd.Run()
	if exited := new(exec.ExitError); err != nil {
		require.ErrorAs(s.t, err, &exited)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// history returns a run's events.
func (s *stack) history(run client.WorkflowRun) (events []*historypb.HistoryEvent) {
	s.t.Helper()
	iterator := s.GetWorkflowHistory(s.t.Context(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		require.NoError(s.t, err)
		events = append(events, event)
	}
	return events
}

// undisturbed are a run's events without the workflow tasks that timed out: a busy machine has some, and they are
// no cost of the run's own.
func (s *stack) undisturbed(run client.WorkflowRun) (types []string) {
	s.t.Helper()
	lost := map[int64]bool{}
	events := s.history(run)
	for _, event := range events {
		if timeout := event.GetWorkflowTaskTimedOutEventAttributes(); timeout != nil {
			lost[event.EventId], lost[timeout.ScheduledEventId], lost[timeout.StartedEventId] = true, true, true
		}
	}
	for _, event := range events {
		if !lost[event.EventId] {
			types = append(types, event.EventType.String())
		}
	}
	return types
}

// calls counts the platform's calls by endpoint.
func (s *stack) calls() map[string]int {
	calls := map[string]int{}
	for _, request := range s.sim.Requests() {
		calls[request.Endpoint]++
	}
	return calls
}

func toJSON(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return string(data)
}

// buffer gathers the output of several programs.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
