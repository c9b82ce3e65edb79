package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// Temporal is killed while plans run, and brought back on its database after they have all called back.
func TestNoCallbackAnsweredSUCCESSIsLostWhileTemporalIsDown(t *testing.T) {
	t.Parallel()
	for name, spool := range map[string]bool{"with a spool": true, "without a spool": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{Database: t.TempDir() + "/temporal.db"})
			require.NoError(t, err)
			t.Cleanup(func() { _ = temporal.Kill() })
			var env []string
			if spool {
				env = append(env, "DPA_SPOOL_DIR="+t.TempDir())
			}
			// The plans stand still until the server is down; then the test ends them.
			s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue()}, env...)
			runs := make([]client.WorkflowRun, sized(200))
			for i := range runs {
				runs[i] = s.run(fmt.Sprintf("%s-%d", s.queue, i), input(fmt.Sprintf("host-%d", i)))
			}
			for _, run := range runs {
				s.reaches(run, workflows.PhaseWaiting)
			}

			require.NoError(t, temporal.Kill())
			answered := map[string]bool{} // by instance
			for _, execution := range s.sim.Executions() {
				err := s.sim.Callback(t.Context(), execution.InstanceID, platformtest.Success)
				answered[execution.InstanceID] = err == nil
			}
			pause(t.Context(), time.Duration(float64(2*time.Minute)**scale))
			require.NoError(t, temporal.Restart(t.Context()))

			for i, run := range runs {
				instance := s.instance(fmt.Sprintf("host-%d", i))
				require.Equal(t, spool, answered[instance], "SUCCESS is answered only for what is durable")
				if !spool {
					// The platform, told that its callback was not stored, calls again.
					require.Eventually(t, func() bool {
						return s.sim.Callback(t.Context(), instance, platformtest.Success) == nil
					}, patience, 200*time.Millisecond)
				}
				var result workflows.PlanResult
				require.NoError(t, run.Get(t.Context(), &result))
				require.Equal(t, workflows.ObservedByCallback, result.ObservedBy)
				require.Equal(t, instance, result.InstanceID)
			}
			require.Len(t, s.sim.Executions(), len(runs))
		})
	}
}

// instance is the platform's instance of the plan for a host.
func (s *stack) instance(host string) string {
	for _, execution := range s.sim.Executions() {
		if execution.Params["md1"]["HOST"] == host {
			return execution.InstanceID
		}
	}
	return ""
}
