package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

func reportOf(t *testing.T, name string) report {
	s := readState(t, name)
	r := report{
		WorkflowID: "dr-1", RunID: "0190-1", State: "Running", StartedAt: s.book.StartedAt, ClosedAt: s.book.FinishedAt,
		Elapsed: runbook.Duration(later.Sub(s.book.StartedAt)), Target: s.book.Target, Timeline: timeline(*s.book), Result: s,
	}
	if r.ClosedAt != nil {
		r.State, r.Error = "Failed", "RunbookFailed: runbook switch-over failed at step clean-up"
		r.Elapsed = runbook.Duration(r.ClosedAt.Sub(r.StartedAt))
	}
	return r
}

func TestAReportTellsWhatHappened(t *testing.T) {
	t.Parallel()
	open := reportOf(t, "running.json")
	golden(t, "running.md", open.markdown())
	golden(t, "failed.md", reportOf(t, "failed.json").markdown())
}

func TestAReportOfASingleRunHasItsResult(t *testing.T) {
	t.Parallel()
	r := report{WorkflowID: "plan-1", State: "Completed", StartedAt: start, Elapsed: runbook.Duration(time.Minute)}
	require.NoError(t, json.Unmarshal([]byte(`{"planId":"p","instanceId":"in1","status":"SUCCESS","observedBy":"callback",
		"triggeredAt":"2026-05-01T12:00:00Z","finishedAt":"2026-05-01T12:01:00Z",
		"outputs":[{"modelId":"md1","modelName":"切换","nodes":[{"name":"结果","result":"<b>|*x*"}]}]}`), &r.Result))
	golden(t, "run.md", r.markdown())
}

func TestAReportForProgramsIsOneDocument(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(reportOf(t, "failed.json"))
	require.NoError(t, err)
	var document struct {
		State, Elapsed, Target, Error string
		Timeline                      []struct{ Step, What string }
		Result                        struct{ Steps []any }
	}
	require.NoError(t, json.Unmarshal(data, &document))
	require.Equal(t, "40m", document.Elapsed)
	require.Equal(t, "1h", document.Target)
	require.Len(t, document.Result.Steps, 3)
	require.Equal(t, "clean-up/remove", document.Timeline[6].Step)

	data, err = json.Marshal(report{})
	require.NoError(t, err)
	require.Contains(t, string(data), `"result":null`)
}

func TestATimelineIsInTheOrderOfWhatHappened(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"running.json", "failed.json"} {
		events := timeline(*readState(t, name).book)
		for i := range events[1:] {
			require.False(t, events[i+1].At.Before(events[i].At), "%s: %v", name, events[i+1])
		}
	}
}
