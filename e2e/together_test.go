package e2e

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/dpaflow/dpaflow/internal/wait"
)

// admit gives an update to the server while no worker runs; its end comes over the channel. The next worker gets the
// update together with whatever else the run's next workflow task brings.
func (s *stack) admit(run client.WorkflowRun, id, name string, argument any) (<-chan error, error) {
	ended := make(chan error, 1)
	go func() {
		handle, err := s.UpdateWorkflow(s.t.Context(), client.UpdateWorkflowOptions{
			WorkflowID: run.GetID(), RunID: run.GetRunID(), UpdateID: id, UpdateName: name, Args: []any{argument},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(wait.Context(s.t), nil)
		}
		ended <- err
	}()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(argument)
	if err != nil {
		return nil, err
	}
	// The server answers once it has waited in vain (20 s) for a worker to accept the update: it has it.
	answer, err := s.WorkflowService().UpdateWorkflowExecution(s.t.Context(), &workflowservice.UpdateWorkflowExecutionRequest{
		Namespace:         s.temporal.Namespace,
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
		WaitPolicy:        &updatepb.WaitPolicy{LifecycleStage: enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED},
		Request: &updatepb.Request{
			Meta: &updatepb.Meta{UpdateId: id}, Input: &updatepb.Input{Name: name, Args: payloads},
		},
	})
	if err == nil && answer.GetStage() != enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED {
		err = fmt.Errorf("update %s of %s is %s although there is no worker", id, run.GetID(), answer.GetStage())
	}
	return ended, err
}

// together tells whether a run accepted updates in the first workflow task after a point of its history, so that they
// came with all else that was stored by then. A server under load loses updates that nobody has accepted, and the client
// sends them again, later.
func (s *stack) together(run client.WorkflowRun, after int) bool {
	s.t.Helper()
	completed := 0
	var types []string
	for _, event := range s.history(run)[after:] {
		types = append(types, event.GetEventType().String())
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			completed++
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
			if completed == 1 {
				return true
			}
		}
	}
	s.t.Logf("%s: the update came apart from the rest: %v", run.GetID(), types)
	return false
}

// attempts makes a moment until what was to come together did, some times at most.
func attempts(t *testing.T, moment func(attempt string) (together bool)) {
	t.Helper()
	for attempt := 1; !moment(fmt.Sprint(attempt, " ")); attempt++ {
		require.Less(t, attempt, 10, "the server never brings the two together")
	}
}

// moment is an update that was admitted, and how long its run's history was before.
type moment struct {
	ended <-chan error
	after int
}

// admitAll admits an update of each run, side by side.
func (s *stack) admitAll(runs map[string]client.WorkflowRun, update func(name string) (string, any)) map[string]moment {
	s.t.Helper()
	var mu sync.Mutex
	moments := map[string]moment{}
	each(s.t, names(runs), func(name string) error {
		after := len(s.history(runs[name]))
		update, argument := update(name)
		ended, err := s.admit(runs[name], rand.Text(), update, argument)
		mu.Lock()
		defer mu.Unlock()
		moments[name] = moment{ended, after}
		return err
	})
	return moments
}

// names are the keys of a map, in their order.
func names[T any](m map[string]T) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
