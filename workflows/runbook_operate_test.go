package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
)

func TestAnOperatorDecidesAboutAFailedStep(t *testing.T) {
	t.Parallel()
	const document = "name: r\nsteps: [{id: a, plan: p1}, {id: b, plan: p2, params: {md1: {A: \"${{ steps.a.outputs['节点'] }}\"}}}]"
	for name, test := range map[string]struct {
		argument StepAction
		failed   string
		statuses []string
		started  []string
	}{
		"retry": {StepAction{Step: "a", By: "li"}, "", []string{"SUCCESS", "SUCCESS"}, []string{"p1", "p1", "p2"}},
		"skip":  {StepAction{Step: "a", By: "li", Outputs: map[string]string{"节点": "by hand"}}, "", []string{"SKIPPED", "SUCCESS"}, []string{"p1", "p2"}},
		"abort": {StepAction{}, ErrorRunbookAborted, []string{"FAILED", "SKIPPED"}, []string{"p1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRunbookBench(t)
			b.ends["p1"] = []string{"FAIL"}
			b.RegisterDelayedCallback(func() {
				var now RunbookResult
				answer, err := b.QueryWorkflow("status")
				require.NoError(t, err)
				require.NoError(t, answer.Get(&now))
				require.Equal(t, StatusPaused, now.Status)
				require.Equal(t, StatusPaused, now.Steps[0].Status)
				require.Equal(t, StatusWaiting, now.Steps[1].Status)
			}, time.Minute)
			if name == "abort" {
				b.after(time.Hour, "abort", RunAction{By: "li", Comment: "enough"})
			} else {
				b.after(time.Hour, name, test.argument)
			}
			result, failed := b.run(document)
			require.Equal(t, test.failed, failed)
			require.Equal(t, test.statuses, statuses(result))
			require.Equal(t, test.started, b.started)
			require.Len(t, result.Actions, 1)
			require.Equal(t, "li", result.Actions[0].By)
			if name == "skip" {
				require.Equal(t, "by hand", b.triggers[1].Params["md1"]["A"].Text)
			}
		})
	}
}

func TestAnOperatorSaysHowAStepEndedThatHasGivenUp(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	b.ends["p"] = []string{"NONE"}
	b.OnActivity("PlanStatus", mock.Anything, mock.Anything).Return(activities.PlanHint{Status: "RUNNING"}, nil)
	b.after(2*time.Hour, "resolveRun", ResolveRun{Step: "a", Status: "SUCCESS", By: "li"})
	result, failed := b.run("name: r\nsteps: [{id: a, plan: p, timeout: 1h}]")
	require.Empty(t, failed)
	require.Equal(t, ObservedByOperator, result.Steps[0].ObservedBy)
	require.Len(t, result.Steps[0].Outputs, 1)
	require.Len(t, b.started, 1)
}

func TestAnApprovalWantsItsQuorumOfItsApprovers(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: abort\nsteps:\n - {id: ok, approval: {message: Sure, approvers: [zhang, li, wang], quorum: 2, timeout: 1h, onTimeout: %T%}}\n - {id: a, plan: p}"
	t.Run("two of three approve", func(t *testing.T) {
		t.Parallel()
		b := newRunbookBench(t)
		b.after(time.Minute, "approve", StepAction{Step: "ok", By: "zhang"})
		for delay, argument := range map[time.Duration]StepAction{
			2 * time.Minute: {Step: "ok", By: "zhang"}, 3 * time.Minute: {Step: "ok", By: "nobody"}, 4 * time.Minute: {Step: "a", By: "li"},
		} {
			b.update(delay, "approve", argument, func(rejected, _ error) { require.Error(t, rejected) })
		}
		b.after(5*time.Minute, "approve", StepAction{Step: "ok", By: "li"})
		result, failed := b.run(replace(document, "%T%", "reject"))
		require.Empty(t, failed)
		require.Equal(t, []string{"zhang", "li"}, result.Steps[0].Approvals)
		require.Len(t, result.Actions, 2, "refused updates leave no trace")
	})
	t.Run("one rejects", func(t *testing.T) {
		t.Parallel()
		b := newRunbookBench(t)
		b.after(time.Minute, "reject", StepAction{Step: "ok", By: "li"})
		result, failed := b.run(replace(document, "%T%", "approve"))
		require.Equal(t, ErrorRunbookFailed, failed)
		require.Equal(t, []string{"FAILED", "SKIPPED"}, statuses(result))
	})
	for onTimeout, want := range map[string]string{"reject": "FAILED", "approve": "SUCCESS"} {
		t.Run("nobody answers: "+onTimeout, func(t *testing.T) {
			t.Parallel()
			b := newRunbookBench(t)
			result, _ := b.run(replace(document, "%T%", onTimeout))
			require.Equal(t, want, result.Steps[0].Status)
		})
	}
}

