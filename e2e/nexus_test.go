package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/examples/nexuscaller"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestAWorkflowInAnotherNamespaceRunsAModelAPlanAndARunbookOnceEach(t *testing.T) {
	t.Parallel()
	s := newStack(t, platformtest.Example(), executePath)
	c := s.newCaller()
	in := nexuscaller.Input{Endpoint: c.endpoint, Ticket: c.endpoint, Plan: "bcf42dd4"}
	run := c.start("release", nexuscaller.Release, in)
	var result nexuscaller.Result
	require.NoError(t, s.await(run, &result))
	executions := s.sim.Executions()
	require.Len(t, executions, 3)
	require.Equal(t, nexuscaller.Result{
		Prepared: executions[0].InstanceID, Released: executions[1].InstanceID, Verified: executions[2].InstanceID,
	}, result)
	c.linked(run, c.endpoint+"-release")

	// Reset to its first task, the caller has forgotten all of its operations and makes new ones.
	const firstTaskCompleted = 4
	reset, err := c.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 callersNamespace,
		WorkflowExecution:         &common.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
		Reason:                    "the test goes back",
		RequestId:                 s.queue,
		WorkflowTaskFinishEventId: firstTaskCompleted,
	})
	require.NoError(t, err)
	var again nexuscaller.Result
	require.NoError(t, s.await(c.GetWorkflow(t.Context(), run.GetID(), reset.RunId), &again))
	require.Equal(t, result, again)
	require.Len(t, s.sim.Executions(), 3, "nothing ran twice")

	in.Ticket, in.Plan = c.endpoint+"-fails", "dcf42dd6"
	require.NoError(t, s.await(c.start("fails", nexuscaller.Release, in), &result))
	require.Equal(t, s.sim.Executions()[4].InstanceID, result.Failed, "the failure's type and details come through")
}

func TestOperationsWithOneKeyShareOneRun(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	c := s.newCaller()
	request := planRequest(c.endpoint)
	callers := []client.WorkflowRun{c.call("first", request), c.call("second", request)}
	shared := s.GetWorkflow(t.Context(), workflows.NexusWorkflowID(c.endpoint), "")
	s.reaches(shared, workflows.PhaseWaiting)
	require.Eventually(t, func() bool {
		description, err := s.DescribeWorkflow(t.Context(), shared.GetID(), "")
		return err == nil && len(description.RawResponse.GetCallbacks()) == len(callers)
	}, patience, 100*time.Millisecond, "both wait for it")
	s.callsBack(s.instance("web1"), platformtest.Fail)
	callers = append(callers, c.call("late", request))
	for _, run := range callers {
		var failed *temporal.ApplicationError
		require.ErrorAs(t, s.await(run, nil), &failed)
		require.Equal(t, activities.ErrorPlanFailed, failed.Type())
		var result workflows.PlanResult
		require.NoError(t, failed.Details(&result))
		require.Equal(t, s.instance("web1"), result.InstanceID)
	}
	require.Len(t, s.sim.Executions(), 1)

	other := planRequest(c.endpoint)
	other.Timeout = runbook.Duration(time.Hour)
	require.Contains(t, refusal(t, s.await(c.call("other", other), nil)), "idempotencyKey: was used for another request, whose run is "+shared.GetID())
	require.Len(t, s.sim.Executions(), 1)
}

func TestCallersOfARunThatIsResetGetTheEndOfTheOneThatFollows(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	c := s.newCaller()
	run := c.call("caller", planRequest(c.endpoint))
	first := s.GetWorkflow(t.Context(), workflows.NexusWorkflowID(c.endpoint), "")
	s.reaches(first, workflows.PhaseWaiting)
	var task int64
	for _, event := range s.history(first) {
		if event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			task = event.GetEventId()
		}
	}
	_, err := s.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 server.Namespace,
		WorkflowExecution:         &common.WorkflowExecution{WorkflowId: first.GetID(), RunId: first.GetRunID()},
		Reason:                    "the test goes back",
		RequestId:                 s.queue,
		WorkflowTaskFinishEventId: task,
	})
	require.NoError(t, err)
	s.callsBack(s.instance("web1"), platformtest.Success)
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Equal(t, s.instance("web1"), result.InstanceID)
	require.Len(t, s.sim.Executions(), 1)
}

