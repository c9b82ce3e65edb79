package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/operators"
	"github.com/dpaflow/dpaflow/workflows"
)

// signer signs updates of a run as the console does.
type signer struct {
	*stack
	run  client.WorkflowRun
	ring keys.Ring
	on   operators.Update // of the run; what is set replaces what is true
	age  time.Duration
}

// sends sends an update with the proof of a subject, or without where that is empty.
func (s signer) sends(name, subject string, argument any) error {
	s.t.Helper()
	id := rand.Text()
	var signed any = argument
	if subject != "" {
		described, err := s.DescribeWorkflow(s.t.Context(), s.run.GetID(), s.run.GetRunID())
		require.NoError(s.t, err)
		on := operators.Update{
			WorkflowID: s.run.GetID(), FirstRunID: described.RawResponse.GetWorkflowExecutionInfo().GetFirstRunId(), Name: name, ID: id,
		}
		for _, part := range []struct{ is, instead *string }{
			{&on.WorkflowID, &s.on.WorkflowID}, {&on.FirstRunID, &s.on.FirstRunID}, {&on.Name, &s.on.Name}, {&on.ID, &s.on.ID},
		} {
			if *part.instead != "" {
				*part.is = *part.instead
			}
		}
		signed, err = operators.Sign(s.ring, on, subject, time.Now().Add(-s.age), argument)
		require.NoError(s.t, err)
	}
	return s.sendsAs(id, name, signed)
}

func (s signer) sendsAs(id, name string, argument any) error {
	handle, err := s.UpdateWorkflow(s.t.Context(), client.UpdateWorkflowOptions{
		UpdateID: id, WorkflowID: s.run.GetID(), RunID: s.run.GetRunID(), UpdateName: name, Args: []any{argument},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(wait.Context(s.t), nil)
	}
	return err
}

func keyRing(t *testing.T, id string) (ring keys.Ring, text string) {
	t.Helper()
	secret := make([]byte, keys.Size)
	_, _ = rand.Read(secret)
	text = id + ":" + base64.StdEncoding.EncodeToString(secret)
	ring, err := keys.Parse(text)
	require.NoError(t, err)
	return ring, text
}

func TestOperatorsUpdatesAreTakenWithTheirProofOnly(t *testing.T) {
	t.Parallel()
	ring, text := keyRing(t, "o1")
	encryption := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("e"), 32))
	s := newStack(t, simple("pf"), "DPA_OPERATOR_KEYS="+text, "DPA_ENCRYPTION_KEYS=k1:"+encryption)
	const document = "name: proved\nsteps: [{id: ok, approval: {message: m, approvers: [zhang, li], quorum: 2}}, {id: b, plan: pf}]"
	run := s.runbook(s.queue, document)
	s.stands(run, 0, workflows.StatusRunning)
	as := signer{stack: s, run: run, ring: ring}
	zhang := workflows.StepAction{Step: "ok", By: "zhang", Comment: "seen"}

	for _, name := range []string{"approve", "reject", "retry", "skip", "pause", "resume", "rollback", "abort", "resolveRun", "resolveTrigger"} {
		require.ErrorContains(t, as.sends(name, "", map[string]any{"by": "zhang"}), "use the console", name)
	}
	stranger, _ := keyRing(t, "o1")
	forged := "made for another run, action or person"
	for name, other := range map[string]signer{
		"another key":      {ring: stranger},
		"another workflow": {ring: ring, on: operators.Update{WorkflowID: "other"}},
		"another run":      {ring: ring, on: operators.Update{FirstRunID: "other"}},
		"another action":   {ring: ring, on: operators.Update{Name: "reject"}},
		"another update":   {ring: ring, on: operators.Update{ID: "other"}},
	} {
		other.stack, other.run = s, run
		require.ErrorContains(t, other.sends("approve", "sub-zhang", zhang), forged, name)
	}
	old := as
	old.age = operators.Validity + time.Minute
	require.ErrorContains(t, old.sends("approve", "sub-zhang", zhang), "act again")
	require.Empty(t, s.book(run).Actions, "what was refused left no trace")

	require.NoError(t, as.sends("approve", "sub-zhang", zhang))
	require.ErrorContains(t, as.sends("approve", "sub-zhang", workflows.StepAction{Step: "ok", By: "li"}), "under another name")
	require.ErrorContains(t, as.sends("approve", "sub-wang", workflows.StepAction{Step: "ok", By: "wang"}), "must be answered by zhang, li")

	// What was taken is taken again by a reset, and by nothing else.
	again := s.resetTo(run, s.acceptedIn(run))
	s.stands(again, 0, workflows.StatusRunning)
	as.run = again
	require.Equal(t, []string{"zhang"}, s.book(again).Steps[0].Approvals)
	require.Equal(t, "sub-zhang", s.book(again).Actions[0].Subject)
	require.ErrorContains(t, as.sends("approve", "", workflows.StepAction{Step: "ok", By: "li"}), "use the console")

	_, stderr, code := s.starter("approve", again.GetID(), "ok", "--by", "wang")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "must be answered by zhang, li")
	_, stderr, code = s.starter("approve", again.GetID(), "ok", "--by", "li")
	require.Zero(t, code, stderr)
	var result workflows.RunbookResult
	require.NoError(t, s.await(again, &result))
	require.Equal(t, operators.ByKeyHolder+"li", result.Actions[1].Subject)

	markdown, _, code := s.starter("report", again.GetID())
	require.Zero(t, code)
	require.Contains(t, markdown, "sub-zhang")
	require.NotContains(t, markdown, "proof")
	require.NotContains(t, toJSON(t, result), `"proof"`)

	// The proof of one run opens no later one of the same workflow id.
	accepted := s.acceptedUpdates(again)
	require.NotEmpty(t, accepted)
	later := s.runbook(s.queue, document)
	s.stands(later, 0, workflows.StatusRunning)
	as.run = later
	for _, update := range accepted {
		require.ErrorContains(t, as.sendsAs(update.id, "approve", update.argument), forged)
	}
}

