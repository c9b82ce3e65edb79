package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

var trustedResumes = []trusted{
	{"a resume after a rollback runs anew what was undone, items and nested steps too", []string{"r1a", "r1each", "r1in", "r1bad", "r1undo"}, func(s *stack) {
		const document = `
name: undone
onFailure: rollback
steps:
  - {id: a, plan: r1a, rollback: {plan: r1undo}}
  - {id: each, plan: r1each, forEach: "['web1', 'web2']", rollback: {plan: r1undo}}
  - {id: in, runbook: {name: inner, steps: [{id: x, plan: r1in, rollback: {plan: r1undo}}]}}
  - {id: bad, plan: r1bad}
`
		mended := s.failing("r1bad")
		first := s.begin("first", document)
		require.Equal(s.t, workflows.StatusFailed, s.ended(first).Status)
		s.executes(map[string]int{"r1a": 1, "r1each": 2, "r1in": 1, "r1bad": 1, "r1undo": 4})
		mended()
		require.Equal(s.t, workflows.StatusSuccess, s.ended(s.begin("second", document, resumes(first, engine.Choices{}))).Status)
		s.executes(map[string]int{"r1a": 2, "r1each": 4, "r1in": 2, "r1bad": 2, "r1undo": 4})
	}},
	{"a list that was edited before a resume runs every item that has not succeeded", []string{"r2each", "r2bad"}, func(s *stack) {
		document := func(hosts string) string {
			return "name: list\nonFailure: abort\nvars: {hosts: " + hosts + "}\nsteps: [{id: each, plan: r2each, forEach: vars.hosts}, {id: bad, plan: r2bad}]"
		}
		s.never("r2each")
		first := s.begin("first", document("[a, b, c]"))
		for item, status := range map[string]string{"each[0]": "SUCCESS", "each[1]": "FAIL", "each[2]": "SUCCESS"} {
			s.moves(s.hasInstance(first, item), status)
		}
		require.Equal(s.t, workflows.StatusFailed, s.ended(first).Status)
		mended := s.failing("r2bad")
		s.sim.SetScript("r2each", platformtest.Ends(platformtest.Success, 50*time.Millisecond))
		second := s.begin("second", document("[b, c, d]"), resumes(first, engine.Choices{}))
		result := s.ended(second)
		require.Equal(s.t, 2, at(result, "each[0]").Attempts, "b failed before")
		require.True(s.t, at(result, "each[1]").Resumed, "c did not")
		require.Equal(s.t, 1, at(result, "each[2]").Attempts, "d is new")
		s.executes(map[string]int{"r2each": 5})
		mended()
		result = s.ended(s.begin("third", document("[web9, c, b]"), resumes(second, engine.Choices{})))
		require.Equal(s.t, workflows.StatusSuccess, result.Status)
		require.False(s.t, at(result, "each[0]").Resumed)
		require.True(s.t, at(result, "each[2]").Resumed)
		s.executes(map[string]int{"r2each": 6})
	}},
	{"what may still run after an abort is not triggered again, and is heard of once it is adopted", []string{"r3a", "r3b"}, func(s *stack) {
		const document = "name: running\nsteps: [{id: a, plan: r3a}, {id: b, plan: r3b}]"
		s.never("r3a")
		first := s.begin("first", document)
		instance := s.hasInstance(first, "a")
		s.act(first, "abort", workflows.RunAction{By: "li"})
		require.Equal(s.t, []workflows.StillRunning{{Step: "a", InstanceID: instance}}, s.ended(first).StillRunning)
		err := s.await(s.begin("refused", document, resumes(first, engine.Choices{})), nil)
		require.ErrorContains(s.t, err, "resumeFrom[a]: the platform may still run "+instance)
		s.executes(map[string]int{"r3a": 1})

		second := s.begin("second", document, resumes(first, engine.Choices{Adopt: []string{"a"}}))
		require.Equal(s.t, instance, s.hasInstance(second, "a"))
		require.Eventually(s.t, func() bool {
			inbox, err := s.DescribeWorkflow(s.t.Context(), "dpa-inbox:plan:"+instance, "")
			return err == nil && inbox.Status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING
		}, patience, 50*time.Millisecond, "its callbacks have a place to go")
		s.moves(instance, "RUNNING")
		s.moves(instance, "SUCCESS")
		result := s.ended(second)
		require.Equal(s.t, workflows.StatusSuccess, result.Status)
		require.Equal(s.t, "callback", at(result, "a").ObservedBy)
		require.Equal(s.t, "r3a", at(result, "a").Outputs[0].Nodes[0].Result)
		s.executes(map[string]int{"r3a": 1, "r3b": 1})
	}},
	{"an adopted instance is ended by the address of its own trigger alone, however often it was adopted", []string{"r13a", "r13other"}, func(s *stack) {
		const document = "name: adopted\nonFailure: abort\nsteps: [{id: a, plan: r13a}]"
		require.Equal(s.t, workflows.StatusSuccess, s.ended(s.begin("other", "name: other\nsteps: [{id: a, plan: r13other}]")).Status)
		s.never("r13a")
		adopts := engine.Choices{Adopt: []string{"a"}}
		for i, last := range []string{"third", "0first"} { // which has the workflow id of the first
			first := s.begin(fmt.Sprint(i, "first"), document)
			instance := s.hasInstance(first, "a")
			s.act(first, "abort", workflows.RunAction{By: "li"})
			s.ended(first)
			second := s.begin(fmt.Sprint(i, "second"), document, resumes(first, adopts))
			s.hasInstance(second, "a")
			s.act(second, "abort", workflows.RunAction{By: "li"})
			s.ended(second)
			third := s.begin(strings.Replace(last, "0", strconv.Itoa(i), 1), document, resumes(second, adopts))
			s.registered(instance, third)
			s.posts(s.triggered("r13other").CallbackURL, body(signals.KindPlan, &stormRun{plan: "r13a", instance: instance}, "SUCCESS"))
			s.moves(instance, "FAIL")
			require.Equal(s.t, "FAILED", at(s.ended(third), "a").Status, "as its own address says")
		}
		s.executes(map[string]int{"r13a": 2})
	}},
	{"what may still run after a time-out is not triggered again", []string{"r4a"}, func(s *stack) {
		const document = "name: late\nonFailure: abort\nsteps: [{id: a, plan: r4a, timeout: 1m}]"
		s.never("r4a")
		first := s.begin("first", document)
		result := s.ended(first)
		require.NotEmpty(s.t, at(result, "a").InstanceID)
		err := s.await(s.begin("refused", document, resumes(first, engine.Choices{})), nil)
		require.ErrorContains(s.t, err, "resumeFrom[a]: the platform may still run")
		s.executes(map[string]int{"r4a": 1})
	}},
	{"a run that was terminated or timed out is continued", []string{"r5a", "r5b"}, func(s *stack) {
		const document = "name: closed\nsteps: [{id: a, plan: r5a}, {id: ok, approval: {message: Go on}}, {id: b, plan: r5b}]"
		for i, how := range []string{"terminated", "timed out"} {
			first := s.begin(how, document, func(options *client.StartWorkflowOptions, _ *workflows.RunbookInput) {
				if how == "timed out" {
					options.WorkflowRunTimeout = 2 * time.Minute
				}
			})
			s.is(first, "ok", workflows.StatusRunning)
			if how == "terminated" {
				require.NoError(s.t, s.TerminateWorkflow(s.t.Context(), first.GetID(), first.GetRunID(), "the test ends it"))
			}
			require.Error(s.t, s.await(first, nil))
			second := s.begin(how+"-second", document, resumes(first, engine.Choices{}))
			s.is(second, "ok", workflows.StatusRunning)
			s.act(second, "approve", workflows.StepAction{Step: "ok", By: "li"})
			require.Equal(s.t, workflows.StatusSuccess, s.ended(second).Status)
			s.executes(map[string]int{"r5a": 1 + i, "r5b": 1 + i})
		}
	}},
	{"a run that was refused before it started cannot be continued, and says so at once", []string{"r6a"}, func(s *stack) {
		first := s.begin("first", "name: wrong\nsteps: [{id: a, plan: no-such-plan}]")
		require.ErrorContains(s.t, s.await(first, nil), "InvalidInput")
		began := time.Now()
		err := s.await(s.begin("second", "name: right\nsteps: [{id: a, plan: r6a}]", resumes(first, engine.Choices{})), nil)
		require.ErrorContains(s.t, err, "is no runbook, or was refused before it started")
		require.Less(s.t, time.Since(began), time.Minute)
	}},
	{"a reset to the first task runs no nested plan twice", []string{"r7x", "r7b"}, func(s *stack) {
		first := s.begin("", "name: reset\nsteps: [{id: in, runbook: {name: inner, steps: [{id: x, plan: r7x}, {id: ok, approval: {message: Go on}}]}}, {id: b, plan: r7b}]")
		s.is(first, "in/ok", workflows.StatusRunning)
		again := s.resetTo(first, 1) // the callback is applied again, and settles it
		s.is(again, "in/ok", workflows.StatusRunning)
		s.act(again, "approve", workflows.StepAction{Step: "in/ok", By: "li"})
		require.Equal(s.t, workflows.StatusSuccess, s.ended(again).Status)
		s.executes(map[string]int{"r7x": 1, "r7b": 1})
	}},
	{"a reset applies operators' updates again that make sense then, unless they are left out", nil, func(s *stack) {
		for name, c := range map[string]struct {
			first, exclude bool
			asks           string // in the end
		}{
			"where it was asked": {asks: "more"}, "left out": {exclude: true, asks: "ok"}, "before it was asked": {first: true, asks: "ok"},
		} {
			run := s.begin(name, "name: updates\nsteps: [{id: ok, approval: {message: Go on}}, {id: more, approval: {message: Go on}}]")
			s.is(run, "ok", workflows.StatusRunning)
			s.act(run, "approve", workflows.StepAction{Step: "ok", By: "li"})
			s.is(run, "more", workflows.StatusRunning)
			var task, to int64
			for _, event := range s.history(run) {
				switch event.GetEventType() {
				case enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
					task = event.GetEventId()
				case enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
					to = task
				}
			}
			if c.first {
				to = s.tasks(run)[0]
			}
			args := []string{"workflow", "reset", "--workflow-id", run.GetID(), "--event-id", strconv.FormatInt(to, 10), "--reason", "the test goes back"}
			if c.exclude {
				args = append(args, "--reapply-exclude", "Update")
			}
			s.command(args...)
			again := s.GetWorkflow(s.t.Context(), run.GetID(), "")
			s.is(again, c.asks, workflows.StatusRunning)
			require.Equal(s.t, c.asks == "more", len(s.book(again).Actions) == 1, name)
			require.NoError(s.t, s.TerminateWorkflow(s.t.Context(), run.GetID(), "", "the test is over"))
		}
	}},
}
