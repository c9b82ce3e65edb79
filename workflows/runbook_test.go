package workflows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
)

func TestStepsRunInTheirOrderAndPassOutputsOn(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	result, failed := b.run(`
name: order
vars: {site: standby}
steps:
  - {id: first, plan: p1}
  - {id: second, plan: p2, params: {md1: {FROM: "${{ steps.first.outputs['节点'] }}", SITE: "to ${{ vars.site }}"}}}
  - {id: side, needs: [first], plan: p3}
  - {id: last, needs: [second, side], wait: 10m}
`)
	require.Empty(t, failed)
	require.Equal(t, StatusSuccess, result.Status)
	require.Equal(t, []string{"SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"}, statuses(result))
	require.Equal(t, "p1", b.started[0])
	require.ElementsMatch(t, []string{"p2", "p3"}, b.started[1:])
	require.Equal(t, 2, b.most, "the two in the middle run side by side")
	for _, trigger := range b.triggers {
		if trigger.PlanID == "p2" {
			require.Equal(t, activities.Params{"FROM": runbook.Text("p1"), "SITE": runbook.Text("to standby")}, trigger.Params["md1"])
		}
		require.True(t, trigger.Checked, "by the runbook's own preflight")
	}
	require.Equal(t, "p1-first", result.Steps[0].InstanceID)
	require.Equal(t, 1, result.Steps[0].Attempts)
	require.Equal(t, 10*time.Minute, result.Steps[3].FinishedAt.Sub(*result.Steps[3].StartedAt))
}

func TestMaxParallelBoundsWhatRunsSideBySide(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	result, _ := b.run(`
name: parallel
maxParallel: 2
steps:
  - {id: a, plan: p, needs: []}
  - {id: b, plan: p, needs: []}
  - {id: c, plan: p, needs: []}
  - {id: d, plan: p, needs: []}
  - {id: each, needs: [a, b, c, d], plan: q, forEach: "[1, 2, 3, 4, 5]", maxParallel: 3}
`)
	require.Equal(t, StatusSuccess, result.Status)
	require.Len(t, b.started, 9)
	require.Equal(t, 2, b.most, "every plan counts, items too")
}

func TestAStepWhoseConditionIsFalseIsSkippedAndCountsAsSuccess(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	result, failed := b.run(`
name: conditions
steps:
  - {id: a, plan: p1}
  - {id: b, plan: p2, when: "steps.a.outputs['节点'] == 'other'"}
  - {id: c, plan: p3}
  - {id: never, plan: p4, needs: [{step: c, on: failure}]}
`)
	require.Empty(t, failed)
	require.Equal(t, []string{"SUCCESS", "SKIPPED", "SUCCESS", "SKIPPED"}, statuses(result))
	require.Equal(t, []string{"p1", "p3"}, b.started)
}

func TestAFailurePolicyDecidesWhatBecomesOfTheRunbook(t *testing.T) {
	t.Parallel()
	const document = `
name: policies
onFailure: %POLICY%
steps:
  - {id: a, plan: p1, rollback: {plan: undo1}}
  - {id: b, plan: p2, rollback: {plan: undo2}}
  - {id: bad, plan: p3, rollback: {plan: undo3}}
  - {id: after, plan: p4}
`
	for policy, test := range map[string]struct {
		failed   string
		statuses []string
		started  []string
	}{
		"abort":    {ErrorRunbookFailed, []string{"SUCCESS", "SUCCESS", "FAILED", "SKIPPED"}, []string{"p1", "p2", "p3"}},
		"rollback": {ErrorRunbookFailed, []string{"SUCCESS", "SUCCESS", "FAILED", "SKIPPED"}, []string{"p1", "p2", "p3", "undo2", "undo1"}},
		"continue": {"", []string{"SUCCESS", "SUCCESS", "FAILED", "SUCCESS"}, []string{"p1", "p2", "p3", "p4"}},
	} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			b := newRunbookBench(t)
			b.ends["p3"] = []string{"FAIL"}
			result, failed := b.run(replace(document, "%POLICY%", policy))
			require.Equal(t, test.failed, failed)
			require.Equal(t, test.statuses, statuses(result))
			require.Equal(t, test.started, b.started)
			if policy == "rollback" {
				require.Equal(t, StatusSuccess, result.Steps[0].Rollback.Status)
			}
		})
	}
}

