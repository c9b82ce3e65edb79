package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// failPlatform has every kind of call fail with an answer that repeats it, and runs fail in every way. It returns one
// that has yet to run out of time.
func (l *leaks) failPlatform() (late client.WorkflowRun) {
	l.t.Helper()
	model := workflows.ModelInput{ModelID: l.model, Params: host(plantedModel)}
	well := []client.WorkflowRun{l.beginAs("RunModel", "model", model)}
	l.reaches(well[0], workflows.PhaseWaiting)
	waits := l.beginAs("RunModel", "model-that-waits", model)
	l.reaches(waits, workflows.PhaseBusy)
	require.Contains(l.t, l.state(waits).Reason, "is busy")
	executions := l.sim.Executions()
	i := slices.IndexFunc(executions, func(e platformtest.Execution) bool { return e.ModelID == l.model })
	l.sim.SetScript(l.model, platformtest.Ends(platformtest.Success, 100*time.Millisecond, l.modelOutputs...))
	l.sim.Move(executions[i].InstanceID, platformtest.Success)
	l.callsBack(executions[i].InstanceID, platformtest.Success)

	const body, head, ran = false, true, true
	l.inject(1, echoed{"opExecutePlanByApi/status", body, ran, in(http.StatusInternalServerError, 0)})
	l.inject(1, echoed{"opExecutePlanByApi/denied", head, !ran, in(http.StatusUnauthorized, 403)})
	l.inject(1, echoed{"opExecutePlanByApi/broken", head, ran, broken})
	l.inject(1, echoed{"opExecutePlanByApi/rejected", body, !ran, in(http.StatusOK, 999)})
	l.inject(2, echoed{`"processPlanId":"inputs"`, head, !ran, in(http.StatusInternalServerError, 500)})
	l.inject(2, echoed{"queryPlanRunOutParam?", head, !ran, in(http.StatusBadGateway, 0)})
	l.inject(2, echoed{"/oauth/authorize", head, !ran, in(http.StatusInternalServerError, 0)})
	l.inject(2, echoed{"/oauth/token", body, ran, broken})
	l.sim.RevokeTokens()
	for _, plan := range []string{"succeeds", "status", "denied", "broken", "inputs"} {
		well = append(well, l.begin(plan))
	}
	failed, rejected := l.begin("fails"), l.begin("rejected")
	late = l.beginAs("RunPlan", "late", map[string]any{"planId": "stands", "timeout": "3m", "params": plantedInput()})
	l.expect("", append(well, waits)...)
	l.expect(activities.ErrorPlanFailed, failed)
	l.expect(activities.ErrorTriggerRejected, rejected)
	return late
}

// failInputs has inputs refused, by the program and by the platform.
func (l *leaks) failInputs() {
	l.t.Helper()
	for i, input := range []string{
		`"planted-refused-d3c8"`,
		`{"planId":"succeeds","planted-refused-d3c8":1}`,
		`{"planId":"succeeds","timeout":"planted-refused-d3c8"}`,
		`{"planId":"succeeds","onUnknown":"planted-refused-d3c8"}`,
		`{"planId":"succeeds","params":{"md1":{"HOST":["planted-refused-d3c8"],"PASSWORD":"x"}}}`,
		`{"planId":"succeeds","params":{"md1":{"planted-refused-d3c8":"y","HOST":"planted-host-77d1","PASSWORD":"x"}}}`,
		`{"planId":"succeeds","params":{"md1":{"HOST":"planted-host-77d1","PASSWORD":{"secretRef":"planted-refused-d3c8"}}}}`,
	} {
		l.expect(activities.ErrorInvalidInput, l.beginAs("RunPlan", fmt.Sprint("refused-", i), json.RawMessage(input)))
	}
}

// failRunbook runs one with a question and an expression that cannot be evaluated.
func (l *leaks) failRunbook() {
	l.t.Helper()
	run := l.runbook(l.queue+"-runbook", `
name: planted
vars: {v: planted-var-09bd}
onFailure: abort
steps:
  - {id: first, plan: succeeds, params: {md1: {HOST: "${{ vars.v }}", PASSWORD: {secretRef: hard-password}}}}
  - {id: ask, approval: {message: "Is ${{ vars.v }} right?", approvers: [planted-by-5e7a]}}
  - {id: wrong, plan: succeeds, when: "int(vars.v) > 1", params: {md1: {HOST: x, PASSWORD: x}}}
`)
	l.stands(run, 1, workflows.StatusRunning)
	require.Error(l.t, l.update(run, "approve", map[string]string{"step": "ask", "by": plantedRefused, "comment": plantedComment}))
	require.NoError(l.t, l.update(run, "approve", map[string]string{"step": "ask", "by": plantedBy, "comment": plantedComment}))
	l.expect(workflows.ErrorRunbookFailed, run)
}

