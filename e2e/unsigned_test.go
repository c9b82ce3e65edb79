package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestCallbacksOnTheFixedAddressFindTheirRun(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]platformtest.CallbackKind{
		"the run first": platformtest.CallbackDelay, "the news first": platformtest.CallbackBeforeAnswer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// An instance id names one inbox in a namespace, so this platform has one of its own.
			temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{})
			require.NoError(t, err)
			t.Cleanup(func() { _ = temporal.Kill() })
			s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue(success(100 * time.Millisecond))},
				"DPA_BRIDGE_UNSIGNED=true", "DPA_BRIDGE_UNSIGNED_SECRET=planted-unsigned-secret")
			s.sim.InjectCallback(platformtest.CallbackFault{Kind: fault, Delay: 2 * time.Second})
			var runs []client.WorkflowRun
			for _, host := range []string{"web1", "web2", "web3"} {
				runs = append(runs, s.run(s.queue+"-"+host, input(host)))
			}
			for _, run := range runs {
				var result workflows.PlanResult
				require.NoError(t, s.await(run, &result))
				require.Equal(t, "callback", result.ObservedBy)
				// The inbox has done its work, and is gone.
				inbox := s.GetWorkflow(t.Context(), signals.InboxID(signals.KindPlan, result.InstanceID), "")
				require.NoError(t, s.await(inbox, nil))
			}
			require.Len(t, s.sim.Executions(), len(runs))

			address, query, found := strings.Cut(s.sim.Executions()[0].CallbackURL, "?")
			require.True(t, found)
			require.True(t, strings.HasSuffix(address, "/callbacks/plan"), address)
			require.Equal(t, "secret=planted-unsigned-secret", query)
			require.NotContains(t, s.logs.String(), "planted-unsigned-secret")
			answer, err := http.Post(address, "application/json", strings.NewReader(`{"planInstanceId":"in10000001","status":"FAIL"}`))
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, http.StatusNotFound, answer.StatusCode, "a stranger has no way in")
		})
	}
}
