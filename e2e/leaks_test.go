package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
)

func TestEncryptedRunsWorkAndShowNothingToWhoReadsTheServer(t *testing.T) {
	t.Parallel()
	l := newLeaks(t, encryptionKey("k1"))
	l.seen.requireNone(t, append(l.provoke(), plantedParams...))
	l.seen.requireNone(t, []string{"hard-password", "/callbacks/plan/A", "主机<名>"})
	require.Contains(t, l.seen["histories"].String(), "binary/encrypted")
}

func TestNoSecretTokenOrCallbackAddressIsInAHistoryOrALog(t *testing.T) {
	t.Parallel()
	l := newLeaks(t, "")
	l.seen.requireNone(t, append(l.provoke(), "/callbacks/plan/A"))
	for _, where := range []string{"histories", "schedules", "database"} {
		require.Contains(t, l.seen[where].String(), plantedHost, "it can be searched")
	}
}

// leaks is an installation with something planted wherever a value can be given, and a platform that repeats it.
type leaks struct {
	*stack
	*echo
	traces       *collector
	gate         *gate
	model        string
	keys         string
	database     string
	modelOutputs []platformtest.ModelOutputs
	seen         evidence // by those without the keys
	told         evidence // to those with them
}

func newLeaks(t *testing.T, keys string) *leaks {
	t.Helper()
	l := &leaks{
		traces: newCollector(t), gate: newGate(t, true), keys: keys, database: filepath.Join(t.TempDir(), "temporal.db"),
		seen: evidence{}, told: evidence{},
	}
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{Database: l.database, SearchAttributes: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = temporal.Kill() })

	plan := catalogue(success(100 * time.Millisecond)).Plans[0]
	plan.Script.Outputs[0].Nodes[0].Result = plantedOutput + " {{HOST}} {{PASSWORD}}"
	all := models(1) // its first execution ends when the test says so
	all.Models[0].Script.Outputs[0].Nodes[0].Result = plantedOutput + " {{HOST}}"
	l.model, l.modelOutputs = all.Models[0].ID, all.Models[0].Script.Outputs
	for _, id := range []string{"succeeds", "fails", "stands", "lost", "status", "denied", "broken", "rejected", "inputs", "tls"} {
		plan.ID = id
		all.Plans = append(all.Plans, plan)
	}
	l.stack = newStackOn(t, temporal, platformtest.Options{Catalogue: all}, append(slices.Concat(l.gate.env(), l.traces.env()), executePath, "DPA_ENCRYPTION_KEYS="+keys,
		"GORACE=atexit_sleep_ms=0", "DPA_SPOOL_DIR="+t.TempDir(), "DPA_BRIDGE_UNSIGNED=true", "DPA_BRIDGE_UNSIGNED_SECRET="+unsignedSecret)...)
	require.NoError(t, os.WriteFile(filepath.Join(l.environment("DPA_SECRETS_DIR"), "hard-password"), []byte(hardPassword), 0o600))
	l.sim.SetScript("fails", platformtest.Ends(platformtest.Fail, 100*time.Millisecond, plan.Script.Outputs...))
	l.sim.SetScript("stands", platformtest.Script{})
	l.sim.SetScript("lost", platformtest.Script{})
	l.echo = &echo{platform: l.sim}
	l.gate.serve(l.echo)
	l.gate.open()
	return l
}

// begin starts a run of a plan.
func (l *leaks) begin(plan string) client.WorkflowRun {
	l.t.Helper()
	return l.beginAs("RunPlan", plan, map[string]any{"planId": plan, "timeout": "10m", "params": plantedInput()})
}

func plantedInput() activities.PlanParams {
	return activities.PlanParams{"md1": {"HOST": runbook.Text(plantedHost), "PASSWORD": runbook.SecretRef("hard-password")}}
}