// failCommands has the command line fail, and settle what is in doubt.
func (l *leaks) failCommands() {
	t := l.t
	t.Helper()
	l.inject(1, echoed{"opExecutePlanByApi/lost", false, false, in(http.StatusBadGateway, 0)})
	lost := l.begin("lost")
	l.reaches(lost, workflows.PhaseUnknown)
	settle := []string{"resolve", lost.GetID(), "--by", plantedBy, "--comment", plantedComment}
	l.command("", append(settle, "--adopt", "in4711")...)
	l.command("", append(settle, "--status", "FAIL")...)
	_ = l.await(lost, nil) // the platform has no outputs of such an instance
	param, secret := "md1.HOST="+plantedHost, "md1.PASSWORD=hard-password"
	l.command("", "schedule", "create", l.queue, "plan", "succeeds", "--param", param, "--secret", secret, "--every", "24h")

	l.inject(4, echoed{"queryPlanByUserId", true, false, in(http.StatusInternalServerError, 500)})
	l.command("errors", "plans")
	l.inject(4, echoed{"/oauth/token", false, false, in(http.StatusUnauthorized, 403)})
	l.command("errors", "inputs", "succeeds")
	l.command("errors", append(settle, "--status", "FAIL")...)
	l.command("errors", "run", "plan", "succeeds", "--param", "HOST="+plantedRefused, "--secret", secret)
	l.command("errors", "run", "plan", "fails", "--param", param, "--secret", secret)
	l.command("errors", "run", "runbook", file(t, "name: x\nvars: {v: planted-var-09bd}\nsteps: [{id: a, plan: [planted-var-09bd]}]"))
	l.command("errors", "run", "runbook", file(t, "name: x\nvars: {v: planted-var-09bd}\nsteps: [{id: a, plan: succeeds, when: 'vars.v + 1'}]"))
	l.command("errors", "schedule", "create", l.queue, "plan", "succeeds", "--param", param, "--secret", secret, "--every", "24h")
}

// failTLS has the platform show a certificate that nobody knows.
func (l *leaks) failTLS() {
	l.t.Helper()
	l.gate.shut()
	run := l.beginAs("RunPlan", "tls", map[string]any{"planId": "tls", "preflight": false, "params": plantedInput()})
	require.Eventually(l.t, func() bool { return strings.Contains(l.state(run).Reason, "certificate") }, patience, 100*time.Millisecond)
	l.command("errors", "plans")
	l.gate.open()
	l.expect("", run)
}

// failBridge sends callbacks that are refused.
func (l *leaks) failBridge() {
	t := l.t
	t.Helper()
	executions := l.sim.Executions()
	valid := executions[len(executions)-1].CallbackURL
	fixed := strings.TrimSuffix(executions[0].CallbackURL, unsignedSecret)
	for _, test := range []struct {
		address, body string
		status        int
	}{
		{valid, `{"planInstanceId":"planted-refused-d3c8","planInstanceId":1}`, http.StatusBadRequest},
		{valid, strings.Repeat(plantedRefused, 10_000), http.StatusRequestEntityTooLarge},
		{valid[:len(valid)-4] + "AAAA", `{"planInstanceId":"planted-refused-d3c8","status":"FAIL"}`, http.StatusNotFound},
		{fixed + plantedRefused, `{"planInstanceId":"planted-refused-d3c8","status":"FAIL"}`, http.StatusNotFound},
		{fixed + unsignedSecret, `{"planInstanceId":["planted-refused-d3c8"]}`, http.StatusBadRequest},
	} {
		l.seen.add("errors", l.post(test.address, "", test.body, test.status))
	}
}

// failCodec asks the codec server for what it does not give.
func (l *leaks) failCodec() {
	l.t.Helper()
	address := l.startCodec(codecToken)
	l.seen.add("errors", l.post(address+"/decode", "Bearer "+plantedRefused, plantedHost, http.StatusUnauthorized))
	l.told.add("errors", l.post(address+"/decode", "Bearer "+codecToken, plantedHost, http.StatusBadRequest))
	require.Contains(l.t, l.stack.command("workflow", "show", "--workflow-id", l.queue+"-succeeds", "-o", "json",
		"--codec-endpoint", address, "--codec-auth", "Bearer "+codecToken), base64.StdEncoding.EncodeToString([]byte(plantedHost))[:8])
}

// failTemporal takes Temporal away while a callback comes.
func (l *leaks) failTemporal() {
	t := l.t
	t.Helper()
	run := l.begin("stands")
	l.reaches(run, workflows.PhaseWaiting)
	instance := l.state(run).InstanceID
	require.NoError(t, l.temporal.Kill())
	l.callsBack(instance, platformtest.Success)
	l.seen.addFiles(t, "spool", filepath.Join(l.environment("DPA_SPOOL_DIR"), "*"))
	require.NoError(t, l.temporal.Restart(t.Context()))
	l.expect("", run)
}
