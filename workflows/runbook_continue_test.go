package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
)

func (b *runbookBench) carriedOver(document string, more ...func(*RunbookInput)) (in RunbookInput, carried *Carried) {
	doc, err := runbook.Parse([]byte(document))
	require.NoError(b.t, err)
	given := RunbookInput{Document: *doc}
	for _, change := range more {
		change(&given)
	}
	b.ExecuteWorkflow("Runbook", given)
	var next *workflow.ContinueAsNewError
	require.ErrorAs(b.t, b.GetWorkflowError(), &next)
	require.NoError(b.t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in, &carried))
	return in, carried
}

func TestAResetOfARunThatWasContinuedHearsWhatItForgot(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	b.ends["p"] = []string{activities.ErrorTriggerOutcomeUnknown}
	b.RegisterDelayedCallback(func() { b.SetContinueAsNewSuggested(true) }, time.Minute)
	in, carried := b.carriedOver("name: r\nsteps: [{id: a, plan: p}, {id: w, wait: 2m, needs: []}]")
	require.Len(t, carried.Steps, 1)
	first := b.triggers[0].Trigger

	// The next run triggered a second time, by an operator's word, and was reset to before that.
	again := newRunbookBench(t)
	after := func(ctx workflow.Context, in RunbookInput, carried *Carried) (RunbookResult, error) {
		workflow.GetInfo(ctx).OriginalRunID = "the-run-that-was-reset"
		return executeRunbook(ctx, in, true, carried)
	}
	again.RegisterWorkflow(after)
	second := first
	second.Number = 2
	again.RegisterDelayedCallback(func() {
		again.SignalWorkflow(signals.SignalName(activities.TriggerKey(second)), signals.Callback{InstanceID: "in2", Status: "SUCCESS"})
	}, time.Minute)
	again.ExecuteWorkflow(after, in, carried)
	var result RunbookResult
	require.NoError(t, again.GetWorkflowError())
	require.NoError(t, again.GetWorkflowResult(&result))
	require.Equal(t, "in2", result.Steps[0].InstanceID)
}

func TestAFullRunbookGoesOnAfterAnUpdate(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	start := b.Now()
	b.RegisterDelayedCallback(func() { b.SetContinueAsNewSuggested(true) }, time.Second)
	b.after(time.Minute, "approve", StepAction{Step: "ok", By: "li"})
	b.ExecuteWorkflow("Runbook", rawJSON(`{"name": "r", "steps": [{"id": "ok", "approval": {"message": "m"}}, {"id": "a", "plan": "p"}]}`))
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, b.GetWorkflowError(), &next)
	require.WithinDuration(t, start.Add(time.Minute), b.Now(), time.Minute)
}

func TestACallbackByHandThatComesBeforeItsInstanceIsAdoptedIsCarriedOn(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	b.ends["p"] = []string{activities.ErrorTriggerOutcomeUnknown}
	b.RegisterDelayedCallback(func() {
		b.SignalWorkflow(signals.SignalName("in7"), signals.Callback{InstanceID: "in7", Status: "SUCCESS"})
	}, 30*time.Second)
	b.RegisterDelayedCallback(func() { b.SetContinueAsNewSuggested(true) }, time.Minute)
	in, carried := b.carriedOver("name: r\nsteps: [{id: a, plan: p}, {id: w, wait: 2m, needs: []}]")

	next := newRunbookBench(t)
	next.OnActivity("PlanStatus", mock.Anything, mock.Anything).Return(activities.PlanHint{Status: "RUNNING"}, nil).Maybe()
	next.after(time.Minute, "resolveTrigger", ResolveTrigger{Step: "a", Action: ActionAdopt, InstanceID: "in7"})
	next.RegisterDelayedCallback(next.CancelWorkflow, time.Hour)
	next.ExecuteWorkflow("Runbook", in, carried)
	require.NoError(t, next.GetWorkflowError())
}

func TestTheIndexedStatusIsCarriedOn(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	b.onIndex()
	b.RegisterDelayedCallback(func() { b.SetContinueAsNewSuggested(true) }, 2*time.Minute)
	b.after(time.Minute, "pause", RunAction{})
	in, carried := b.carriedOver("name: r\nsteps: [{id: x, plan: p}, {id: a, wait: 3m}, {id: c, wait: 8h}]")
	next := newRunbookBench(t)
	set := next.onIndex()
	next.after(0, "resume", RunAction{})
	next.ExecuteWorkflow("Runbook", in, carried)
	require.NoError(t, next.GetWorkflowError())
	require.NotEmpty(t, *set, "DpaStatus stays %s", carried.Urgency)
	require.Equal(t, IndexedWaiting, (*set)[len(*set)-1])
}

func TestARunThatWasResetIsLookedThroughByTheRunsThatContinueIt(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	reset := func(ctx workflow.Context, in RunbookInput) (RunbookResult, error) {
		workflow.GetInfo(ctx).OriginalRunID = "the-run-that-was-reset"
		return executeRunbook(ctx, in, true, nil)
	}
	b.RegisterWorkflow(reset)
	b.RegisterDelayedCallback(func() { b.SetContinueAsNewSuggested(true) }, time.Minute)
	doc, err := runbook.Parse([]byte("name: r\nsteps: [{id: w, wait: 2m}, {id: a, plan: p}]"))
	require.NoError(t, err)
	b.ExecuteWorkflow(reset, RunbookInput{Document: *doc})
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, b.GetWorkflowError(), &next)
	var in RunbookInput
	var carried *Carried
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in, &carried))

	again := newRunbookBench(t)
	again.ExecuteWorkflow("Runbook", in, carried)
	require.NoError(t, again.GetWorkflowError())
	require.Equal(t, []string{"default-test-run-id"}, again.triggers[0].Resets)
}

func TestCallbacksOfTriggersFromBeforeAResetAreKeptWhereTheRunContinuesAsNew(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	b.RegisterDelayedCallback(func() { b.SetContinueAsNewSuggested(true) }, time.Second)
	b.after(2*time.Second, "pause", RunAction{})
	in, carried := b.carriedOver("name: r\nsteps: [{id: a, wait: 1h}, {id: b, plan: p2}]")
	carried.Resets = []string{"reset-before"}

	b = newRunbookBench(t)
	b.RegisterDelayedCallback(func() { b.SetContinueAsNewSuggested(true) }, time.Second)
	b.RegisterDelayedCallback(func() { // of a trigger that the run sent before it was reset
		b.SignalWorkflow(signals.SignalName(execution.Key(carried.Origin, "b.1", 1, false)), signals.Callback{InstanceID: "in7", Status: "SUCCESS"})
	}, 2*time.Second)
	b.after(3*time.Second, "resume", RunAction{})
	b.ExecuteWorkflow("Runbook", in, carried)
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, b.GetWorkflowError(), &next)
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in, &carried))

	b = newRunbookBench(t)
	b.ExecuteWorkflow("Runbook", in, carried)
	require.NoError(t, b.GetWorkflowError())
	require.Empty(t, b.started, "it was triggered, and has ended")
}
