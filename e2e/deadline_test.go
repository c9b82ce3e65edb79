package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// lateCallbacks are what a run is sent before its deadline, while no worker runs, and its trigger's outcome.
var lateCallbacks = map[string]struct {
	statuses []string
	doubt    bool
}{
	"its end":                       {[]string{platformtest.Success}, false},
	"RUNNING and its end":           {[]string{platformtest.Running, platformtest.Success}, false},
	"many and its end":              {[]string{platformtest.Running, platformtest.Pending, platformtest.Running, platformtest.Success}, false},
	"in doubt, its end":             {[]string{platformtest.Success}, true},
	"in doubt, RUNNING and its end": {[]string{platformtest.Running, platformtest.Success}, true},
}

func TestAnEndThatWasStoredBeforeTheDeadlineEndsTheRun(t *testing.T) {
	t.Parallel()
	for timeout := 20 * time.Second; ; timeout *= 2 {
		stored := false
		t.Run(timeout.String(), func(t *testing.T) { stored = endAcrossDeadline(t, timeout) }) // with a task queue of its own
		if stored {
			return
		}
		require.Less(t, timeout, 3*time.Minute, "this machine is too slow")
		t.Logf("this machine is too slow for %s", timeout)
	}
}

// endAcrossDeadline returns false where the callbacks could not be stored before the deadline.
func endAcrossDeadline(t *testing.T, timeout time.Duration) bool {
	s := newStack(t, catalogue())
	runs := map[string]client.WorkflowRun{}
	for name, late := range lateCallbacks {
		if late.doubt {
			s.doubt(true)
		}
		in := input(name)
		in.Timeout = runbook.Duration(timeout)
		runs[name] = s.run(s.queue+" "+timeout.String()+" "+name, in)
		want := workflows.PhaseWaiting
		if late.doubt {
			want = workflows.PhaseUnknown
		}
		for s.state(runs[name]).Phase != want {
			if closed(t, s, runs[name]) {
				return false
			}
			pause(t.Context(), 50*time.Millisecond)
		}
	}
	first, last := time.Time{}, time.Time{}
	for _, run := range runs {
		deadline := s.state(run).Deadline
		if first.IsZero() || deadline.Before(first) {
			first = deadline
		}
		if deadline.After(last) {
			last = deadline
		}
	}
	require.NoError(t, s.worker.Kill())
	for name, late := range lateCallbacks {
		for _, status := range late.statuses {
			s.callsBack(s.instance(name), status)
		}
	}
	if !time.Now().Before(first.Add(-time.Second)) {
		return false
	}
	pause(t.Context(), time.Until(last.Add(time.Second)))
	for _, run := range runs {
		require.Eventually(t, func() bool { return has(s.history(run), enumspb.EVENT_TYPE_TIMER_FIRED) }, patience, 100*time.Millisecond)
	}
	s.worker = s.start("worker")
	for name, run := range runs {
		var result workflows.PlanResult
		require.NoError(t, s.await(run, &result), name)
		require.Equal(t, workflows.ObservedByCallback, result.ObservedBy, name)
		require.Equal(t, s.instance(name), result.InstanceID, name)
	}
	return true
}

// closed tells whether a run is over.
func closed(t *testing.T, s *stack, run client.WorkflowRun) bool {
	t.Helper()
	described, err := s.DescribeWorkflow(t.Context(), run.GetID(), run.GetRunID())
	require.NoError(t, err)
	return described.WorkflowCloseTime != nil
}