func TestADefiniteFailureIsTriedAfreshAndAnUnknownOneNever(t *testing.T) {
	t.Parallel()
	t.Run("a definite failure", func(t *testing.T) {
		t.Parallel()
		b := newRunbookBench(t)
		b.ends["p"] = []string{"FAIL", "FAIL"}
		result, failed := b.run("name: r\nsteps: [{id: a, plan: p, retries: 2}]")
		require.Empty(t, failed)
		require.Equal(t, 3, result.Steps[0].Attempts)
	})
	t.Run("an unknown one", func(t *testing.T) {
		t.Parallel()
		b := newRunbookBench(t)
		b.ends["p"] = []string{activities.ErrorTriggerOutcomeUnknown}
		result, failed := b.run("name: r\nonFailure: abort\nsteps: [{id: a, plan: p, retries: 2, onUnknown: fail}]")
		require.Equal(t, ErrorRunbookFailed, failed)
		require.Equal(t, 1, result.Steps[0].Attempts)
		require.Len(t, b.started, 1)
	})
}

func TestAForEachFailsWithMoreFailuresThanAllowed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fails []string
		max   string
		want  string
	}{
		"as many as allowed": {[]string{"FAIL"}, "1", "SUCCESS"}, "one more": {[]string{"FAIL", "FAIL"}, "1", "FAILED"},
		"a share": {[]string{"FAIL", "FAIL"}, `"50%"`, "SUCCESS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRunbookBench(t)
			b.ends["p"] = test.fails
			result, _ := b.run("name: r\nonFailure: abort\nvars: {hosts: [web1, web2, web3, web4]}\nsteps:\n" +
				" - {id: a, plan: p, forEach: vars.hosts, maxFailures: " + test.max + ", params: {md1: {HOST: \"${{ item }}\", N: \"${{ index }}\"}}}")
			require.Equal(t, test.want, result.Steps[0].Status)
			require.Len(t, result.Steps[0].Items, 4)
			for _, trigger := range b.triggers { // they are triggered side by side, in any order
				index := slices.Index([]string{"web1", "web2", "web3", "web4"}, trigger.Params["md1"]["HOST"].Text)
				require.Equal(t, strconv.Itoa(index), trigger.Params["md1"]["N"].Text)
			}
		})
	}
}

func TestAResumedRunbookDoesNotRunAgainWhatHadSucceeded(t *testing.T) {
	t.Parallel()
	finished := time.Now()
	earlier := RunbookResult{Name: "r", Status: StatusFailed, FinishedAt: &finished, Steps: []StepResult{
		{ID: "a", Execution: engine.Execution{
			Status: StatusSuccess, InstanceID: "in1", Outputs: []activities.ModelOutputs{{ModelID: "md1", Nodes: []activities.NodeOutput{{Name: "节点", Result: "kept"}}}},
		}},
		{ID: "b", Execution: engine.Execution{Status: StatusFailed}},
	}}
	data, err := json.Marshal(earlier)
	require.NoError(t, err)
	b := newRunbookBench(t)
	b.OnActivity("DpaEarlierRunbook", mock.Anything, activities.EarlierRun{WorkflowID: "old"}).Return(json.RawMessage(data), nil)
	result, failed := b.run("name: r\nsteps: [{id: a, plan: p1}, {id: b, plan: p2, params: {md1: {A: \"${{ steps.a.outputs['节点'] }}\"}}}]",
		func(in *RunbookInput) {
			in.ResumeFrom = &ResumeFrom{WorkflowID: "old", Choices: engine.Choices{Keep: []string{"a"}}}
		})
	require.Empty(t, failed)
	require.Equal(t, []string{"p2"}, b.started)
	require.True(t, result.Steps[0].Resumed)
	require.Equal(t, "kept", b.triggers[0].Params["md1"]["A"].Text)
}

func TestADryRunTriggersNothingAndReportsEveryFinding(t *testing.T) {
	t.Parallel()
	dry := func(in *RunbookInput) { in.DryRun = true }
	b := newRunbookBench(t)
	result, failed := b.run("name: r\nvars: {site: x}\nsteps: [{id: a, plan: p1, params: {md1: {S: \"${{ vars.site }}\"}}}, {id: b, wait: 1h}]", dry)
	require.Empty(t, failed)
	require.Equal(t, []string{"PLANNED", "PLANNED"}, statuses(result))
	require.Empty(t, b.started)

	found := newBench(t)
	found.OnActivity("DpaPreflight", mock.Anything, mock.Anything).Return(runbook.Faults{{Path: "steps[0].plan", Problem: "none"}, {Path: "steps[1].model", Problem: "busy"}}, nil)
	_, failed = (&runbookBench{bench: found}).run("name: r\nsteps: [{id: a, plan: p1}, {id: b, model: md1}]", dry)
	require.Equal(t, activities.ErrorInvalidInput, failed)
}

