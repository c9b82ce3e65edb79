package runs

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/dpaflow/dpaflow/engine"
)

var start = time.Date(2026, 11, 25, 2, 0, 0, 0, time.UTC)

func attributes(t *testing.T, values map[string]any) *commonpb.SearchAttributes {
	t.Helper()
	fields := map[string]*commonpb.Payload{}
	for name, value := range values {
		payload, err := converter.GetDefaultDataConverter().ToPayload(value)
		require.NoError(t, err)
		fields[name] = payload
	}
	return &commonpb.SearchAttributes{IndexedFields: fields}
}

func TestARunIsNamedByWhatItRuns(t *testing.T) {
	t.Parallel()
	for what, values := range map[string]map[string]any{
		"dr-switchover": {"DpaRunbook": "dr-switchover", "DpaPlanId": []string{"a"}, "DpaStatus": "WAITING"},
		"a, b, m":       {"DpaPlanId": []string{"a", "b"}, "DpaModelId": []string{"m"}},
		"":              {},
	} {
		run := newRun(&workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "r"}, Type: &commonpb.WorkflowType{Name: "Runbook"},
			StartTime: timestamppb.New(start), SearchAttributes: attributes(t, values),
		})
		require.Equal(t, what, run.What)
		require.Equal(t, start, run.StartedAt)
		require.Zero(t, run.ClosedAt)
	}
}

func TestARunIsListedForThoseWhoMayAnswer(t *testing.T) {
	t.Parallel()
	run := Run{WaitsFor: []engine.WaitsFor{{Kind: engine.ForApproval, Who: []string{"zhang"}}}}
	require.True(t, run.Needs("zhang"))
	require.False(t, run.Needs("li"))
	run.WaitsFor = append(run.WaitsFor, engine.WaitsFor{Kind: engine.ForDecision})
	require.True(t, run.Needs("li"), "anybody may decide")
	require.False(t, Run{}.Needs("li"))
}

func TestWhatARunWaitsForIsReadFromItsStatus(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status string
		want   []engine.WaitsFor
	}{
		"a plan that runs": {`{"phase":"WAITING","planId":"a"}`, nil},
		"a plan in doubt": {`{"phase":"UNKNOWN","reason":"no answer","doubtSince":"2026-11-25T02:00:00Z"}`, []engine.WaitsFor{
			{Kind: "doubt", Reason: "no answer", Since: &start, Command: "starter resolve 'dr 1' --adopt INSTANCE, or --retrigger or --abort"}}},
		"a scene in doubt": {`{"phase":"UNKNOWN","sceneName":"s","runs":2}`, []engine.WaitsFor{
			{Kind: "doubt", Since: &start, Command: "starter resolve 'dr 1' --retrigger or --abort"}}},
		"a plan without a callback": {`{"phase":"WAITING","overdue":true,"hint":"RUNNING","lastNewsAt":"2026-11-25T02:00:00Z"}`, []engine.WaitsFor{
			{Kind: "overdue", Reason: "no callback for long: RUNNING", Since: &start, Command: "starter resolve 'dr 1' --status SUCCESS|FAIL"}}},
		"a runbook that asks, with an item of a nested runbook and a rollback that are overdue": {`{"phase":"RUNNING",
			"waitsFor":[{"kind":"answer","step":"lag","command":"c"}],
			"steps":[{"id":"verify","runbook":{"steps":[{"id":"probe","items":[{"id":"probe[1]","status":"RUNNING","overdue":true},{"id":"probe[2]","status":"RUNNING"}]}]}},
				{"id":"switch","status":"FAILED","overdue":true,"rollback":{"status":"RUNNING","overdue":true}}]}`, []engine.WaitsFor{
			{Kind: "answer", Step: "lag", Command: "c"},
			{Kind: "overdue", Step: "verify/probe[1]", Reason: "no callback for long", Command: "starter resolve 'dr 1' --step 'verify/probe[1]' --status SUCCESS|FAIL"},
			{Kind: "overdue", Step: "switch", Reason: "no callback for long", Command: "starter resolve 'dr 1' --step switch --status SUCCESS|FAIL"}}},
	} {
		var now answer
		require.NoError(t, json.Unmarshal([]byte(c.status), &now), name)
		require.Equal(t, c.want, now.waits(&Run{WorkflowID: "dr 1", StartedAt: start}), name)
	}
}
