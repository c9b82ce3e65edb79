package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

// trusted is what a runbook must not get wrong, tried with plans of its own on a stack that all share.
type trusted struct {
	name  string
	plans []string
	try   func(s *stack)
}

func TestRunbooksCanBeTrusted(t *testing.T) {
	t.Parallel()
	all := append(append([]trusted{}, trustedResumes...), trustedOperators...)
	var plans []string
	for _, c := range all {
		plans = append(plans, c.plans...)
	}
	s := newStack(t, simple(plans...))
	for i, c := range all {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.try(&stack{t: t, temporal: s.temporal, Client: s.Client, sim: s.sim, queue: fmt.Sprint(s.queue, i), env: s.env})
		})
	}
}

// begin starts a runbook on the shared queue.
func (s *stack) begin(name, document string, more ...func(*client.StartWorkflowOptions, *workflows.RunbookInput)) client.WorkflowRun {
	s.t.Helper()
	doc, err := runbook.Parse([]byte(document))
	require.NoError(s.t, err)
	in := workflows.RunbookInput{Document: *doc}
	options := client.StartWorkflowOptions{ID: s.queue + name, TaskQueue: "TestRunbooksCanBeTrusted"}
	for _, change := range more {
		change(&options, &in)
	}
	run, err := s.ExecuteWorkflow(s.t.Context(), options, workflows.Runbook, in)
	require.NoError(s.t, err)
	return run
}

// resumes has a runbook continue an earlier run.
func resumes(run client.WorkflowRun, choices engine.Choices) func(*client.StartWorkflowOptions, *workflows.RunbookInput) {
	return func(_ *client.StartWorkflowOptions, in *workflows.RunbookInput) {
		in.ResumeFrom = &workflows.ResumeFrom{WorkflowID: run.GetID(), RunID: run.GetRunID(), Choices: choices}
	}
}

// at is what became of a step or item, by its path.
func at(result workflows.RunbookResult, path string) workflows.StepResult {
	steps := result.Steps
	for {
		name, rest, deeper := strings.Cut(path, "/")
		id, _, isItem := strings.Cut(name, "[")
		var found workflows.StepResult
		for _, step := range steps {
			if step.ID == id {
				found = step
			}
			for _, item := range step.Items {
				if isItem && item.ID == name {
					found = item
				}
			}
			if found.ID == name {
				break
			}
		}
		if !deeper || found.Runbook == nil {
			return found
		}
		steps, path = found.Runbook.Steps, rest
	}
}

// is waits until a step has a status.
func (s *stack) is(run client.WorkflowRun, path, status string) (step workflows.StepResult) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { step = at(s.book(run), path); return step.Status == status },
		patience, 50*time.Millisecond, "%s of %s: %s", path, run.GetID(), status)
	return step
}

// hasInstance waits until a step's instance is known.
func (s *stack) hasInstance(run client.WorkflowRun, path string) (instance string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { instance = at(s.book(run), path).InstanceID; return instance != "" },
		patience, 50*time.Millisecond, "%s of %s", path, run.GetID())
	return instance
}

// registered waits until the inbox of an instance knows that a run waits for its news.
func (s *stack) registered(instance string, run client.WorkflowRun) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		history := s.GetWorkflowHistory(s.t.Context(), signals.InboxID(signals.KindPlan, instance), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			if err != nil {
				return false // there is no inbox yet
			}
			signal := event.GetWorkflowExecutionSignaledEventAttributes()
			var registration signals.Registration
			if signal.GetSignalName() == signals.InboxRegister {
				require.NoError(s.t, converter.GetDefaultDataConverter().FromPayloads(signal.GetInput(), &registration))
			}
			if registration.WorkflowID == run.GetID() {
				return true
			}
		}
		return false
	}, patience, 50*time.Millisecond, "instance %s for %s", instance, run.GetID())
}

// triggered is what the platform knows of the only execution of a plan.
func (s *stack) triggered(plan string) platformtest.Execution {
	s.t.Helper()
	all := s.sim.Executions()
	i := slices.IndexFunc(all, func(e platformtest.Execution) bool { return e.PlanID == plan })
	require.GreaterOrEqual(s.t, i, 0, plan)
	return all[i]
}

// posts sends a callback that the platform did not.
func (s *stack) posts(address, body string) {
	s.t.Helper()
	require.NoError(s.t, newPoster(s.t).send(s.t.Context(), callback{address, body, honest}))
}

func (s *stack) act(run client.WorkflowRun, name string, argument any) {
	s.t.Helper()
	require.NoError(s.t, s.update(run, name, argument))
}

// never has plans end only as the test says.
func (s *stack) never(plans ...string) {
	for _, plan := range plans {
		s.sim.SetScript(plan, platformtest.Script{Outputs: []platformtest.ModelOutputs{
			{ModelID: "md1", Nodes: []platformtest.Node{{Name: "节点", Result: plan}}},
		}})
	}
}

// moves has an instance change its status, and call back.
func (s *stack) moves(instance, status string) {
	s.t.Helper()
	s.sim.Move(instance, status)
	s.callsBack(instance, status)
}

// failing has plans fail until something else is said.
func (s *stack) failing(plans ...string) (mended func()) {
	for _, plan := range plans {
		s.sim.SetScript(plan, platformtest.Ends(platformtest.Fail, 50*time.Millisecond))
	}
	return func() {
		for _, plan := range plans {
			s.sim.SetScript(plan, platformtest.Ends(platformtest.Success, 50*time.Millisecond))
		}
	}
}

// ended returns what became of a runbook, however it ended.
func (s *stack) ended(run client.WorkflowRun) (result workflows.RunbookResult) {
	s.t.Helper()
	err := s.await(run, &result)
	var failure *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	switch {
	case errors.As(err, &failure) && failure.HasDetails() && failure.Type() != "InvalidInput":
		require.NoError(s.t, failure.Details(&result))
	case errors.As(err, &cancelled):
		require.NoError(s.t, cancelled.Details(&result))
	default:
		require.NoError(s.t, err)
	}
	return result
}

// executes requires how often plans were executed.
func (s *stack) executes(want map[string]int) {
	s.t.Helper()
	ran := s.ran()
	for plan, times := range want {
		require.Equal(s.t, times, ran[plan], plan)
	}
}