func TestADryRunOfAResumeShowsWhatIsDoneAndWhatHasToBeDecided(t *testing.T) {
	t.Parallel()
	resumed := func(preflight runbook.Faults) *runbookBench {
		b := &runbookBench{bench: newBench(t), ends: map[string][]string{}}
		b.OnActivity("DpaPreflight", mock.Anything, mock.Anything).Return(preflight, nil)
		b.OnActivity("DpaEarlierRunbook", mock.Anything, mock.Anything).Return(json.RawMessage(
			`{"name": "r", "status": "ABORTED", "steps": [{"id": "a", "status": "SUCCESS", "planId": "p1", "attempts": 1},
			{"id": "b", "status": "ABORTED", "instanceId": "in7", "mayRun": true}]}`), nil)
		return b
	}
	const document = "name: r\nsteps: [{id: a, plan: p1}, {id: b, plan: p2}, {id: c, plan: p3}]"
	dry := func(choices engine.Choices) func(*RunbookInput) {
		return func(in *RunbookInput) {
			in.DryRun, in.ResumeFrom = true, &ResumeFrom{WorkflowID: "earlier", Choices: choices}
		}
	}
	result, failed := resumed(nil).run(document, dry(engine.Choices{Keep: []string{"a"}, Rerun: []string{"b"}}))
	require.Empty(t, failed)
	require.Equal(t, []string{"SUCCESS", "PLANNED", "PLANNED"}, statuses(result))

	refused := resumed(runbook.Faults{{Path: "steps[2].plan", Problem: "none"}})
	_, failed = refused.run(document, dry(engine.Choices{Keep: []string{"a"}}))
	require.Equal(t, activities.ErrorInvalidInput, failed)
	require.ErrorContains(t, refused.GetWorkflowError(), "in7")
	require.ErrorContains(t, refused.GetWorkflowError(), "steps[2].plan", "all at once")
}

func TestADocumentWithManyMistakesStartsNothingAndNamesThemAll(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	b.ExecuteWorkflow("Runbook", rawJSON(`{"name":"","extra":1,"maxParallel":-1,"onFailure":"hope","steps":[
		{"id":"a","plan":"p","model":"m"},{"id":"a","wait":"soon"},{"id":"b","plan":"p","needs":["zzz"]},
		{"id":"c","plan":"p","when":"steps.nope.status == 'SUCCESS'"},{"id":"d","plan":"p","params":{"md1":{"X":"${{ 1 + }}"}}},{"id":"e"}]}`))
	var faults runbook.Faults
	failed := failure(t, b.GetWorkflowError(), &faults)
	require.Equal(t, activities.ErrorInvalidInput, failed.Type())
	require.GreaterOrEqual(t, len(faults), 10, "%v", faults)
	require.Empty(t, b.started)
}

func TestARollbackOfANestedRunbookRunsOnceHoweverManyStepsItHas(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	b.ends["bad"] = []string{"FAIL"}
	result, failed := b.run(`
name: r
onFailure: rollback
steps:
  - {id: a, rollback: {plan: undo}, runbook: {name: inner, steps: [{id: x, wait: 1s}, {id: y, wait: 1s}]}}
  - {id: b, plan: bad}
`)
	require.Equal(t, ErrorRunbookFailed, failed)
	require.Equal(t, StatusSuccess, result.Steps[0].Rollback.Status)
	require.Equal(t, []string{"bad", "undo"}, b.started)
}

func TestARunbookWithMoreRunsThanItsResultCanHoldIsRefused(t *testing.T) {
	t.Parallel()
	steps := make([]runbook.Step, 0, 12)
	for i := range 12 {
		steps = append(steps, runbook.Nest(fmt.Sprintf("n%d", i), runbook.New("inner", waits(900)...)))
	}
	doc := runbook.New("big")
	doc.Steps = steps
	b := newRunbookBench(t)
	b.ExecuteWorkflow("Runbook", RunbookInput{Document: *doc})
	failed := failure(t, b.GetWorkflowError(), nil)
	require.Equal(t, activities.ErrorInvalidInput, failed.Type())
	require.Contains(t, failed.Message(), "10812 runs are more than the 10000")
	require.Empty(t, b.started)
}

func waits(n int) (steps []runbook.Part) {
	for i := range n {
		steps = append(steps, runbook.Wait(fmt.Sprintf("s%d", i), runbook.Duration(time.Second)))
	}
	return steps
}
