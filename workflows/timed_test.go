package workflows

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/signals"
)

// onScene answers the registration of a scene.
func (b *bench) onScene(answer func(key string) (activities.Triggered, error)) {
	b.OnActivity("SchedulePlan", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in activities.SceneTrigger) (activities.Triggered, error) {
			b.scenes = append(b.scenes, in)
			b.keys = append(b.keys, activities.TriggerKey(in.Trigger, activity.GetInfo(ctx).ActivityID))
			return answer(b.keys[len(b.keys)-1])
		})
	b.onOutputs("0")
}

func (b *bench) runTimed(in any) (result TimedResult, err error) {
	b.ExecuteWorkflow("TimedPlan", in)
	require.True(b.t, b.IsWorkflowCompleted())
	if err := b.GetWorkflowError(); err != nil {
		return result, err
	}
	return result, b.GetWorkflowResult(&result)
}

func cycle(maxRuns int) TimedInput {
	return TimedInput{PlanID: "p", SceneName: "巡检", ExecuteStrategy: "cycle", Dimension: "minutes", Intervals: "5", MaxRuns: maxRuns}
}

func TestATimedPlanCollectsEveryExecutionUntilThereAreEnough(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	for i := range 3 {
		at := time.Duration(i+1) * 5 * time.Minute
		b.call(at, fmt.Sprintf("in%d", i), "RUNNING")
		b.call(at+time.Minute, fmt.Sprintf("in%d", i), []string{"SUCCESS", "FAIL", "SUCCESS"}[i])
		b.call(at+2*time.Minute, fmt.Sprintf("in%d", i), "SUCCESS") // late, and not what it was
	}
	result, err := b.runTimed(cycle(3))
	require.NoError(t, err)
	require.Len(t, result.Runs, 3)
	require.Equal(t, "FAIL", result.Runs[1].Status, "the first end stands")
	require.Equal(t, "in2", result.Runs[2].InstanceID)
	require.Equal(t, "0", result.Runs[2].Outputs[0].Nodes[0].Result)
	require.Equal(t, time.Minute, result.Runs[0].FinishedAt.Sub(result.Runs[0].TriggeredAt))
	require.Len(t, b.scenes, 1)
	require.Equal(t, "5", b.scenes[0].Intervals)
	require.Contains(t, b.keys[0], signals.SceneKeyPrefix)
}

func TestATimedPlanEndsAtItsTimeAndNamesWhatIsOpen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	b.call(5*time.Minute, "in1", "SUCCESS")
	b.call(50*time.Minute, "in2", "RUNNING")
	in := cycle(0)
	until := b.Now().Add(time.Hour)
	in.Until = &until
	result, err := b.runTimed(in)
	require.NoError(t, err)
	require.Len(t, result.Runs, 1)
	require.Equal(t, []string{"in2"}, result.Open)
}

func TestASceneInDoubtIsSettledByItsFirstCallback(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(refused(activities.ErrorTriggerOutcomeUnknown))
	b.RegisterDelayedCallback(func() {
		var status TimedStatus
		answer, err := b.QueryWorkflow("status")
		require.NoError(t, err)
		require.NoError(t, answer.Get(&status))
		require.Equal(t, PhaseUnknown, status.Phase)
		require.Contains(t, status.Hint, "cannot delete a scene")
	}, time.Minute)
	b.call(5*time.Minute, "in1", "SUCCESS")
	b.call(10*time.Minute, "in2", "SUCCESS")
	result, err := b.runTimed(cycle(2))
	require.NoError(t, err)
	require.Len(t, result.Runs, 2)
	require.Len(t, b.scenes, 1, "it is never registered again")
}

func TestATimedPlanContinuesAsNewWithAllItHasHeard(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	for i := range newsPerHistory + 10 {
		b.call(time.Duration(i+1)*time.Minute, fmt.Sprintf("in%d", i), "SUCCESS")
	}
	_, err := b.runTimed(cycle(1000))
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, err, &next)

	again := newBench(t)
	again.onScene(func(string) (activities.Triggered, error) { t.Error("registered twice"); return triggered("")("") })
	again.RegisterDelayedCallback(func() {
		again.SignalWorkflow(signals.SignalName(b.keys[0]), signals.Callback{InstanceID: "last", Status: "SUCCESS"})
	}, time.Minute)
	in := cycle(newsPerHistory + 1)
	var carried TimedInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))
	in.Carried = carried.Carried
	result, err := again.runTimed(in)
	require.NoError(t, err)
	require.Len(t, result.Runs, newsPerHistory+1)
	require.Equal(t, "last", result.Runs[newsPerHistory].InstanceID)
}

// burst lets n reports of running instances come in a minute apart, and then ends of others in one moment.
func (b *bench) burst(n int, ended ...string) {
	for i := range n {
		b.call(time.Duration(i+1)*time.Minute, "running", "RUNNING")
	}
	b.RegisterDelayedCallback(func() {
		for _, instance := range ended {
			b.SignalWorkflow(signals.SignalName(b.keys[0]), signals.Callback{InstanceID: instance, Status: "SUCCESS"})
		}
	}, time.Duration(n+1)*time.Minute)
}

func TestATimedPlanEndsWithItsLastRunEvenWhereItWasToContinueAsNew(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	b.burst(newsPerHistory-1, "in1", "in2", "in3", "in4")
	result, err := b.runTimed(cycle(2))
	require.NoError(t, err)
	require.Len(t, result.Runs, 2)
}

func TestATimedPlanContinuesAsNewWithWhatCameByInstanceToo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	b.burst(newsPerHistory-1, "in1", "in2")
	b.RegisterDelayedCallback(func() {
		b.SignalWorkflow(signals.SignalName("running"), signals.Callback{Status: "SUCCESS"})
	}, newsPerHistory*time.Minute)
	_, err := b.runTimed(cycle(1000))
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, err, &next)
	var carried TimedInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))
	require.Equal(t, 3, carried.Carried.Count)
	require.Empty(t, carried.Carried.OpenRuns)
}

func TestBadInputOfATimedPlanIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.runTimed(rawJSON(`{"executeStrategy":"often","dimension":"years","intervals":"-5","maxRuns":-1}`))
	failed := failure(t, err, nil)
	require.Equal(t, activities.ErrorInvalidInput, failed.Type())
	for _, want := range []string{
		"planId: is missing", "sceneName: is missing", "executeStrategy: wants one of single, cycle",
		"dimension: wants one of seconds", "intervals: wants a whole number from 1 up", "maxRuns: wants to be 1 or more",
	} {
		require.Contains(t, failed.Message(), want)
	}
	for text, want := range map[string]string{`5`: "", `"5"`: "", `0`: "intervals", `1.5`: "intervals", `"x"`: "intervals", `true`: "intervals"} {
		in := TimedInput{}
		faults := decodeObject([]byte(`{"intervals":`+text+`}`), &in)
		if faults == nil {
			faults = in.faults()
		}
		if want == "" {
			require.NotContains(t, faults.Error(), "intervals", text)
		} else {
			require.Contains(t, faults.Error(), want, text)
		}
	}
}
