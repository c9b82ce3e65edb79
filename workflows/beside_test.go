package workflows

import (
	"context"
	"errors"
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

func oneAfterAnother(ctx workflow.Context) error {
	policy := Policy{PollAfter: runbook.Duration(5 * time.Minute), Timeout: runbook.Duration(10 * time.Minute)}
	_, _ = ExecutePlan(ctx, PlanInput{PlanID: "p", Policy: policy})
	_, err := ExecutePlan(ctx, PlanInput{PlanID: "p", Policy: policy, TrustPlanStatus: true})
	return err
}

func TestAHintOfAnInstanceThatTheSameWorkflowLeftEndsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(
		func(key string) (activities.Triggered, error) {
			return activities.Triggered{Key: key, InstanceID: "in1", At: b.Now(), PlatformTime: b.Now()}, nil
		},
		func(key string) (activities.Triggered, error) {
			return activities.Triggered{Key: key, InstanceID: "in2", At: b.Now(), PlatformTime: b.Now()}, nil
		})
	begun := b.Now()
	b.OnActivity("PlanStatus", mock.Anything, mock.Anything).Return(func(context.Context, activities.PlanQuestion) (activities.PlanHint, error) {
		return activities.PlanHint{Status: "SUCCESS", UpdatedAt: begun.Add(12 * time.Minute), Alone: true}, nil // in1, at last
	})
	b.RegisterWorkflow(oneAfterAnother)
	b.ExecuteWorkflow(oneAfterAnother)
	require.Equal(t, activities.ErrorWaitTimeout, TypeOf(b.GetWorkflowError()), "in2 was called a success because in1 was one")
}

func sameID(ctx workflow.Context) error {
	_, _ = ExecuteModel(ctx, ModelInput{ModelID: "42"})
	_, err := ExecutePlan(ctx, PlanInput{PlanID: "42"})
	return err
}

func TestAPlanHearsNothingOfAModelWithItsID(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onModelTrigger(triggered("of-the-model"))
	b.onTrigger(triggered("of-the-plan"))
	b.onOutputs("0")
	model := ""
	for range 2 { // the platform repeats what it has told
		b.RegisterDelayedCallback(func() {
			model = b.keys[0]
			b.SignalWorkflow(signals.SignalName(model), signals.Callback{InstanceID: "of-the-model", Status: "FINISH"})
		}, time.Minute)
	}
	b.RegisterDelayedCallback(func() {
		b.SignalWorkflow(signals.SignalName(model), signals.Callback{InstanceID: "of-the-model", Status: "FAIL"})
		b.SignalWorkflow(signals.SignalName(b.keys[1]), signals.Callback{InstanceID: "of-the-plan", Status: "SUCCESS"})
	}, 2*time.Minute)
	b.RegisterWorkflow(sameID)
	b.ExecuteWorkflow(sameID)
	require.NoError(t, b.GetWorkflowError())
}

func TestOneOfTwoRunsOfAPlanThatIsInDoubtCanBeNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"), refused(activities.ErrorTriggerOutcomeUnknown))
	b.onOutputs("0")
	b.update(2*time.Minute, "resolveTrigger", ResolveTrigger{Step: "p", Action: "abort"}, func(rejected, _ error) {
		require.ErrorContains(t, rejected, "p.1, p.2")
	})
	b.update(3*time.Minute, "resolveTrigger", ResolveTrigger{Step: "p.2", Action: "abort"}, func(rejected, err error) {
		require.NoError(t, errors.Join(rejected, err))
	})
	b.RegisterDelayedCallback(func() {
		b.SignalWorkflow(signals.SignalName(b.keys[0]), signals.Callback{InstanceID: "in1", Status: "SUCCESS"})
	}, 4*time.Minute)
	b.RegisterWorkflow(sameTwice)
	b.ExecuteWorkflow(sameTwice)
	require.Equal(t, activities.ErrorTriggerOutcomeUnknown, TypeOf(b.GetWorkflowError()))
}