func TestPauseStepByStepAndResume(t *testing.T) {
	t.Parallel()
	t.Run("step by step", func(t *testing.T) {
		t.Parallel()
		b := newRunbookBench(t)
		for i := range 2 {
			b.RegisterDelayedCallback(func() { require.Len(t, b.started, i) }, time.Duration(i+1)*time.Hour-time.Minute)
			b.after(time.Duration(i+1)*time.Hour, "resume", RunAction{By: "li"})
		}
		result, failed := b.run("name: r\nsteps: [{id: a, plan: p1}, {id: b, plan: p2}]", func(in *RunbookInput) { in.StepByStep = true })
		require.Empty(t, failed)
		require.Equal(t, []string{"SUCCESS", "SUCCESS"}, statuses(result))
	})
	t.Run("pause", func(t *testing.T) {
		t.Parallel()
		b := newRunbookBench(t)
		b.after(time.Second, "pause", RunAction{By: "li"})
		b.RegisterDelayedCallback(func() { require.Len(t, b.started, 1) }, time.Hour-time.Minute)
		b.after(time.Hour, "resume", RunAction{By: "li"})
		_, failed := b.run("name: r\nsteps: [{id: a, plan: p1}, {id: b, plan: p2}]")
		require.Empty(t, failed)
		require.Len(t, b.started, 2)
	})
}

func TestAnAbortNamesWhatStillRunsOnThePlatform(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"abort", "cancel"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := newRunbookBench(t)
			b.ends["p1"] = []string{"NONE"}
			want := ErrorRunbookAborted
			if how == "abort" {
				b.after(time.Minute, "abort", RunAction{By: "li", Comment: "enough"})
			} else {
				b.RegisterDelayedCallback(b.CancelWorkflow, time.Minute)
				want = "Canceled"
			}
			result, failed := b.run("name: r\nsteps: [{id: a, plan: p1}, {id: b, plan: p2}]")
			require.Equal(t, want, failed)
			require.Equal(t, []string{"ABORTED", "SKIPPED"}, statuses(result))
			require.Equal(t, []StillRunning{{Step: "a", InstanceID: "p1-a"}}, result.StillRunning)
		})
	}
}

func TestWhatSucceededAndCouldNotBeReadIsNotTriggeredAgainWithoutAWord(t *testing.T) {
	t.Parallel()
	plain := newBench(t)
	b := &runbookBench{bench: plain}
	b.onTrigger(triggered("in1"))
	b.OnActivity("DpaPreflight", mock.Anything, mock.Anything).Return(runbook.Faults{}, nil)
	unread := true
	b.OnActivity("PlanOutputs", mock.Anything, mock.Anything).Return(func(context.Context, activities.PlanInstance) ([]activities.ModelOutputs, error) {
		if unread {
			return nil, temporal.NewNonRetryableApplicationError("the outputs are gone", activities.ErrorPlatform, nil)
		}
		return []activities.ModelOutputs{{ModelID: "md1"}}, nil
	})
	b.call(time.Second, "in1", "SUCCESS")
	b.update(time.Minute, "retry", StepAction{Step: "a", By: "li"}, func(rejected, _ error) {
		require.ErrorContains(t, rejected, "may still run a in1")
		unread = false
	})
	b.after(2*time.Minute, "resolveRun", ResolveRun{Step: "a", Status: "SUCCESS", By: "li"})
	result, failed := b.run("name: r\nsteps: [{id: a, plan: p}]")
	require.Empty(t, failed)
	require.Equal(t, 1, result.Steps[0].Attempts)
	require.Len(t, b.triggers, 1)
	require.Empty(t, result.StillRunning)
}

func TestAModelThatIsBusyIsNotTriggeredAnymoreOnceTheRunbookEnds(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	b.ends["p2"] = []string{"FAIL"}
	b.onModelTrigger(busy)
	result, failed := b.run("name: r\nonFailure: rollback\nsteps:\n - {id: a, plan: p1, rollback: {plan: u}}\n - {id: m, model: md1, needs: [a]}\n - {id: b, plan: p2, needs: [a]}")
	require.Equal(t, ErrorRunbookFailed, failed)
	require.Equal(t, []string{"SUCCESS", "ABORTED", "FAILED"}, statuses(result))
	require.Less(t, result.FinishedAt.Sub(result.StartedAt), time.Minute, "nobody waits for it to be idle")
	require.Equal(t, []string{"p1", "p2", "u"}, b.started)
	require.Empty(t, result.StillRunning)
}

func TestACallbackThatContradictsTheEndOfAStepIsNoted(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	for after := range 2 { // the platform repeats what it has told
		b.RegisterDelayedCallback(func() {
			for _, status := range []string{"SUCCESS", "FAIL"} {
				b.SignalWorkflow(signals.SignalName(activities.TriggerKey(b.triggers[0].Trigger)), signals.Callback{InstanceID: "p1-a", Status: status})
			}
		}, time.Duration(after+1)*time.Hour)
	}
	b.RegisterDelayedCallback(func() {
		var now RunbookResult
		answer, err := b.QueryWorkflow("status")
		require.NoError(t, err)
		require.NoError(t, answer.Get(&now))
		require.Len(t, now.Notes, 1, "while the runbook goes on")
	}, 3*time.Hour)
	b.after(4*time.Hour, "approve", StepAction{Step: "ok", By: "li"})
	result, failed := b.run("name: r\nsteps: [{id: a, plan: p1}, {id: ok, approval: {message: Sure}}]")
	require.Empty(t, failed)
	require.Equal(t, "SUCCESS", result.Steps[0].Status, "the first end stands")
	require.Len(t, result.Notes, 1)
	require.Equal(t, "a", result.Notes[0].Step)
	require.Contains(t, result.Notes[0].Text, "FAIL after the end SUCCESS")
	require.Contains(t, runbookMarkdown(result, b.Now()), result.Notes[0].Text)
}
