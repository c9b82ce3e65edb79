package workflows

import (
	"strings"
	"testing"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// callNexus runs an operation from a workflow to its end.
func (b *bench) callNexus(operation string, in, result any) error {
	b.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		dpa := workflow.NewNexusClient("endpoint", NexusService)
		return dpa.ExecuteOperation(ctx, operation, in, workflow.NexusOperationOptions{}).Get(ctx, result)
	}, workflow.RegisterOptions{Name: "caller"})
	b.ExecuteWorkflow("caller")
	require.True(b.t, b.IsWorkflowCompleted())
	return b.GetWorkflowError()
}

func TestAnOperationRunsThePlanAndGivesItsResult(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.onOutputs("0 秒")
	b.RegisterDelayedCallback(func() {
		require.NoError(t, b.SignalWorkflowByID(NexusWorkflowID("switch-1"), "platform-callback:in1", map[string]string{"status": "SUCCESS"}))
	}, 10*time.Second)
	var result PlanResult
	require.NoError(t, b.callNexus(RunPlanOperation.Name(), PlanRequest{
		IdempotencyKey: "switch-1",
		PlanInput:      PlanInput{PlanID: "acf42dd3", Params: activities.PlanParams{"md1": {"A": runbook.SecretRef("db")}}},
	}, &result))
	require.Equal(t, "in1", result.InstanceID)
	require.Equal(t, "0 秒", result.Outputs[0].Nodes[0].Result)
	require.Equal(t, runbook.SecretRef("db"), b.triggers[0].Params["md1"]["A"])
}

func TestARequestIsReadAsStrictlyAsTheInputOfItsWorkflow(t *testing.T) {
	t.Parallel()
	document := *runbook.New("book", runbook.Vars{"site": nil}, runbook.Plan("a", "p"))
	for name, test := range map[string]struct {
		operation string
		in        any
		want      []string
	}{
		"nothing":              {"run-plan", map[string]any{}, []string{"planId: is missing"}},
		"an unknown field":     {"run-plan", map[string]any{"planId": "p", "key": "k"}, []string{"key: there is no such field"}},
		"every field":          {"run-plan", map[string]any{"planId": 1, "timeout": "soon"}, []string{"planId: must be a string", "timeout: must be a duration"}},
		"every value":          {"run-plan", map[string]any{"pollAfter": "1ms", "onUnknown": "guess"}, []string{"planId: is missing", "pollAfter: must be", "onUnknown: must be"}},
		"a key too long":       {"run-plan", PlanRequest{IdempotencyKey: strings.Repeat("k", 129)}, []string{"planId: is missing", "idempotencyKey: must have at most 128 bytes"}},
		"a model":              {"run-model", map[string]any{"onBusy": "hope"}, []string{"modelId: is missing", "onBusy: must be"}},
		"a runbook":            {"run-runbook", map[string]any{"name": "x", "idempotencyKey": "k"}, []string{"steps"}},
		"a value that is open": {"run-runbook", RunbookRequest{RunbookInput: RunbookInput{Document: document}}, []string{"vars.site: is required"}},
		"an expression": {"run-runbook", RunbookRequest{RunbookInput: RunbookInput{
			Document: *runbook.New("book", runbook.Plan("a", "p", runbook.If("1 +"))),
		}}, []string{"steps[0].when"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := newBench(t).callNexus(test.operation, test.in, nil)
			var refused *nexus.HandlerError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, nexus.HandlerErrorTypeBadRequest, refused.Type)
			failed := failure(t, err, nil)
			require.Equal(t, activities.ErrorInvalidInput, failed.Type())
			for _, want := range test.want {
				require.Contains(t, failed.Message(), want)
			}
		})
	}
}

func TestWhatHasOneFingerprintIsOneRequest(t *testing.T) {
	t.Parallel()
	read := func(document string) string {
		_, in, err := readPlanRequest([]byte(document))
		require.NoError(t, err)
		fingerprint, err := request{workflowType: "RunPlan", in: in}.fingerprint()
		require.NoError(t, err)
		return fingerprint
	}
	one := read(`{"idempotencyKey":"k","planId":"p","params":{"md1":{"A":"1","B":{"secretRef":"s"}}},"timeout":"1h"}`)
	require.Equal(t, one, read(`{"timeout":"60m","params":{"md1":{"B":{"secretRef":"s"},"A":"1"}}, "planId":"p"}`))
	require.NotEqual(t, one, read(`{"planId":"p","params":{"md1":{"A":"1","B":"s"}},"timeout":"1h"}`))
	_, in, err := readModelRequest([]byte(`{"modelId":"p"}`))
	require.NoError(t, err)
	other, err := request{workflowType: "RunModel", in: in}.fingerprint()
	require.NoError(t, err)
	require.NotEqual(t, one, other)
}
