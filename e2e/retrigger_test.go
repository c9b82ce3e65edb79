package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// briefly shortens the time for which a request may still be on its way, and with it a retrigger is refused: this
// time-out and 30 s.
const briefly = "DPA_HTTP_TIMEOUT=10s"

// stillOnItsWay is what a retrigger is refused with for that time.
const stillOnItsWay = "may still be on its way"

// tryRetrigger lets an operator trigger again. It is not taken while the request may still be on its way, nor where the
// update met something else in the same workflow task.
func (s *stack) tryRetrigger(run client.WorkflowRun, step string) (taken bool, err error) {
	err = s.update(run, "resolveTrigger", workflows.ResolveTrigger{
		Step: step, Action: workflows.ActionRetrigger, By: "zhang", Comment: "the platform has no instance",
	})
	if err != nil && (strings.Contains(err.Error(), stillOnItsWay) || strings.Contains(err.Error(), "unexpected workflow task failure")) {
		return false, nil
	}
	return err == nil, err
}

// retrigger lets an operator trigger again as soon as it is taken.
func (s *stack) retrigger(run client.WorkflowRun) error {
	for deadline := time.Now().Add(patience); ; pause(s.t.Context(), 500*time.Millisecond) {
		taken, err := s.tryRetrigger(run, "")
		if taken || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: a retrigger is refused for too long", run.GetID())
		}
	}
}

// passes waits until no request of the triggers so far may still be on its way: a trigger that came later can be
// repeated. It takes a catalogue with plan "p", and a name that tells it from other calls.
func (s *stack) passes(name string) {
	s.t.Helper()
	s.doubt(false)
	later := s.run(s.queue+" later "+name, input("later "+name))
	s.reaches(later, workflows.PhaseUnknown)
	require.NoError(s.t, s.retrigger(later))
}

func TestARetriggerIsRefusedWhileTheRequestMayStillBeOnItsWay(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)), "DPA_HTTP_TIMEOUT=60s") // ample time, also on a busy machine
	arrives := s.hold(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultDelay})
	run := s.run(s.queue, input("web1"))
	s.underWay("P5")
	s.killWorker()
	s.reaches(run, workflows.PhaseUnknown)
	before := s.undisturbed(run)
	err := s.update(run, "resolveTrigger", workflows.ResolveTrigger{Action: workflows.ActionRetrigger, By: "zhang"})
	require.ErrorContains(t, err, stillOnItsWay)
	require.Regexp(t, `\d\d:\d\d:\d\d`, err.Error(), "the operator learns when to come back")
	require.Equal(t, before, s.undisturbed(run), "a refused update leaves no trace")

	arrives()
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Len(t, s.sim.Executions(), 1)
	require.Equal(t, s.instance("web1"), result.InstanceID)
}