func (l *leaks) beginAs(workflow, name string, input any) client.WorkflowRun {
	l.t.Helper()
	run, err := l.ExecuteWorkflow(l.t.Context(), client.StartWorkflowOptions{ID: l.queue + "-" + name, TaskQueue: l.queue}, workflow, input)
	require.NoError(l.t, err)
	return run
}

// provoke has everything happen that might show what is planted, and returns the secrets among it.
func (l *leaks) provoke() (secrets []string) {
	l.t.Helper()
	l.expect("", l.beginAs("RunPlan", "fixed", map[string]any{"planId": "succeeds", "params": plantedInput()}))
	l.observe(l.seen)
	l.env = append(l.env, "DPA_BRIDGE_UNSIGNED=false") // for the worker; the bridge goes on taking both
	l.killWorker()

	late := l.failPlatform()
	l.failInputs()
	l.failRunbook()
	l.failCommands()
	l.failTLS()
	l.failBridge()
	if l.keys != "" {
		l.failCodec()
	}
	l.failTemporal()
	l.expect(activities.ErrorWaitTimeout, late)

	l.observe(l.seen)
	l.stored(l.seen, l.database, l.queue)
	require.NoError(l.t, errors.Join(l.worker.Stop(), l.bridge.Stop()))
	l.seen.add("logs", l.logs.String())
	l.seen.add("traces", l.traces.sent())
	secrets = append(l.secrets(), l.issued...)
	l.told.requireNone(l.t, secrets)
	return secrets
}

// secrets are those that were given to the programs, and the tokens in the addresses that they made.
func (l *leaks) secrets() []string {
	l.t.Helper()
	secrets := []string{"planted-password-51aa", clientSecret, unsignedSecret, l.key}
	if _, key, encrypted := strings.Cut(l.keys, ":"); encrypted {
		secrets = append(secrets, key, codecToken)
	}
	signed, unsigned := 0, 0
	for _, execution := range l.sim.Executions() {
		for id, params := range execution.Params {
			if id == "md1" && execution.PlanID != "" {
				require.Contains(l.t, []string{hardPassword, "x"}, params["PASSWORD"], "the platform gets the secret itself")
			}
		}
		if strings.HasSuffix(execution.CallbackURL, unsignedSecret) {
			unsigned++
		} else {
			signed++
			secrets = append(secrets, path.Base(execution.CallbackURL))
		}
	}
	require.Positive(l.t, signed)
	require.Positive(l.t, unsigned)
	require.Greater(l.t, len(l.issued), 4, "codes and tokens")
	return secrets
}

// expect waits until runs have ended, with an error of a type or, if that is empty, well.
func (l *leaks) expect(errorType string, runs ...client.WorkflowRun) {
	l.t.Helper()
	for _, run := range runs {
		var result json.RawMessage
		err := l.await(run, &result)
		l.told.add("results", string(result), fmt.Sprint(err))
		if errorType == "" {
			require.NoError(l.t, err, run.GetID())
			continue
		}
		var failed *temporal.ApplicationError
		require.ErrorAs(l.t, err, &failed, run.GetID())
		require.Equal(l.t, errorType, failed.Type(), failed.Message())
	}
}

// command runs a command that must succeed, or where it is said where its error is seen, fail.
func (l *leaks) command(where string, args ...string) {
	l.t.Helper()
	stdout, stderr, code := l.starter(args...)
	require.Equal(l.t, where == "", code == 0, "%v: %s%s", args, stdout, stderr)
	l.told.add("commands", stdout, stderr)
	if where != "" {
		l.seen.add(where, stderr)
	}
}

// post sends a request, and returns the answer, which must have the status.
func (l *leaks) post(address, authorization, body string, status int) string {
	l.t.Helper()
	request, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, address, strings.NewReader(body))
	require.NoError(l.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", authorization)
	web := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := web.Do(request)
	require.NoError(l.t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(l.t, errors.Join(err, answer.Body.Close()))
	require.Equal(l.t, status, answer.StatusCode, "%s", text)
	return string(text)
}
