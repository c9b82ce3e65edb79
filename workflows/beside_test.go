package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
)

func sameTwice(ctx workflow.Context) error {
	policy := Policy{PollAfter: runbook.Duration(5 * time.Minute), Timeout: runbook.Duration(time.Hour)}
	done := workflow.NewChannel(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		_, _ = ExecutePlan(ctx, PlanInput{PlanID: "p", Policy: policy})
		done.Send(ctx, nil)
	})
	_ = workflow.Sleep(ctx, time.Minute)
	_, err := ExecutePlan(ctx, PlanInput{PlanID: "p", Policy: policy, TrustPlanStatus: true})
	done.Receive(ctx, nil)
	return err
}

func TestAHintOfAnInstanceOfTheSameWorkflowEndsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	n := 0
	b.onTrigger(func(key string) (activities.Triggered, error) {
		n++
		return activities.Triggered{Key: key, InstanceID: []string{"in1", "in2"}[n-1], At: b.Now(), PlatformTime: b.Now()}, nil
	})
	b.onOutputs("0")
	var ended time.Time
	b.RegisterDelayedCallback(func() {
		ended = b.Now()
		b.SignalWorkflow(signals.SignalName(b.keys[0]), signals.Callback{InstanceID: "in1", Status: "SUCCESS"})
	}, 3*time.Minute)
	b.OnActivity("PlanStatus", mock.Anything, mock.Anything).Return(func(context.Context, activities.PlanQuestion) (activities.PlanHint, error) {
		return activities.PlanHint{Status: "SUCCESS", UpdatedAt: ended, Alone: true}, nil // no other workflow
	})
	b.RegisterDelayedCallback(func() {
		b.SignalWorkflow(signals.SignalName(b.keys[1]), signals.Callback{InstanceID: "in2", Status: "FAIL"})
	}, 30*time.Minute)
	b.RegisterWorkflow(sameTwice)
	b.ExecuteWorkflow(sameTwice)
	var failed *temporal.ApplicationError
	require.ErrorAs(t, b.GetWorkflowError(), &failed, "in2 ended FAIL, and was called a success because in1 was one")
	require.Equal(t, activities.ErrorPlanFailed, failed.Type())
}
