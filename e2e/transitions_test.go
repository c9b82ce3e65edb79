package e2e

import (
	"path"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

// An instance that is suspended and goes on has RUNNING twice: the second is no repeat of the first, whichever bridge
// the proxy chose for what came between.
func TestAStatusThatComesBackAfterAnotherReachesTheRun(t *testing.T) {
	t.Parallel()
	transitions := []string{platformtest.Running, platformtest.Pending, platformtest.Running}
	for name, by := range map[string][3]int{"through one bridge": {0, 0, 0}, "through two bridges": {0, 1, 0}} {
		for address, env := range map[string][]string{
			"signed": nil,
			"fixed":  {"DPA_BRIDGE_UNSIGNED=true", "DPA_BRIDGE_UNSIGNED_SECRET=planted-unsigned-secret"},
		} {
			t.Run(name+", "+address+" address", func(t *testing.T) {
				t.Parallel()
				// An instance id names one inbox in a namespace, so each platform has one of its own.
				temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{})
				require.NoError(t, err)
				t.Cleanup(func() { _ = temporal.Kill() })
				s := newStackOn(t, temporal, platformtest.Options{Catalogue: silentPlans(plain)}, env...)
				bridges := []bridge{{s.bridge, s.environment("DPA_CALLBACK_URL")}, s.secondBridge()}
				run, err := s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: s.queue}, "RunPlan",
					workflows.PlanInput{PlanID: plain, Params: hostOf("web1")})
				require.NoError(t, err)
				s.reaches(run, workflows.PhaseWaiting)
				execution := s.sim.Executions()[0]
				r := &stormRun{WorkflowRun: run, plan: plain, instance: execution.InstanceID}
				to := func(b bridge) string {
					if env != nil {
						return signals.UnsignedURL(b.url, signals.KindPlan, "planted-unsigned-secret")
					}
					return signals.CallbackURL(b.url, path.Base(execution.CallbackURL), signals.KindPlan)
				}
				poster := newPoster(t)
				for i, status := range transitions {
					require.NoError(t, poster.send(t.Context(), callback{to(bridges[by[i]]), body(signals.KindPlan, r, status), honest}))
				}
				require.Eventually(t, func() bool { return len(s.statuses(r)) == len(transitions) }, patience, 50*time.Millisecond, "%v", transitions)
				require.Equal(t, transitions, s.statuses(r))
				require.Equal(t, platformtest.Running, s.state(run).Status)

				require.NoError(t, poster.send(t.Context(), callback{to(bridges[0]), body(signals.KindPlan, r, platformtest.Success), honest}))
				require.NoError(t, s.await(run, nil))
			})
		}
	}
}

// statuses are those that a run was signalled, in order.
func (s *stack) statuses(r *stormRun) (statuses []string) {
	for _, event := range s.history(r) {
		if event.EventType == enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
			statuses = append(statuses, decodeNews(s.t, event).Status)
		}
	}
	return statuses
}
