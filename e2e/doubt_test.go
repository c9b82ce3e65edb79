package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestARunInDoubtOfAKilledWorkerIsFoundBySearch(t *testing.T) {
	t.Parallel()
	s := newStack(t, endlessPlans(t.Name()))
	s.hold(platformtest.Fault{Endpoint: "P5", Times: 1, AfterExecution: true, Kind: platformtest.FaultDelay})
	run := s.run(s.queue, workflows.PlanInput{PlanID: t.Name(), Params: hostOf("web1")})
	s.underWay("P5")
	s.killWorker()
	s.reaches(run, workflows.PhaseUnknown)
	query := fmt.Sprintf("DpaStatus = 'UNKNOWN' AND CloseTime IS NULL AND DpaPlanId = '%s'", t.Name())
	require.Eventually(t, func() bool {
		found, err := s.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		return err == nil && len(found.Executions) == 1 && found.Executions[0].Execution.WorkflowId == run.GetID()
	}, patience, 100*time.Millisecond, "%s", query)
}

func TestARunInDoubtOfAKilledWorkerGetsCallbacksOnTheFixedAddressOnceAdopted(t *testing.T) {
	t.Parallel()
	// An instance id names one inbox in a namespace, so this platform has one of its own.
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = temporal.Kill() })
	s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue()},
		"DPA_BRIDGE_UNSIGNED=true", "DPA_BRIDGE_UNSIGNED_SECRET=planted-unsigned-secret")
	s.hold(platformtest.Fault{Endpoint: "P5", Times: 1, AfterExecution: true, Kind: platformtest.FaultDelay})
	run := s.run(s.queue, input("web1"))
	_, err = s.sim.WaitExecutions(wait.Context(t), 1)
	require.NoError(t, err)
	s.killWorker()
	s.reaches(run, workflows.PhaseUnknown)
	instance := s.instance("web1")
	s.resolve(run, workflows.ResolveTrigger{Action: workflows.ActionAdopt, InstanceID: instance, By: "zhang"})
	s.callsBack(instance, platformtest.Success)
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Equal(t, instance, result.InstanceID)
	require.Equal(t, workflows.ObservedByCallback, result.ObservedBy)
	require.Len(t, s.sim.Executions(), 1)
}

func TestACallbackCorrectsAnInstanceThatAnOperatorMistyped(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	s.doubt(true)
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseUnknown)
	instance, mistyped := s.instance("web1"), s.instance("web1")+"0"
	s.resolve(run, workflows.ResolveTrigger{Action: workflows.ActionAdopt, InstanceID: mistyped, By: "zhang"})
	s.reaches(run, workflows.PhaseWaiting)
	s.callsBack(instance, platformtest.Running)
	require.Eventually(t, func() bool { return s.state(run).InstanceID == instance }, patience, 100*time.Millisecond,
		"the run follows %s and not %s", mistyped, instance)
	s.callsBack(instance, platformtest.Success)
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Equal(t, instance, result.InstanceID)
	require.Equal(t, workflows.ObservedByCallback, result.ObservedBy)
	require.Contains(t, toJSON(t, result.Notes), mistyped, "the operator is told")
}
