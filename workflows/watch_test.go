package workflows

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
)

func TestAWatcherHandsOnWhatItRemembersAlsoWhenItContinuesAsNew(t *testing.T) {
	t.Parallel()
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	registerWorkflows(env)
	ran := 0
	env.RegisterActivityWithOptions(func(_ context.Context, memory json.RawMessage) (json.RawMessage, error) {
		if ran++; ran%3 == 0 {
			return nil, fmt.Errorf("a worker that is not configured for it")
		}
		var shift struct{ N int }
		if err := json.Unmarshal(memory, &shift); err != nil {
			return nil, err
		}
		return json.RawMessage(fmt.Sprintf(`{"n":%d,"later":"versions may know more"}`, shift.N+1)), nil
	}, activity.RegisterOptions{Name: NotifyActivity})
	env.ExecuteWorkflow(WatchWorkflow, struct{}{})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	require.Equal(t, WatchWorkflow, again.WorkflowType.Name)
	require.Equal(t, `{"n":24,"later":"versions may know more"}`, string(again.Input.GetPayloads()[0].GetData()))
}
