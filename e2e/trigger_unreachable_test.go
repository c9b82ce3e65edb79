package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestTriggerThatCannotConnectIsSentOnceItCan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		https  bool
		reason string
	}{
		"connection refused":  {false, "connection refused"},
		"unknown certificate": {true, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			gate := newGate(t, test.https)
			early, later := unreachableRuns("token"), unreachableRuns("trigger")
			s := newStack(t, silentPlans(planIDs(append(early, later...))...), gate.env()...)
			gate.serve(s.sim)

			// At first there is no token to be had; later there is one, and it is the trigger that does not connect.
			for _, runs := range [][]*triggerRun{early, later} {
				gate.shut()
				before := s.calls()["P5"]
				s.startAll(runs, "1h")
				for _, r := range runs {
					require.Eventually(t, func() bool { return strings.Contains(s.state(r).Reason, test.reason) }, patience, 100*time.Millisecond, r.plan)
					require.Equal(t, workflows.PhaseTriggering, s.state(r).Phase)
				}
				require.Equal(t, before, s.calls()["P5"])
				gate.open()
				_, err := s.sim.WaitExecutions(wait.Context(t), before+len(runs))
				require.NoError(t, err)
				instances := s.instances()
				each(t, runs, func(r *triggerRun) error {
					if err := s.untilTaken(instances[r.plan], platformtest.Success); err != nil {
						return err
					}
					return s.checkEnd(r, instances[r.plan])
				})
			}
			require.Len(t, s.sim.Executions(), len(early)+len(later))
			require.Len(t, s.instances(), len(early)+len(later))
			require.Equal(t, len(early)+len(later), s.calls()["P5"])
			t.Logf("%d runs, %s", len(early)+len(later), time.Since(begun).Round(time.Second))
		})
	}
}

func TestTriggerOfAPlatformWhoseNameIsUnknownEndsAsNotSent(t *testing.T) {
	t.Parallel()
	patient, hasty := unreachableRuns("patient"), unreachableRuns("hasty")
	s := newStack(t, silentPlans(planIDs(append(patient, hasty...))...), "DPA_BASE_URL=http://nosuchhost.invalid", "DPA_ALLOW_HTTP=true")
	s.startAll(patient, "1h")
	s.startAll(hasty, "5s")
	each(t, hasty, func(r *triggerRun) error {
		err := s.await(r, nil)
		failed := new(temporal.ApplicationError)
		if !errors.As(err, &failed) || failed.Type() != activities.ErrorTriggerNotSent {
			return fmt.Errorf("%s: %w; wanted %s", r.plan, err, activities.ErrorTriggerNotSent)
		}
		return nil
	})
	for _, r := range patient {
		require.Eventually(t, func() bool { return s.state(r).Triggers >= 2 }, patience, 100*time.Millisecond, "what was not sent is tried again")
		require.Equal(t, workflows.PhaseTriggering, s.state(r).Phase)
		require.NoError(t, s.CancelWorkflow(t.Context(), r.GetID(), ""))
		cancelled := new(temporal.CanceledError)
		require.ErrorAs(t, s.await(r, nil), &cancelled)
	}
	require.Empty(t, s.sim.Requests())
}

func unreachableRuns(name string) []*triggerRun {
	return triggerRuns([]triggerCase{{name: name, want: renewed}})
}

// startAll starts runs without a preflight, so that once there is a token the trigger is the first call.
func (s *stack) startAll(runs []*triggerRun, timeout string) {
	s.t.Helper()
	each(s.t, runs, func(r *triggerRun) (err error) {
		r.WorkflowRun, err = s.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: s.queue + "-" + r.plan, TaskQueue: s.queue}, "RunPlan",
			map[string]any{"planId": r.plan, "params": hostOf(r.plan), "timeout": timeout, "preflight": false})
		return err
	})
}
