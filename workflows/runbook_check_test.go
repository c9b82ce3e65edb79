package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
)

func TestARunbookThatIsCancelledDuringItsPreflightEndsAsCancelled(t *testing.T) {
	t.Parallel()
	plain := newBench(t)
	plain.OnActivity("DpaPreflight", mock.Anything, mock.Anything).Return(func(ctx context.Context, _ activities.PreflightInput) (runbook.Faults, error) {
		plain.RegisterDelayedCallback(plain.CancelWorkflow, 0)
		return nil, temporal.NewApplicationError("not now", activities.ErrorPlatform)
	})
	result, failed := (&runbookBench{bench: plain}).run("name: r\nsteps: [{id: a, plan: p}]")
	require.Equal(t, "Canceled", failed)
	require.Equal(t, StatusCancelled, result.Status)
	require.Equal(t, []string{StatusAborted}, statuses(result), "its status is there all the same")
}

func TestWhatCannotBeResumedIsRefused(t *testing.T) {
	t.Parallel()
	for given, c := range map[string]struct{ state, want string }{
		`{"workflowId": "old", "skip": ["a"]}`: {want: "skip: there is no such field"},
		`{"runId": "1"}`:                       {want: "must name the workflow id of an earlier run"},
		`"a-plan"`:                             {`{"planId": "p", "instanceId": "in1", "status": "SUCCESS"}`, `run "a-plan" is no runbook, or was refused`},
		`"refused"`:                            {`[{"path": "steps[0]", "problem": "id is missing"}]`, `run "refused" is no runbook, or was refused`},
		`"other"`:                              {`{"name": "o", "steps": [{"id": "z", "status": "SUCCESS"}]}`, "has no step in common"},
		`"large"`:                              {`{"name": "r", "cut": "the result was too large, and is without its 900 steps"}`, "without its 900 steps"},
		`{"workflowId": "own", "adopt": ["nobody"]}`: {`{"name": "r", "steps": [{"id": "a", "status": "FAILED"}]}`, "resumeFrom[nobody]: there is nothing of that name"},
	} {
		b := newRunbookBench(t)
		b.OnActivity("DpaEarlierRunbook", mock.Anything, mock.Anything).Return(json.RawMessage(c.state), nil).Maybe()
		b.ExecuteWorkflow("Runbook", rawJSON(`{"name": "r", "steps": [{"id": "a", "plan": "p"}], "resumeFrom": `+given+`}`))
		failed := failure(t, b.GetWorkflowError(), nil)
		require.Equal(t, activities.ErrorInvalidInput, failed.Type(), given)
		require.Contains(t, failed.Message(), c.want, given)
		require.Empty(t, b.started)
	}
}

func TestAnApprovalBeforeTheFirstTriggerIsFoundToo(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	set := b.onIndex()
	b.after(time.Minute, "approve", StepAction{Step: "ok", By: "li"})
	_, failed := b.run("name: r\nsteps: [{id: ok, approval: {message: m}}, {id: a, plan: p}]")
	require.Empty(t, failed)
	require.Equal(t, []string{IndexedApproval, IndexedWaiting}, *set)
}

func TestCallbacksOfAnAdoptedInstanceComeAlsoWhereTheRunHasTheIDOfTheOneBefore(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	b.OnActivity("DpaRegisterInstance", mock.Anything, mock.Anything).Return(nil).Maybe()
	b.OnActivity("DpaEarlierRunbook", mock.Anything, mock.Anything).Return(json.RawMessage(
		`{"name": "r", "status": "ABORTED", "steps": [{"id": "b", "status": "ABORTED", "instanceId": "in7", "mayRun": true}]}`), nil)
	for after, status := range map[time.Duration]string{time.Second: "RUNNING", 2 * time.Second: "SUCCESS"} { // before b has begun
		b.RegisterDelayedCallback(func() {
			b.SignalWorkflow(signals.SignalName("11111111-2222-3333-4444-555555555555.0123456789abcdef"), signals.Callback{InstanceID: "in7", Status: status})
		}, after)
	}
	result, failed := b.run("name: r\nsteps: [{id: a, plan: p1}, {id: b, plan: p2}]", func(in *RunbookInput) {
		in.ResumeFrom = &ResumeFrom{WorkflowID: "default-test-workflow-id", RunID: "1", Choices: engine.Choices{Adopt: []string{"b"}}}
	})
	require.Empty(t, failed)
	require.Equal(t, []string{"p1"}, b.started)
	require.Equal(t, "callback", result.Steps[1].ObservedBy)
}

