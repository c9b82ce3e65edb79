package e2e

import (
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

var trustedOperators = []trusted{
	{"a retry looks at the condition again that could not be evaluated", []string{"o1a"}, func(s *stack) {
		run := s.begin("", "name: condition\nvars: {no: {}}\nsteps: [{id: a, plan: o1a, when: vars.no.such == 1}]")
		s.is(run, "a", workflows.StatusPaused)
		s.act(run, "retry", workflows.StepAction{Step: "a", By: "li"})
		s.is(run, "a", workflows.StatusPaused)
		s.act(run, "abort", workflows.RunAction{By: "li"})
		require.Equal(s.t, workflows.StatusAborted, s.ended(run).Status)
		s.executes(map[string]int{"o1a": 0})
	}},
	{"nobody but its approvers passes an approval, before it asks, while it does and after it was rejected", []string{"o2a"}, func(s *stack) {
		s.never("o2a")
		run := s.begin("", "name: stranger\nsteps: [{id: a, plan: o2a}, {id: in, runbook: {name: inner, steps: [{id: ok, approval: {message: m, approvers: [zhang]}}]}}]")
		stranger, approver := workflows.StepAction{Step: "in/ok", By: "li"}, workflows.StepAction{Step: "in/ok", By: "zhang"}
		s.moves(s.hasInstance(run, "a"), "RUNNING")
		require.ErrorContains(s.t, s.update(run, "skip", workflows.StepAction{Step: "in", By: "li"}), "must be answered by zhang")
		s.moves(at(s.book(run), "a").InstanceID, "SUCCESS")
		s.is(run, "in/ok", workflows.StatusRunning)
		for _, name := range []string{"approve", "reject", "skip", "retry"} {
			require.Error(s.t, s.update(run, name, stranger), name)
		}
		s.act(run, "reject", approver)
		s.is(run, "in/ok", workflows.StatusPaused)
		for _, name := range []string{"skip", "retry"} {
			require.ErrorContains(s.t, s.update(run, name, stranger), "must be answered by zhang", name)
		}
		s.act(run, "retry", approver)
		s.is(run, "in/ok", workflows.StatusRunning)
		s.act(run, "approve", approver)
		result := s.ended(run)
		require.Equal(s.t, workflows.StatusSuccess, result.Status)
		require.Len(s.t, result.Actions, 3, "what was refused left no trace")
	}},
	{"a decided rollback waits for no approval, and runs through an abort and a cancellation", []string{"o3a", "o3bad", "o3undo"}, func(s *stack) {
		s.failing("o3bad")
		for i, then := range []string{"nothing", "abort", "cancel"} {
			s.never("o3undo")
			run := s.begin(then, `
name: undo
steps:
  - {id: a, plan: o3a, rollback: {plan: o3undo}}
  - {id: ok, needs: [], approval: {message: Go on}}
  - {id: bad, needs: [a], plan: o3bad, onFailure: rollback}
`)
			var undo string
			require.Eventually(s.t, func() bool {
				if rollback := at(s.book(run), "a").Rollback; rollback != nil {
					undo = rollback.InstanceID
				}
				return undo != ""
			}, patience, 50*time.Millisecond)
			require.Equal(s.t, workflows.StatusAborted, at(s.book(run), "ok").Status)
			switch then {
			case "abort":
				s.act(run, "abort", workflows.RunAction{By: "li"})
			case "cancel":
				require.NoError(s.t, s.CancelWorkflow(s.t.Context(), run.GetID(), run.GetRunID()))
			}
			s.moves(undo, "SUCCESS")
			result := s.ended(run)
			require.Equal(s.t, workflows.StatusFailed, result.Status, then)
			require.Equal(s.t, workflows.StatusSuccess, at(result, "a").Rollback.Status, then)
			s.executes(map[string]int{"o3undo": 1 + i})
		}
	}},
	{"items that succeeded and what is half done are undone", []string{"o4each", "o4half", "o4undo"}, func(s *stack) {
		s.never("o4each")
		run := s.begin("", `
name: half
onFailure: rollback
steps:
  - {id: half, plan: o4half, rollback: {plan: o4undo, when: started}, onFailure: continue}
  - {id: each, plan: o4each, forEach: "[1, 2, 3]", rollback: {plan: o4undo}}
`)
		for item, status := range map[string]string{"each[0]": "SUCCESS", "each[1]": "FAIL", "each[2]": "SUCCESS"} {
			s.moves(s.hasInstance(run, item), status)
		}
		result := s.ended(run)
		require.Equal(s.t, workflows.StatusSuccess, at(result, "each[0]").Rollback.Status)
		require.Nil(s.t, at(result, "each[1]").Rollback)
		require.Equal(s.t, workflows.StatusSuccess, at(result, "each[2]").Rollback.Status)
		s.executes(map[string]int{"o4undo": 3})

		s.failing("o4half")
		result = s.ended(s.begin("itself", "name: half\nsteps: [{id: half, plan: o4half, onFailure: rollback, rollback: {plan: o4undo, when: started}}]"))
		require.NotEmpty(s.t, at(result, "half").Rollback.InstanceID, "it is an execution like any other")
		s.executes(map[string]int{"o4undo": 4})
	}},
	{"a pause holds items and nested runbooks", []string{"o5each", "o5x", "o5y"}, func(s *stack) {
		s.never("o5each", "o5x")
		run := s.begin("", `
name: pause
steps:
  - {id: each, plan: o5each, forEach: "[1, 2]", maxParallel: 1}
  - {id: in, needs: [], runbook: {name: inner, steps: [{id: x, plan: o5x}, {id: y, plan: o5y}]}}
`)
		first, inside := s.hasInstance(run, "each[0]"), s.hasInstance(run, "in/x")
		s.act(run, "pause", workflows.RunAction{By: "li"})
		s.moves(first, "SUCCESS")
		s.moves(inside, "SUCCESS")
		s.is(run, "each[0]", workflows.StatusSuccess)
		s.is(run, "in/x", workflows.StatusSuccess)
		require.Equal(s.t, "PAUSED", string(s.book(run).Phase))
		s.executes(map[string]int{"o5each": 1, "o5y": 0})
		s.act(run, "resume", workflows.RunAction{By: "li"})
		s.moves(s.hasInstance(run, "each[1]"), "SUCCESS")
		require.Equal(s.t, workflows.StatusSuccess, s.ended(run).Status)
		s.executes(map[string]int{"o5each": 2, "o5y": 1})
	}},
	{"an item that timed out is resolved by itself", []string{"o6each"}, func(s *stack) {
		s.never("o6each")
		run := s.begin("", `{"name": "item", "steps": [{"id": "each", "plan": "o6each", "forEach": "[1, 2]", "timeout": "1m"}]}`)
		s.hasInstance(run, "each[0]")
		s.moves(s.hasInstance(run, "each[1]"), "SUCCESS")
		s.is(run, "each", workflows.StatusPaused)
		require.Equal(s.t, workflows.StatusFailed, at(s.book(run), "each[0]").Status)
		s.act(run, "resolveRun", workflows.ResolveRun{Step: "each[0]", Status: "SUCCESS", By: "li"})
		result := s.ended(run)
		require.Equal(s.t, workflows.StatusSuccess, result.Status)
		require.Equal(s.t, "operator", at(result, "each[0]").ObservedBy)
		s.executes(map[string]int{"o6each": 2})
	}},
	{"a list of hosts that was cut is not used as if it were whole", []string{"o7list", "o7each"}, func(s *stack) {
		hosts := make([]string, 1000)
		for i := range hosts {
			hosts[i] = "web-" + strings.Repeat("x", 1200) // more than 1 MiB in all
		}
		s.sim.SetScript("o7list", platformtest.Ends(platformtest.Success, 0,
			platformtest.ModelOutputs{ModelID: "md1", Nodes: []platformtest.Node{{Name: "hosts", Result: strings.Join(hosts, ",")}}}))
		waits := strings.Repeat("  - {id: w%, wait: 1s}\n", 48)
		for i := range 48 {
			waits = strings.Replace(waits, "%", strings.Repeat("i", i+1), 1)
		}
		run := s.begin("", "name: hosts\nonFailure: abort\nsteps:\n  - {id: list, plan: o7list}\n  - {id: each, plan: o7each, forEach: \"steps.list.outputs['hosts'].split(',')\"}\n"+waits)
		result := s.ended(run)
		require.True(s.t, at(result, "list").Outputs[0].Nodes[0].Cut)
		require.Contains(s.t, at(result, "each").Reason, `output "hosts" was too large and was cut`)
		s.executes(map[string]int{"o7each": 0})
	}},
	{"an approval before the first trigger is found by search", nil, func(s *stack) {
		run := s.begin("", "name: asked\nsteps: [{id: ok, approval: {message: Go on}}]")
		require.Eventually(s.t, func() bool {
			found, err := s.CountWorkflow(s.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
				Namespace: s.temporal.Namespace, Query: "DpaStatus = 'APPROVAL' AND WorkflowId = '" + run.GetID() + "'",
			})
			return err == nil && found.GetCount() == 1
		}, patience, 100*time.Millisecond)
		s.act(run, "approve", workflows.StepAction{Step: "ok", By: "li"})
		require.Equal(s.t, workflows.StatusSuccess, s.ended(run).Status)
	}},
}
