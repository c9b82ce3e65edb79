package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/lock"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// silent are plans without inputs that end when the test calls back.
func silent(ids ...string) (c platformtest.Catalogue) {
	for _, id := range ids {
		c.Plans = append(c.Plans, platformtest.Plan{ID: id, Title: id, Script: platformtest.Script{NoCallbacks: true}})
	}
	return c
}

// guarded is a runbook of one plan under a lock of the test's own.
func (s *stack) guarded(id, plan, onBusy string) client.WorkflowRun {
	return s.runbook(s.queue+"-"+id, `
name: `+id+`
onFailure: abort
vars: {site: `+s.queue+`}
lock: {name: "core-${{ vars.site }}", onBusy: `+onBusy+`}
steps:
  - {id: switch, plan: `+plan+`}
`)
}

// waitsBehind waits until a run is shown who has its lock.
func (s *stack) waitsBehind(run, holder client.WorkflowRun) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		result := s.book(run)
		return result.Phase == engine.PhaseLocked && result.Lock.By != nil && result.Lock.By.WorkflowID == holder.GetID()
	}, patience, 100*time.Millisecond, "%s waits behind %s: %+v", run.GetID(), holder.GetID(), s.book(run).Lock)
}

// runs waits until the platform runs a plan, and returns the instance.
func (s *stack) runs(run client.WorkflowRun, step int) (instance string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		result := s.book(run)
		instance = result.Steps[step].InstanceID
		return instance != ""
	}, patience, 100*time.Millisecond)
	return instance
}

func TestRunbooksWithOneLockRunOneAfterTheOtherInTheOrderThatTheyAsked(t *testing.T) {
	t.Parallel()
	s := newStack(t, silent("a", "b", "c"))
	first := s.guarded("first", "a", "wait")
	running := s.runs(first, 0)
	second := s.guarded("second", "b", "wait")
	s.waitsBehind(second, first)
	third := s.guarded("third", "c", "wait")
	s.waitsBehind(third, first)
	require.Equal(t, 2, s.book(third).Lock.Ahead)
	require.Empty(t, s.book(third).WaitsFor, "nobody needs to do anything")
	stdout, stderr, code := s.starter("status", third.GetID())
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "waits for lock core-"+s.queue+", held by runbook first of run "+first.GetID())

	refused := s.guarded("impatient", "a", "fail")
	require.Contains(t, s.failed(refused, workflows.ErrorRunbookFailed).Reason, "is held by runbook first of run "+first.GetID())
	given := s.guarded("aborted", "a", "wait")
	s.waitsBehind(given, first)
	require.NoError(t, s.CancelWorkflow(t.Context(), given.GetID(), ""))
	require.Error(t, s.await(given, nil))

	s.killWorker()
	s.callsBack(running, platformtest.Success)
	require.NoError(t, s.await(first, nil))
	running = s.runs(second, 0)
	s.waitsBehind(third, second)
	s.callsBack(running, platformtest.Success)
	require.NoError(t, s.await(second, nil))
	s.callsBack(s.runs(third, 0), platformtest.Success)
	require.NoError(t, s.await(third, nil))
	require.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1}, s.ran())
	require.NoError(t, s.await(s.GetWorkflow(t.Context(), lock.ID("core-"+s.queue), ""), nil), "nobody has it: nothing is left of it")
}

func TestTheLockOfATerminatedRunbookIsFreeAndTheNextHolderIsShownWhatItLeft(t *testing.T) {
	t.Parallel()
	s := newStack(t, silent("a", "b"))
	first := s.guarded("first", "a", "wait")
	running := s.runs(first, 0)
	second := s.guarded("second", "b", "wait")
	s.waitsBehind(second, first)
	require.NoError(t, s.TerminateWorkflow(t.Context(), first.GetID(), "", "a power cut"))
	instance := s.runs(second, 0)
	notes := s.book(second).Notes
	require.Len(t, notes, 1)
	require.Contains(t, notes[0].Text, "step switch, "+running+", of workflow "+first.GetID())
	s.callsBack(instance, platformtest.Success)
	require.NoError(t, s.await(second, nil))

	// Nobody waits while the next one is terminated: whoever asks then finds the lock free.
	third := s.guarded("third", "a", "wait")
	running = s.runs(third, 0)
	require.NoError(t, s.TerminateWorkflow(t.Context(), third.GetID(), "", "a power cut"))
	fourth := s.guarded("fourth", "b", "fail")
	s.callsBack(s.runs(fourth, 0), platformtest.Success)
	require.NoError(t, s.await(fourth, nil))
	require.Contains(t, s.book(fourth).Notes[0].Text, running)
}

func TestAResetBreaksNoLock(t *testing.T) {
	t.Parallel()
	s := newStack(t, silent("a", "b"))
	first := s.guarded("first", "a", "wait")
	running := s.runs(first, 0)
	second := s.guarded("second", "b", "wait")
	s.waitsBehind(second, first)
	first = s.resetTo(first, len(s.tasks(first))) // where it has the lock, and runs its plan
	second = s.resetTo(second, 1)                 // before it asked
	s.waitsBehind(second, first)
	s.callsBack(running, platformtest.Success)
	require.NoError(t, s.await(first, nil))
	instance := s.runs(second, 0)

	s.callsBack(instance, platformtest.Success)
	require.NoError(t, s.await(second, nil))
	require.Equal(t, map[string]int{"a": 1, "b": 1}, s.ran(), "nothing runs twice")
}

const twoSteps = `
name: two
onFailure: abort
lock: {name: QUEUE}
steps:
  - {id: confirm, approval: {message: "Go?"}}
  - {id: switch, plan: a}
`

func TestARunThatIsResetToWhereItHadALockWaitsForItAgain(t *testing.T) {
	t.Parallel()
	s := newStack(t, silent("a", "b"))
	name := "core-" + s.queue
	first := s.runbook(s.queue+"-first", strings.Replace(twoSteps, "QUEUE", name, 1))
	s.stands(first, 0, workflows.StatusRunning)
	asked := len(s.tasks(first))
	s.acts(first, "abort", workflows.RunAction{By: "li"})
	s.failed(first, workflows.ErrorRunbookAborted)

	second := s.guarded("second", "b", "wait")
	instance := s.runs(second, 0)
	first = s.resetTo(first, asked, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE)
	s.stands(first, 0, workflows.StatusRunning)
	require.Equal(t, engine.LockHeld, s.book(first).Lock.Status, "it thinks so")
	s.acts(first, "approve", workflows.StepAction{Step: "confirm", By: "zhang"})
	require.Eventually(t, func() bool {
		var state lock.State
		answer, err := s.QueryWorkflow(t.Context(), lock.ID(name), "", "status")
		return err == nil && answer.Get(&state) == nil && len(state.Queue) == 2
	}, patience, 100*time.Millisecond, "it asks once more before it triggers anything")
	require.Equal(t, map[string]int{"b": 1}, s.ran())
	s.callsBack(instance, platformtest.Success)
	require.NoError(t, s.await(second, nil))
	s.callsBack(s.runs(first, 1), platformtest.Success)
	require.NoError(t, s.await(first, nil))
}

// acts is an operator's action that must be taken.
func (s *stack) acts(run client.WorkflowRun, name string, argument any) {
	s.t.Helper()
	handle, err := s.UpdateWorkflow(s.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), UpdateName: name, Args: []any{argument}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(s.t, err)
	require.NoError(s.t, handle.Get(s.t.Context(), nil))
}