func TestCallbacksOfAnInstanceThatIsAdoptedLaterAreKeptWhereTheRunContinuesAsNew(t *testing.T) {
	t.Parallel()
	earlier := func(b *runbookBench) {
		b.OnActivity("DpaRegisterInstance", mock.Anything, mock.Anything).Return(nil).Maybe()
		b.OnActivity("DpaEarlierRunbook", mock.Anything, mock.Anything).Return(json.RawMessage(
			`{"name": "r", "status": "ABORTED", "steps": [{"id": "b", "status": "ABORTED", "instanceId": "in7", "mayRun": true}]}`), nil).Maybe()
	}
	b := newRunbookBench(t)
	earlier(b)
	b.RegisterDelayedCallback(func() { b.SetContinueAsNewSuggested(true) }, time.Second)
	b.RegisterDelayedCallback(func() {
		b.SignalWorkflow(signals.SignalName("11111111-2222-3333-4444-555555555555.0123456789abcdef"), signals.Callback{InstanceID: "in7", Status: "SUCCESS"})
	}, 2*time.Second)
	doc, err := runbook.Parse([]byte("name: r\nsteps: [{id: a, wait: 1h}, {id: b, plan: p2}]"))
	require.NoError(t, err)
	b.ExecuteWorkflow("Runbook", RunbookInput{Document: *doc, ResumeFrom: &ResumeFrom{
		WorkflowID: "default-test-workflow-id", RunID: "1", Choices: engine.Choices{Adopt: []string{"b"}}}})
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, b.GetWorkflowError(), &next)
	var in RunbookInput
	var carried *Carried
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in, &carried))

	b = newRunbookBench(t)
	earlier(b)
	b.ExecuteWorkflow("Runbook", in, carried)
	var result RunbookResult
	require.NoError(t, b.GetWorkflowError())
	require.NoError(t, b.GetWorkflowResult(&result))
	require.Empty(t, b.started)
	require.Equal(t, "callback", result.Steps[1].ObservedBy)
}

func TestACallbackByHandFindsAnAdoptedInstanceWhoseIDHasAPoint(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	b.ends["p1"] = []string{"NONE"}
	b.OnActivity("DpaRegisterInstance", mock.Anything, mock.Anything).Return(nil).Maybe()
	b.OnActivity("PlanStatus", mock.Anything, mock.Anything).Return(activities.PlanHint{Status: "RUNNING"}, nil).Maybe()
	b.OnActivity("DpaEarlierRunbook", mock.Anything, mock.Anything).Return(json.RawMessage(
		`{"name": "r", "status": "ABORTED", "steps": [{"id": "b", "status": "ABORTED", "instanceId": "in.7", "mayRun": true}]}`), nil)
	b.RegisterDelayedCallback(func() {
		b.SignalWorkflow(signals.SignalName("in.7"), signals.Callback{InstanceID: "in.7", Status: "SUCCESS"})
	}, time.Minute)
	result, failed := b.run("name: r\nsteps: [{id: b, plan: p2}]", func(in *RunbookInput) {
		in.ResumeFrom = &ResumeFrom{WorkflowID: "another", RunID: "1", Choices: engine.Choices{Adopt: []string{"b"}}}
		in.Timeout = runbook.Duration(2 * time.Hour)
	})
	require.Empty(t, failed)
	require.Equal(t, "callback", result.Steps[0].ObservedBy)
}

func TestAnAbortEndsARunbookThatIsBeingChecked(t *testing.T) {
	t.Parallel()
	for _, dryRun := range []bool{false, true} {
		plain := newBench(t)
		plain.OnActivity("DpaPreflight", mock.Anything, mock.Anything).Return(runbook.Faults(nil),
			temporal.NewApplicationError("not now", activities.ErrorPlatform))
		answered := false
		plain.update(time.Minute, "abort", RunAction{By: "li"}, func(rejected, err error) { answered = true; require.NoError(t, errors.Join(rejected, err)) })
		_, failed := (&runbookBench{bench: plain}).run("name: r\nsteps: [{id: a, plan: p}]", func(in *RunbookInput) { in.DryRun = dryRun })
		require.True(t, answered)
		require.Equal(t, ErrorRunbookAborted, failed)
	}
}
