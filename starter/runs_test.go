package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/dpaflow/dpaflow/engine"
)

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

func TestAnOpenRunIsNamedByWhatItRuns(t *testing.T) {
	t.Parallel()
	for what, values := range map[string]map[string]any{
		"dr-switchover": {"DpaRunbook": "dr-switchover", "DpaPlanId": []string{"a"}, "DpaStatus": "WAITING"},
		"a, b, m":       {"DpaPlanId": []string{"a", "b"}, "DpaModelId": []string{"m"}},
		"":              {},
	} {
		run := newOpenRun(&workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "r"}, Type: &commonpb.WorkflowType{Name: "Runbook"},
			StartTime: timestamppb.New(start), SearchAttributes: attributes(t, values),
		})
		require.Equal(t, what, run.What)
		require.Equal(t, start, run.StartedAt)
	}
}

func TestARunIsListedForThoseWhoMayAnswer(t *testing.T) {
	t.Parallel()
	run := openRun{WaitsFor: []engine.WaitsFor{{Kind: engine.ForApproval, Who: []string{"zhang"}}}}
	require.True(t, run.needs("zhang"))
	require.False(t, run.needs("li"))
	run.WaitsFor = append(run.WaitsFor, engine.WaitsFor{Kind: engine.ForDecision})
	require.True(t, run.needs("li"), "anybody may decide")
	require.False(t, openRun{}.needs("li"))
}

func TestAtAnyWidthAListedRunSaysAllThatOneMustReadOrCopy(t *testing.T) {
	t.Parallel()
	until := start.Add(time.Hour)
	run := openRun{
		WorkflowID: "switch-over-of-the-core-system-to-the-standby-site-2026-11-25", Type: "Runbook", What: "核心系统切换", Status: "APPROVAL", StartedAt: start,
		WaitsFor: []engine.WaitsFor{{
			Kind: engine.ForApproval, Step: "confirm", Reason: "切换到备用站点吗？复制延迟是 3 秒，磁盘剩余空间是 128GB，值班经理是王五。", Since: &start, Until: &until,
			Who: []string{"zhang", "li"}, Have: 1, Need: 2,
			Command: "starter approve switch-over-of-the-core-system-to-the-standby-site-2026-11-25 confirm --by NAME",
		}},
		Unanswered: "no worker answers",
	}
	for _, columns := range []int{80, 120, 0} {
		lines := run.lines(later, columns)
		for _, line := range lines {
			require.True(t, columns == 0 || text.StringWidth(line) <= columns, line)
		}
		shown := strings.Join(lines, "\n")
		golden(t, fmt.Sprintf("runs-%d.txt", columns), shown+"\n")
		require.Contains(t, strings.Join(strings.Fields(strings.ReplaceAll(shown, "\\\n", "")), " "), run.WaitsFor[0].Command)
	}
}
