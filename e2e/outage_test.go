package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

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
			var answered sync.Map // by instance
			var callbacks errgroup.Group
			for _, execution := range s.sim.Executions() {
				callbacks.Go(func() error {
					err := s.sim.Callback(t.Context(), execution.InstanceID, platformtest.Success)
					answered.Store(execution.InstanceID, err == nil)
					return nil
				})
			}
			require.NoError(t, callbacks.Wait())
			pause(t.Context(), time.Duration(float64(2*time.Minute)**scale))
			require.NoError(t, temporal.Restart(t.Context()))

			for i, run := range runs {
				instance := s.instance(fmt.Sprintf("host-%d", i))
				success, _ := answered.Load(instance)
				require.Equal(t, spool, success, "SUCCESS is answered only for what is durable")
				if !spool {
					// The platform, told that its callback was not stored, calls again.
					require.Eventually(t, func() bool {
						return s.sim.Callback(t.Context(), instance, platformtest.Success) == nil
					}, patience, 200*time.Millisecond)
				}
				var result workflows.PlanResult
				require.NoError(t, s.await(run, &result))
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
