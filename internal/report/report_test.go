package report

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the tests once with -update")
	require.Equal(t, string(want), got)
}

func readState(t *testing.T, name string) (s State) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../starter/testdata", name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &s))
	require.NotNil(t, s.Runbook)
	return s
}

var (
	start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	// later is 35 minutes and 10 seconds after the start.
	later = start.Add(35*time.Minute + 10*time.Second)
)

func reportOf(t *testing.T, name string) Report {
	s := readState(t, name)
	r := Report{
		WorkflowID: "dr-1", RunID: "0190-1", State: "Running", StartedAt: s.Runbook.StartedAt, ClosedAt: s.Runbook.FinishedAt,
		Elapsed: runbook.Duration(later.Sub(s.Runbook.StartedAt)), Target: s.Runbook.Target, Timeline: Timeline(*s.Runbook), Result: s,
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
	golden(t, "running.md", open.Markdown())
	golden(t, "failed.md", reportOf(t, "failed.json").Markdown())
}

func TestAReportOfASingleRunHasItsResult(t *testing.T) {
	t.Parallel()
	r := Report{WorkflowID: "plan-1", State: "Completed", StartedAt: start, Elapsed: runbook.Duration(time.Minute)}
	require.NoError(t, json.Unmarshal([]byte(`{"planId":"p","instanceId":"in1","status":"SUCCESS","observedBy":"callback",
		"triggeredAt":"2026-05-01T12:00:00Z","finishedAt":"2026-05-01T12:01:00Z",
		"outputs":[{"modelId":"md1","modelName":"切换","nodes":[{"name":"结果","result":"<b>|*x*"}]}]}`), &r.Result))
	golden(t, "run.md", r.Markdown())
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

	data, err = json.Marshal(Report{})
	require.NoError(t, err)
	require.Contains(t, string(data), `"result":null`)
}

func TestATimelineIsInTheOrderOfWhatHappened(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"running.json", "failed.json"} {
		events := Timeline(*readState(t, name).Runbook)
		for i := range events[1:] {
			require.False(t, events[i+1].At.Before(events[i].At), "%s: %v", name, events[i+1])
		}
	}
}
