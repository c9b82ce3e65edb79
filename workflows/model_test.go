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
)

// onModelTrigger answers the next triggers of models, one after another; the last answer stays.
func (b *bench) onModelTrigger(answers ...func(key string) (activities.Triggered, error)) {
	b.onModelTriggered(answers...)
	b.OnActivity("ModelOutputs", mock.Anything, mock.Anything).Return([]activities.NodeOutput{{Name: "节点", Result: "值"}}, nil)
}

// onModelTriggered is onModelTrigger without outputs.
func (b *bench) onModelTriggered(answers ...func(key string) (activities.Triggered, error)) {
	b.OnActivity("DpaTriggerModel", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in activities.ModelTrigger) (activities.Triggered, error) {
			key := activities.TriggerKey(in.Trigger)
			b.models, b.keys = append(b.models, in), append(b.keys, key)
			return answers[min(len(b.keys), len(answers))-1](key)
		})
}

func (b *bench) runModel(in any) (ModelResult, error) {
	b.ExecuteWorkflow("RunModel", in)
	require.True(b.t, b.IsWorkflowCompleted())
	var result ModelResult
	if err := b.GetWorkflowError(); err != nil {
		return result, err
	}
	return result, b.GetWorkflowResult(&result)
}

func busy(key string) (activities.Triggered, error) {
	return activities.Triggered{}, temporal.NewNonRetryableApplicationError("the model is busy", activities.ErrorTriggerNotSent, nil,
		activities.Fault{Key: key, Busy: true})
}

func TestAModelEndsByFINISHAsASuccess(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onModelTrigger(triggered("in1"))
	b.call(10*time.Second, "in1", "FINISH")
	result, err := b.runModel(ModelInput{ModelID: "md1", Params: activities.Params{"DIR": runbook.Text("/opt")}})
	require.NoError(t, err)
	require.Equal(t, StatusSuccess, result.Status)
	require.Equal(t, ObservedByCallback, result.ObservedBy)
	require.Equal(t, "值", result.Nodes[0].Result)
	require.Equal(t, "/opt", b.models[0].Params["DIR"].Text)
}

func TestAModelIsNotTriggeredByThePathOfAnotherEndpoint(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.runModel(ModelInput{ModelID: "saveTimingParam", ExecutePath: "/api/dpa/process/processPlan/{modelId}"})
	var faults runbook.Faults
	require.Equal(t, activities.ErrorInvalidInput, failure(t, err, &faults).Type())
	require.Len(t, faults, 1)
	require.Equal(t, "executePath", faults[0].Path)
}

func TestAFailedModelFailsAsModelFailedWithItsOutputs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onModelTrigger(triggered("in1"))
	b.call(10*time.Second, "in1", "FAIL")
	_, err := b.runModel(ModelInput{ModelID: "md1"})
	var result ModelResult
	require.Equal(t, activities.ErrorModelFailed, failure(t, err, &result).Type())
	require.Len(t, result.Nodes, 1)
}

func TestALostEndOfAModelIsFoundByItsStatus(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onModelTrigger(triggered("in1"))
	asked := 0
	b.OnActivity("ModelStatus", mock.Anything, activities.ModelInstance{ModelID: "md1", InstanceID: "in1"}).Return(
		func(context.Context, activities.ModelInstance) (string, error) {
			if asked++; asked < 3 {
				return "RUNNING", nil
			}
			return "FINISH", nil
		})
	result, err := b.runModel(ModelInput{ModelID: "md1", Policy: Policy{PollAfter: runbook.Duration(time.Minute)}})
	require.NoError(t, err)
	require.Equal(t, ObservedByPoll, result.ObservedBy)
	require.Equal(t, 3, b.status().Polls)
	require.Equal(t, 3*time.Minute, b.status().FinishedAt.Sub(b.status().StartedAt).Round(time.Second))
}

func TestASynchronousAnswerEndsAModelAtOnce(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{"FINISH": StatusSuccess, "finish": StatusSuccess, "FAIL": StatusFail} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.onModelTrigger(func(key string) (activities.Triggered, error) {
				return activities.Triggered{Key: key, InstanceID: "in1", Status: answer, At: time.Now()}, nil
			})
			result, err := b.runModel(ModelInput{ModelID: "md1", Sync: true, SyncTimeout: runbook.Duration(time.Minute)})
			if want == StatusFail {
				failure(t, err, &result)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, want, result.Status)
			require.Equal(t, ObservedByPoll, result.ObservedBy)
			require.Equal(t, time.Minute, b.models[0].SyncTimeout)
		})
	}
}

func TestASynchronousRunWhoseTimeIsUpWaitsForNews(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onModelTrigger(func(key string) (activities.Triggered, error) {
		return activities.Triggered{Key: key, InstanceID: "in1", Status: "RUNNING", At: time.Now()}, nil
	})
	b.call(time.Minute, "in1", "FINISH")
	result, err := b.runModel(ModelInput{ModelID: "md1", Sync: true})
	require.NoError(t, err)
	require.Equal(t, ObservedByCallback, result.ObservedBy)
}

func TestABusyModelIsWaitedForOrRefused(t *testing.T) {
	t.Parallel()
	t.Run("waited for", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.onModelTrigger(busy, busy, busy, triggered("in1"))
		b.RegisterDelayedCallback(func() { require.Equal(t, PhaseBusy, b.status().Phase) }, 500*time.Millisecond)
		b.call(time.Minute, "in1", "FINISH")
		result, err := b.runModel(ModelInput{ModelID: "md1"})
		require.NoError(t, err)
		require.Equal(t, StatusSuccess, result.Status)
	})
	t.Run("waited for in vain", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.onModelTrigger(busy)
		_, err := b.runModel(ModelInput{ModelID: "md1", Policy: Policy{Timeout: runbook.Duration(time.Hour)}})
		require.Equal(t, activities.ErrorTriggerNotSent, failure(t, err, nil).Type())
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.onModelTrigger(busy)
		_, err := b.runModel(ModelInput{ModelID: "md1", OnBusy: runbook.FailOnBusy})
		require.Equal(t, activities.ErrorTriggerRejected, failure(t, err, nil).Type())
		require.Len(t, b.models, 1)
	})
}

func TestBadInputOfAModelIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.runModel(rawJSON(`{"params":{"A":1},"onBusy":"hope","sync":"yes","syncTimeout":"1h","model":"x"}`))
	failed := failure(t, err, nil)
	require.Equal(t, activities.ErrorInvalidInput, failed.Type())
	for _, want := range []string{"params.A: must be a string", "sync: must be true or false", "model: there is no such field"} {
		require.Contains(t, failed.Message(), want)
	}
	b = newBench(t)
	_, err = b.runModel(ModelInput{OnBusy: "hope", SyncTimeout: runbook.Duration(time.Hour)})
	failed = failure(t, err, nil)
	for _, want := range []string{"modelId: is missing", `onBusy: must be "wait" or "fail"`, "syncTimeout: must be at most 10m0s", "syncTimeout: is for runs with sync only"} {
		require.Contains(t, failed.Message(), want)
	}
}
