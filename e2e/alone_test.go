package e2e

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

// alone runs an activity without a workflow and returns its result.
func (s *stack) alone(activityType string, in, result any) {
	s.t.Helper()
	require.NoError(s.t, s.startAlone(activityType, in, result), activityType)
}

func (s *stack) startAlone(activityType string, in, result any) error {
	s.t.Helper()
	var args []any
	if in != nil {
		args = append(args, in)
	}
	run, err := s.ExecuteActivity(s.t.Context(), client.StartActivityOptions{
		ID: s.queue + "-" + activityType, TaskQueue: s.queue, StartToCloseTimeout: time.Minute,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 5}, // a busy server loses one
	}, activityType, args...)
	require.NoError(s.t, err)
	return run.Get(s.t.Context(), result)
}

func TestAReadIsAnsweredWithoutAWorkflow(t *testing.T) {
	t.Parallel()
	catalogue := catalogue(success(0))
	catalogue.Models = models(1, success(0)).Models
	s := newStack(t, catalogue, executePath)
	model := catalogue.Models[0].ID
	require.NoError(t, s.await(s.run(s.queue, input("web1")), nil))
	instance := s.instance("web1")

	for activityType, c := range map[string]struct{ in, want string }{
		"Plans":        {"", `"p"`},
		"PlanInputs":   {`"p"`, "PASSWORD"},
		"PlanOutputs":  {`{"planId":"p","instanceId":"` + instance + `"}`, "web1"},
		"PlanStatus":   {`{"planId":"p"}`, "SUCCESS"},
		"Models":       {"", model},
		"ModelInputs":  {`"` + model + `"`, "HOST"},
		"DpaPreflight": {`{"jobs":[{"path":"steps[0]","planId":"none"}]}`, "none"},
	} {
		var in any
		if c.in != "" {
			in = json.RawMessage(c.in)
		}
		var result json.RawMessage
		s.alone(activityType, in, &result)
		require.Contains(t, string(result), c.want, activityType)
	}
	require.Len(t, s.sim.Executions(), 1)
}

func TestWhatActsIsRefusedWithoutAWorkflow(t *testing.T) {
	t.Parallel()
	catalogue := models(1, success(0))
	catalogue.Plans = platformtest.Example().Plans
	s := newStack(t, catalogue, executePath)
	plan := activities.PlanTrigger{PlanID: catalogue.Plans[0].ID}
	for activityType, in := range map[string]any{
		"DpaTriggerPlan":      plan,
		"DpaSchedulePlan":     activities.SceneTrigger{PlanTrigger: plan, SceneName: "s", ExecuteStrategy: "single", Dimension: "hours", Intervals: "1"},
		"DpaTriggerModel":     activities.ModelTrigger{ModelID: catalogue.Models[0].ID, Params: host("web1")},
		"DpaRegisterInstance": activities.Instance{Kind: "plan", InstanceID: "in1", Until: time.Now().Add(time.Hour)},
	} {
		err := s.startAlone(activityType, in, nil)
		var refused *temporal.ApplicationError
		require.True(t, errors.As(err, &refused), "%s: %v", activityType, err)
		require.Equal(t, activities.ErrorInvalidInput, refused.Type(), activityType)
		require.Contains(t, refused.Message(), "workflow", activityType)
		require.True(t, refused.NonRetryable(), activityType)
	}
	require.Empty(t, s.sim.Executions())
	for endpoint, n := range s.calls() {
		require.Contains(t, []string{"P1.1", "P1.2"}, endpoint, "%d calls", n)
	}
}