func TestAWorkerWithoutKeysTakesNoProofOnTrust(t *testing.T) {
	t.Parallel()
	ring, text := keyRing(t, "o1")
	s := newStack(t, simple("pf"))
	run := s.runbook(s.queue, "name: unproved\nsteps: [{id: ok, approval: {message: m}}, {id: b, plan: pf}]")
	s.stands(run, 0, workflows.StatusRunning)
	as := signer{stack: s, run: run, ring: ring}
	require.ErrorContains(t, as.sends("approve", "sub-zhang", workflows.StepAction{Step: "ok", By: "zhang"}), "DPA_OPERATOR_KEYS")
	s.env = append(s.env, "DPA_OPERATOR_KEYS="+text)
	_, stderr, code := s.starter("approve", run.GetID(), "ok")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "cannot check the proof")
	s.act(run, "approve", workflows.StepAction{Step: "ok", By: "zhang"})
	require.NoError(t, s.await(run, nil))
	markdown, _, _ := s.starter("report", run.GetID())
	require.Contains(t, markdown, "name not checked")
}

// acceptedIn is the number of the workflow task that took the first update of a run.
func (s *stack) acceptedIn(run client.WorkflowRun) (task int) {
	s.t.Helper()
	for _, event := range s.history(run) {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			task++
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
			return task
		}
	}
	require.Fail(s.t, "no update was taken")
	return 0
}

type takenUpdate struct {
	id       string
	argument map[string]any
}

// acceptedUpdates are those of a run as its history has them.
func (s *stack) acceptedUpdates(run client.WorkflowRun) (all []takenUpdate) {
	s.t.Helper()
	for _, event := range s.history(run) {
		request := event.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest()
		if request == nil {
			continue
		}
		taken := takenUpdate{id: request.GetMeta().GetUpdateId()}
		require.NoError(s.t, s.Client.(*connect.Client).Converter.FromPayloads(request.GetInput().GetArgs(), &taken.argument))
		all = append(all, taken)
	}
	return all
}
