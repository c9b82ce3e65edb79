package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// endlessPlans run until they are told otherwise.
func endlessPlans(ids ...string) platformtest.Catalogue {
	plans := silentPlans(ids...)
	for i := range plans.Plans {
		plans.Plans[i].Script.Steps = nil
	}
	return plans
}

// asking starts a run that asks for the plan list every second, and lets it end the run where trust says so.
func (s *stack) asking(plan string, trusted bool) client.WorkflowRun {
	s.t.Helper()
	in := map[string]any{"planId": plan, "params": hostOf(plan), "pollAfter": "1s"}
	if trusted {
		in["trustPlanStatus"] = true
	}
	run := s.run(s.queue+" asks "+plan, in)
	s.reaches(run, workflows.PhaseWaiting)
	return run
}

// polls waits until a run has asked so many times more.
func (s *stack) polls(run client.WorkflowRun, more int) {
	s.t.Helper()
	enough := s.state(run).Polls + more
	require.Eventually(s.t, func() bool {
		status := s.state(run)
		return status.Polls >= enough || status.Phase == workflows.PhaseEnded
	}, patience, 200*time.Millisecond, "%s", run.GetID())
}

// requireOnlyHinted moves somebody else's instance of the plan to its end. The run that asks shows it, and goes on
// until its own instance calls back.
func (s *stack) requireOnlyHinted(run client.WorkflowRun, plan, others string) {
	s.t.Helper()
	own := s.instances()[plan]
	require.NotEqual(s.t, others, own)
	s.polls(run, 3) // the end is then well after the run's own trigger
	s.sim.Move(others, platformtest.Success)
	s.polls(run, 3)
	status := s.state(run)
	require.Equal(s.t, workflows.PhaseWaiting, status.Phase, "%s ended by the SUCCESS of another instance: %+v", plan, status)
	require.Contains(s.t, status.Hint, platformtest.Success)
	s.callsBack(own, platformtest.Success)
	var result workflows.PlanResult
	require.NoError(s.t, s.await(run, &result))
	require.Equal(s.t, own, result.InstanceID)
	require.Equal(s.t, workflows.ObservedByCallback, result.ObservedBy)
}

// trust are the plans of a test, no other's, and whether a run of each lets the plan's status end it.
func trust(t *testing.T) map[string]bool {
	return map[string]bool{t.Name() + "-default": false, t.Name() + "-trusted": true}
}

// another starts a run of a plan like any other.
func (s *stack) another(plan string) client.WorkflowRun {
	s.t.Helper()
	return s.run(s.queue+" of another "+plan, workflows.PlanInput{PlanID: plan, Params: hostOf(plan)})
}

func TestTheEndOfACancelledRunsInstanceDoesNotEndAnotherRun(t *testing.T) {
	t.Parallel()
	s := newStack(t, endlessPlans(names(trust(t))...))
	for plan, trusted := range trust(t) {
		other := s.another(plan)
		s.reaches(other, workflows.PhaseWaiting)
		instance := s.instances()[plan]
		require.NoError(t, s.CancelWorkflow(t.Context(), other.GetID(), ""))
		s.requireCancelled(other)
		pause(t.Context(), 2*time.Second) // at least: the end of the run is well before the next one's trigger
		s.requireOnlyHinted(s.asking(plan, trusted), plan, instance)
	}
}

func TestTheEndOfAnInstanceThatAnEarlierRunOfTheSameIDLeftDoesNotEndARun(t *testing.T) {
	t.Parallel()
	s := newStack(t, endlessPlans(names(trust(t))...))
	for plan, trusted := range trust(t) {
		other := s.asking(plan, false)
		instance := s.instances()[plan]
		require.NoError(t, s.CancelWorkflow(t.Context(), other.GetID(), ""))
		s.requireCancelled(other)
		pause(t.Context(), 2*time.Second) // at least: the end of the run is well before the next one's trigger
		s.requireOnlyHinted(s.asking(plan, trusted), plan, instance)
	}
}

func TestTheEndOfAnInstanceInDoubtDoesNotEndAnotherRun(t *testing.T) {
	t.Parallel()
	s := newStack(t, endlessPlans(names(trust(t))...))
	others := map[string]client.WorkflowRun{}
	for plan := range trust(t) {
		s.hold(platformtest.Fault{Endpoint: "P5", PlanID: plan, Times: 1, AfterExecution: true, Kind: platformtest.FaultDelay})
		others[plan] = s.another(plan)
	}
	_, err := s.sim.WaitExecutions(wait.Context(t), len(others))
	require.NoError(t, err)
	s.killWorker()
	for plan, trusted := range trust(t) {
		s.reaches(others[plan], workflows.PhaseUnknown)
		instance := s.instances()[plan]
		s.requireOnlyHinted(s.asking(plan, trusted), plan, instance)
	}
}

func TestTheEndOfAnInstanceThatACompletedRunbookLeftDoesNotEndARun(t *testing.T) {
	t.Parallel()
	s := newStack(t, endlessPlans(names(trust(t))...))
	for plan, trusted := range trust(t) {
		book := s.runbook(s.queue+" book "+plan, `{"name": "leaves", "onFailure": "continue", "steps": [{"id": "a", "plan": "`+plan+
			`", "timeout": "20s", "params": `+toJSON(t, hostOf(plan))+`}]}`)
		var result workflows.RunbookResult
		require.NoError(t, s.await(book, &result))
		require.Len(t, result.StillRunning, 1)
		pause(t.Context(), 2*time.Second) // at least: the end of the runbook is well before the next one's trigger
		s.requireOnlyHinted(s.asking(plan, trusted), plan, result.StillRunning[0].InstanceID)
	}
}

func TestTheEndOfAPausedRunsInstanceDoesNotEndAnotherRun(t *testing.T) {
	t.Parallel()
	s := newStack(t, endlessPlans(names(trust(t))...))
	for plan, trusted := range trust(t) {
		other := s.another(plan)
		s.reaches(other, workflows.PhaseWaiting)
		instance := s.instances()[plan]
		s.pause(other)
		s.requireOnlyHinted(s.asking(plan, trusted), plan, instance)
	}
}

func TestThePlansStatusEndsARunOnlyWhereItIsTrusted(t *testing.T) {
	t.Parallel()
	s := newStack(t, endlessPlans(names(trust(t))...))
	for plan, trusted := range trust(t) {
		run := s.asking(plan, trusted)
		s.polls(run, 3)
		s.sim.Move(s.instances()[plan], platformtest.Success)
		if !trusted {
			s.polls(run, 3)
			require.Equal(t, workflows.PhaseWaiting, s.state(run).Phase)
			require.Contains(t, s.state(run).Hint, platformtest.Success)
			continue
		}
		var result workflows.PlanResult
		require.NoError(t, s.await(run, &result))
		require.Equal(t, workflows.ObservedByPoll, result.ObservedBy)
		require.Equal(t, s.instances()[plan], result.InstanceID)
	}
}