func TestAStartWhoseReplyIsLostIsMadeAgainWithoutASecondRun(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	lost := &lostReply{}
	w := worker.New(s.Client.(*connect.Client).Client, s.queue+"-own", worker.Options{Interceptors: []interceptor.WorkerInterceptor{lost}})
	workflows.Register(w, s.ownActivities())
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	run := s.newCallerOf(s.queue+"-own").call("caller", planRequest("")) // without a key
	require.Eventually(t, func() bool { return lost.starts.Load() > 1 && s.executions("web1") > 0 }, patience, 50*time.Millisecond)
	s.callsBack(s.instance("web1"), platformtest.Success)
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Equal(t, s.instance("web1"), result.InstanceID)
	require.Len(t, s.sim.Executions(), 1)
}

func TestACancelledOperationEndsTheWaitingAndNamesTheInstance(t *testing.T) {
	t.Parallel()
	for name, underWay := range map[string]bool{"while the plan runs": false, "while its trigger is under way": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, catalogue())
			c := s.newCaller()
			answers := func() {}
			if underWay {
				answers = s.hold(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultDelay})
			}
			run := c.call("caller", planRequest(c.endpoint))
			ours := s.GetWorkflow(t.Context(), workflows.NexusWorkflowID(c.endpoint), "")
			if underWay {
				s.underWay("P5")
			} else {
				s.reaches(ours, workflows.PhaseWaiting)
			}
			require.NoError(t, c.CancelWorkflow(t.Context(), run.GetID(), ""))
			s.heeds(ours)
			answers()
			var failed *temporal.ApplicationError
			require.ErrorAs(t, s.await(run, nil), &failed)
			require.Equal(t, operationCancelled, failed.Type())
			var status workflows.Status
			require.NoError(t, failed.Details(&status))
			require.Equal(t, s.instance("web1"), status.InstanceID, "it goes on, and the caller knows it")
			var cancelled *temporal.CanceledError
			require.ErrorAs(t, s.await(ours, nil), &cancelled)

			require.ErrorAs(t, s.await(c.call("again", planRequest(c.endpoint)), nil), &failed)
			require.Equal(t, operationCancelled, failed.Type())
			require.NoError(t, failed.Details(&status), "who asks later is told the same")
			require.Len(t, s.sim.Executions(), 1)
		})
	}
}

func TestARequestThatIsWrongIsRefusedAtOnceWithEveryFault(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	c := s.newCaller()
	key := c.endpoint
	for i, test := range []struct {
		operation string
		input     any
		want      []string
	}{
		{"run-plan", map[string]any{"idempotencyKey": key, "plan": "p", "timeout": "soon"}, []string{"plan: there is no such field", "timeout: must be a duration"}},
		{"run-plan", map[string]any{"idempotencyKey": key, "onUnknown": "guess"}, []string{"planId: is missing", "onUnknown: must be"}},
		{"run-model", map[string]any{"idempotencyKey": key, "onBusy": "hope", "syncTimeout": "20s"}, []string{"modelId: is missing", "onBusy: must be", "syncTimeout: is for"}},
		{"run-runbook", map[string]any{"idempotencyKey": key, "name": "x", "steps": []any{map[string]any{"id": "a", "plam": "p"}}}, []string{"steps[0]", "plam: there is no such field"}},
		{"run-plan", []string{"p"}, []string{"the input must be one JSON object"}},
		{"run-plan", nil, []string{"planId: is missing"}},
	} {
		run := c.start(fmt.Sprint(i), callOnce, call{c.endpoint, test.operation, test.input})
		message := refusal(t, s.await(run, nil))
		for _, want := range test.want {
			require.Contains(t, message, want)
		}
	}
	var absent *serviceerror.NotFound
	_, err := s.DescribeWorkflow(t.Context(), workflows.NexusWorkflowID(key), "")
	require.ErrorAs(t, err, &absent, "nothing was started")
	require.NoError(t, s.await(c.call("good", planRequest(key)), nil), "and whoever does it right is served at once")
}

