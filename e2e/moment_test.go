package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestEvidenceWinsOverAnOperatorInTheSameMoment(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(), briefly)
	attempts(t, func(attempt string) bool { return evidenceMeetsOperator(s, attempt) })
}

func evidenceMeetsOperator(s *stack, attempt string) (together bool) {
	resolve := func(action, instance string) any {
		return workflows.ResolveTrigger{Action: action, InstanceID: instance, By: "zhang"}
	}
	actions := map[string]any{
		attempt + "retrigger": resolve(workflows.ActionRetrigger, ""),
		attempt + "abort":     resolve(workflows.ActionAbort, ""),
		attempt + "adopt":     resolve(workflows.ActionAdopt, "in-of-another"),
		attempt + "end":       workflows.ResolveRun{Status: workflows.StatusFail, By: "zhang"},
	}
	updates := map[string]string{attempt + "end": "resolveRun"}
	runs := map[string]client.WorkflowRun{}
	for name := range actions {
		phase := workflows.PhaseWaiting
		if updates[name] == "" {
			updates[name], phase = "resolveTrigger", workflows.PhaseUnknown
			s.doubt(true)
		}
		runs[name] = s.run(s.queue+" "+name, input(name))
		s.reaches(runs[name], phase)
	}
	s.passes(attempt)

	require.NoError(s.t, s.worker.Stop())
	moments := s.admitAll(runs, func(name string) (string, any) { return updates[name], actions[name] })
	for name := range runs {
		s.callsBack(s.instance(name), platformtest.Success)
	}
	s.worker = s.start("worker")
	together = true
	for name, run := range runs {
		var result workflows.PlanResult
		require.NoError(s.t, s.await(run, &result), name)
		require.Equal(s.t, s.instance(name), result.InstanceID, name)
		require.Equal(s.t, workflows.ObservedByCallback, result.ObservedBy, name)
		require.Equal(s.t, 1, s.executions(name), "%s: nothing was triggered again", name)
		err := <-moments[name].ended
		require.Error(s.t, err, name)
		if s.together(run, moments[name].after) {
			require.ErrorContains(s.t, err, s.instance(name), "%s: the operator learns which instance was first", name)
		} else {
			together = false
		}
	}
	return together
}

func TestOfTwoOperatorsInTheSameMomentOnlyTheFirstActs(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(), briefly)
	attempts(t, func(attempt string) bool { return operatorsMeet(s, attempt) })
}

func operatorsMeet(s *stack, attempt string) (together bool) {
	adopt := workflows.ResolveTrigger{Action: workflows.ActionAdopt, InstanceID: "in-of-another", By: "zhang"}
	again := workflows.ResolveTrigger{Action: workflows.ActionRetrigger, By: "li"}
	orders := map[string][2]workflows.ResolveTrigger{
		attempt + "adopt and retrigger":     {adopt, again},
		attempt + "retrigger and adopt":     {again, adopt},
		attempt + "retrigger and retrigger": {again, again},
	}
	runs := map[string]client.WorkflowRun{}
	for name := range orders {
		s.doubt(false)
		runs[name] = s.run(s.queue+" "+name, input(name))
		s.reaches(runs[name], workflows.PhaseUnknown)
	}
	s.passes(attempt)
	require.NoError(s.t, s.worker.Stop())
	first := s.admitAll(runs, func(name string) (string, any) { return "resolveTrigger", orders[name][0] })
	second := s.admitAll(runs, func(name string) (string, any) { return "resolveTrigger", orders[name][1] })
	s.worker = s.start("worker")
	together = true
	for name, run := range runs {
		one, other := <-first[name].ended, <-second[name].ended
		require.True(s.t, (one == nil) != (other == nil), "%s: one is taken: %v, %v", name, one, other)
		if one != nil || !s.together(run, first[name].after) {
			together = false
		}
		taken := orders[name][0]
		if one != nil {
			taken = orders[name][1]
		}
		s.reaches(run, workflows.PhaseWaiting)
		if taken == adopt {
			require.Equal(s.t, adopt.InstanceID, s.state(run).InstanceID, name)
			require.Zero(s.t, s.executions(name), name)
			continue
		}
		require.Equal(s.t, 1, s.executions(name), name)
		require.Equal(s.t, s.instance(name), s.state(run).InstanceID, name)
		s.callsBack(s.instance(name), platformtest.Success)
		require.NoError(s.t, s.await(run, nil), name)
	}
	return together
}
