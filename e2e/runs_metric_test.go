package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestOpenRunsAreCountedByWhatTheyWaitFor(t *testing.T) {
	t.Parallel()
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{SearchAttributes: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = temporal.Stop() })
	s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue()}) // no plan ends by itself
	counts := func(lines ...string) {
		t.Helper()
		require.Eventually(t, func() bool {
			text := s.metrics(s.worker)
			for _, line := range lines {
				if !strings.Contains(text, "\ndpaflow_runs{"+line+"\n") {
					return false
				}
			}
			return true
		}, patience, time.Second, "%s", lines)
	}
	counts(`state="waiting"} 0`, `state="overdue"} 0`, `state="unknown"} 0`)

	s.run("waits-1", input("web1"))
	s.run("waits-2", input("web1"))
	late := input("web1")
	late.PollAfter = runbook.Duration(time.Second)
	s.run("is-overdue", late)
	s.reaches(s.GetWorkflow(t.Context(), "is-overdue", ""), workflows.PhaseWaiting)
	s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultStatus})
	s.reaches(s.GetWorkflow(t.Context(), "waits-1", ""), workflows.PhaseWaiting)
	s.reaches(s.GetWorkflow(t.Context(), "waits-2", ""), workflows.PhaseWaiting)
	s.run("is-in-doubt", input("web1"))
	counts(`state="waiting"} 2`, `state="overdue"} 1`, `state="unknown"} 1`)

	for _, id := range []string{"waits-1", "is-overdue", "is-in-doubt"} {
		require.NoError(t, s.CancelWorkflow(t.Context(), id, ""))
	}
	counts(`state="waiting"} 1`, `state="overdue"} 0`, `state="unknown"} 0`)
}
