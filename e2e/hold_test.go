package e2e

import (
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// hold injects a fault whose answers are held back until release is called, at the latest when the test ends.
func (s *stack) hold(f platformtest.Fault) (release func()) {
	held := make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	s.t.Cleanup(release)
	f.Held = held
	s.sim.Inject(f)
	return release
}

// onlyWorkflows is a worker for workflow tasks: activities stay pending, and have not started, while it is the only one.
func (s *stack) onlyWorkflows() (stop func()) {
	s.t.Helper()
	w := worker.New(s.Client.(*connect.Client).Client, s.queue, worker.Options{LocalActivityWorkerOnly: true})
	workflows.Register(w, s.ownActivities())
	require.NoError(s.t, w.Start())
	stop = sync.OnceFunc(w.Stop)
	s.t.Cleanup(stop)
	return stop
}

// tasks are the ids of the events that completed the workflow tasks of a run.
func (s *stack) tasks(run client.WorkflowRun) (ids []int64) {
	for _, event := range s.history(run) {
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			ids = append(ids, event.GetEventId())
		}
	}
	return ids
}

// takes waits until a run has completed that many workflow tasks.
func (s *stack) takes(run client.WorkflowRun, tasks int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return len(s.tasks(run)) >= tasks }, patience, 50*time.Millisecond, "%d workflow tasks", tasks)
}

// resetTo resets a run to its n-th workflow task, the first being 1, and returns the run that follows.
func (s *stack) resetTo(run client.WorkflowRun, n int, leftOut ...enumspb.ResetReapplyExcludeType) client.WorkflowRun {
	s.t.Helper()
	s.takes(run, n)
	reset, err := s.ResetWorkflowExecution(s.t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 s.temporal.Namespace,
		WorkflowExecution:         &commonpb.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
		Reason:                    "the test goes back",
		RequestId:                 uuid.NewString(),
		WorkflowTaskFinishEventId: s.tasks(run)[n-1],
		ResetReapplyExcludeTypes:  leftOut,
	})
	require.NoError(s.t, err)
	return s.GetWorkflow(s.t.Context(), run.GetID(), reset.GetRunId())
}