func TestEncryptedOperationsWorkForCallersWithTheSameKeys(t *testing.T) {
	t.Parallel()
	keys := "DPA_ENCRYPTION_KEYS=" + encryptionKey("k1")
	s := newStack(t, catalogue(success(100*time.Millisecond)), keys)
	c := s.newCaller(keys)
	request := planRequest(c.endpoint)
	request.Params["md1"]["HOST"] = runbook.Text(plantedHost)
	var result workflows.PlanResult
	run := c.call("caller", request)
	require.NoError(t, s.await(run, &result))
	require.Equal(t, plantedHost, result.Outputs[0].Nodes[0].Result)
	require.NoError(t, s.await(c.call("late", request), &result))

	s.sim.SetScript("p", platformtest.Ends(platformtest.Fail, 100*time.Millisecond))
	request.IdempotencyKey += "-fails"
	fails := c.call("fails", request)
	var failed *temporal.ApplicationError
	require.ErrorAs(t, s.await(fails, nil), &failed)
	require.Equal(t, activities.ErrorPlanFailed, failed.Type())
	require.NoError(t, failed.Details(&result))

	request.IdempotencyKey, request.OnUnknown = c.endpoint+"-bad", plantedHost
	bad := c.call("bad", request)
	require.Contains(t, refusal(t, s.await(bad, nil)), plantedHost)

	ours := s.raw(s.GetWorkflow(t.Context(), workflows.NexusWorkflowID(c.endpoint), ""))
	callers := &stack{t: t, Client: c.Client}
	theirs := callers.raw(run) + callers.raw(fails) + callers.raw(bad)
	require.Contains(t, ours, "binary/encrypted")
	require.Contains(t, theirs, "binary/encrypted")
	for where, text := range map[string]string{"ours": ours, "theirs": theirs, "logs": s.logs.String()} {
		require.NotContains(t, text, plantedHost, where)
	}

	var refused *nexus.HandlerError
	require.ErrorAs(t, s.await(s.newCaller().call("naive", planRequest(c.endpoint+"-naive")), nil), &refused, "whoever has no key cannot ask for anything")
	require.Equal(t, nexus.HandlerErrorTypeBadRequest, refused.Type)

	other := s.newCaller("DPA_ENCRYPTION_KEYS=" + encryptionKey("k2"))
	waits := other.call("waits", planRequest(c.endpoint+"-waits"))
	require.Eventually(t, func() bool {
		description, err := other.DescribeWorkflow(t.Context(), waits.GetID(), "")
		if err != nil {
			return false
		}
		pending := description.RawResponse.GetPendingNexusOperations()
		return len(pending) == 1 && pending[0].GetLastAttemptFailure() != nil
	}, patience, 100*time.Millisecond, "a key that is missing may come, so it is tried again")
	require.NoError(t, other.TerminateWorkflow(t.Context(), waits.GetID(), "", "the test is over"))
	require.Len(t, s.sim.Executions(), 2)
}

func TestVersionedWorkersServeOperations(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)), "DPA_DEPLOYMENT_NAME="+t.Name(), "DPA_BUILD_ID=v1")
	s.setCurrent("v1")
	c := s.newCaller()
	require.NoError(t, s.await(c.call("caller", planRequest(c.endpoint)), nil))
	require.Equal(t, "v1", s.versionOf(s.GetWorkflow(t.Context(), workflows.NexusWorkflowID(c.endpoint), "")))
}

// linked checks that the histories of a caller and of the run of a key lead to each other.
func (c *caller) linked(run client.WorkflowRun, key string) {
	c.t.Helper()
	ours := c.stack.GetWorkflow(c.t.Context(), workflows.NexusWorkflowID(key), "")
	there, back := false, false
	for _, event := range (&stack{t: c.t, Client: c.Client}).history(run) {
		for _, link := range event.GetLinks() {
			there = there || link.GetWorkflowEvent().GetWorkflowId() == ours.GetID()
		}
	}
	started := c.stack.history(ours)[0]
	for _, callback := range started.GetWorkflowExecutionStartedEventAttributes().GetCompletionCallbacks() {
		for _, link := range callback.GetLinks() {
			back = back || link.GetWorkflowEvent().GetWorkflowId() == run.GetID()
		}
	}
	for _, link := range started.GetLinks() {
		back = back || link.GetWorkflowEvent().GetWorkflowId() == run.GetID()
	}
	require.True(c.t, there, "from the caller to the run")
	require.True(c.t, back, "from the run to the caller")
}

// refusal is what a caller reads when its request is refused.
func refusal(t *testing.T, err error) string {
	t.Helper()
	var refused *nexus.HandlerError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, nexus.HandlerErrorTypeBadRequest, refused.Type)
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, activities.ErrorInvalidInput, failed.Type())
	return failed.Message()
}
