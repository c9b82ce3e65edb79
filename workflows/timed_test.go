package workflows

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
)

// onScene answers the registration of a scene.
func (b *bench) onScene(answer func(key string) (activities.Triggered, error)) {
	b.OnActivity("DpaSchedulePlan", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in activities.SceneTrigger) (activities.Triggered, error) {
			b.scenes = append(b.scenes, in)
			b.keys = append(b.keys, activities.TriggerKey(in.Trigger))
			return answer(b.keys[len(b.keys)-1])
		})
}

// onOutputsAfter gives out outputs after so many tries: seven take a minute, forty half an hour.
func (b *bench) onOutputsAfter(tries int) {
	var mu sync.Mutex
	asked := map[string]int{}
	b.OnActivity("PlanOutputs", mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.PlanInstance) ([]activities.ModelOutputs, error) {
			mu.Lock()
			defer mu.Unlock()
			if asked[in.InstanceID]++; asked[in.InstanceID] <= tries {
				return nil, temporal.NewApplicationError("HTTP 503", activities.ErrorPlatform)
			}
			return []activities.ModelOutputs{{ModelID: "md1"}}, nil
		})
}

func (b *bench) runTimed(in any) (result TimedResult, err error) { return b.goOnTimed(in, nil) }

// goOnTimed runs a history that has taken over from another.
func (b *bench) goOnTimed(in any, carried *TimedState) (result TimedResult, err error) {
	b.ExecuteWorkflow("TimedPlan", in, carried)
	require.True(b.t, b.IsWorkflowCompleted())
	if err := b.GetWorkflowError(); err != nil {
		return result, err
	}
	return result, b.GetWorkflowResult(&result)
}

func cycle(maxRuns int) TimedInput {
	return TimedInput{PlanID: "p", SceneName: "巡检", ExecuteStrategy: "cycle", Dimension: "minutes", Intervals: "5", MaxRuns: maxRuns}
}

func (in TimedInput) until(at time.Time) TimedInput {
	in.Until = &at
	return in
}

func TestATimedPlanCollectsEveryExecutionUntilThereAreEnough(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	b.onOutputs("0")
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
	b.onOutputs("0")
	b.call(5*time.Minute, "in1", "SUCCESS")
	b.call(50*time.Minute, "in2", "RUNNING")
	result, err := b.runTimed(cycle(0).until(b.Now().Add(time.Hour)))
	require.NoError(t, err)
	require.Len(t, result.Runs, 1)
	require.Equal(t, []string{"in2"}, result.Open)
}

func TestASceneInDoubtIsSettledByItsFirstCallback(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(refused(activities.ErrorTriggerOutcomeUnknown))
	b.onOutputs("0")
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
	b.onOutputs("0")
	for i := range callbacksPerHistory + 10 {
		b.call(time.Duration(i+1)*time.Minute, fmt.Sprintf("in%d", i), "SUCCESS")
	}
	_, err := b.runTimed(cycle(1000))
	in, carried := carry(t, err)

	again := goesOn(t)
	again.onOutputs("0")
	again.RegisterDelayedCallback(func() {
		again.SignalWorkflow(signals.SignalName(b.keys[0]), signals.Callback{InstanceID: "last", Status: "SUCCESS"})
	}, time.Minute)
	carried.MaxRuns = callbacksPerHistory + 1
	result, err := again.goOnTimed(in, carried)
	require.NoError(t, err)
	require.Len(t, result.Runs, callbacksPerHistory+1)
	require.Equal(t, "last", result.Runs[callbacksPerHistory].InstanceID)
}

func TestATimedPlanWhoseHistoryIsFullWithItsLastRunEndsInTheNext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	for i := range callbacksPerHistory - 1 {
		b.call(time.Duration(i+1)*time.Minute, "in1", []string{"RUNNING", "PENDING"}[i%2])
	}
	b.call(callbacksPerHistory*time.Minute, "in1", "SUCCESS")
	_, err := b.runTimed(cycle(1))
	next := goesOn(t)
	next.onOutputs("0")
	result, err := next.goOnTimed(carry(t, err))
	require.NoError(t, err)
	require.Equal(t, "0", result.Runs[0].Outputs[0].Nodes[0].Result)
	require.Equal(t, (callbacksPerHistory-1)*time.Minute, result.Runs[0].FinishedAt.Sub(result.Runs[0].TriggeredAt))
}

// carry returns what a history that continued as new gives to the next.
func carry(t *testing.T, err error) (in TimedInput, carried *TimedState) {
	t.Helper()
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, err, &next)
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in, &carried))
	return in, carried
}

// goesOn runs a later history of a scene, which must not register it again.
func goesOn(t *testing.T) *bench {
	b := newBench(t)
	b.onScene(func(string) (activities.Triggered, error) { t.Error("registered twice"); return triggered("")("") })
	return b
}

func TestATimedPlanContinuesAsNewAlthoughOutputsAreSlowAndItNeverStopsRaining(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	b.onOutputsAfter(7)
	for i := range 2 * callbacksPerHistory {
		b.call(time.Duration(i+1)*time.Second, fmt.Sprintf("in%d", i), "SUCCESS")
	}
	_, err := b.runTimed(cycle(1000))
	in, carried := carry(t, err)
	require.Less(t, carried.Count, 2*callbacksPerHistory)
	require.GreaterOrEqual(t, carried.Count, callbacksPerHistory)
	require.Empty(t, in.Params)

	next := goesOn(t)
	next.onOutputs("0")
	next.update(time.Hour-time.Minute, "resolveRun", ResolveRun{Status: StatusSuccess}, func(rejected, err error) {
		require.NoError(t, rejected)
		require.NoError(t, err)
	})
	result, err := next.goOnTimed(in, carried)
	require.NoError(t, err)
	require.Len(t, result.Runs, carried.Count)
	for _, run := range result.Runs {
		require.Len(t, run.Outputs, 1, "%+v", run)
	}
}

func TestATimedPlanContinuesAsNewAtLastWhereOutputsCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	b.onOutputsAfter(40)
	const atOnce = 10
	for i := range mostCallbacks/atOnce + 1 {
		b.RegisterDelayedCallback(func() {
			for j := range atOnce {
				b.SignalWorkflow(signals.SignalName(b.keys[0]), signals.Callback{InstanceID: fmt.Sprintf("in%d", atOnce*i+j), Status: "SUCCESS"})
			}
		}, time.Duration(i+1)*time.Second)
	}
	_, err := b.runTimed(cycle(0).until(b.Now().Add(24 * time.Hour)))
	_, carried := carry(t, err)
	require.Equal(t, mostCallbacks, carried.Count)
	require.Len(t, carried.Runs, execution.MaxCollected)
}

func TestATimedPlanReadsOutputsSideBySide(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	b.onOutputsAfter(7)
	b.RegisterDelayedCallback(func() {
		for i := range 10 {
			b.SignalWorkflow(signals.SignalName(b.keys[0]), signals.Callback{InstanceID: fmt.Sprintf("in%d", i), Status: "SUCCESS"})
		}
	}, time.Minute)
	started := b.Now()
	result, err := b.runTimed(cycle(10))
	require.NoError(t, err)
	require.Len(t, result.Runs, 10)
	require.Less(t, b.Now().Sub(started), 3*time.Minute)
}

func TestOneInstanceWhoseOutputsCannotBeReadSaysSoAndHoldsUpNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	b.OnActivity("PlanOutputs", mock.Anything, mock.MatchedBy(func(in activities.PlanInstance) bool { return in.InstanceID == "in1" })).
		Return(nil, temporal.NewNonRetryableApplicationError("code 999", activities.ErrorPlatform, nil))
	b.onOutputs("0")
	b.call(time.Minute, "in1", "FAIL")
	b.call(2*time.Minute, "in2", "SUCCESS")
	result, err := b.runTimed(cycle(2))
	require.NoError(t, err)
	require.Equal(t, "code 999", result.Runs[0].OutputsError)
	require.Len(t, result.Runs[1].Outputs, 1)
}

func TestATimedPlanTakesACallbackByHandOfAnInstanceThatItHasNotSeen(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(string) (activities.Triggered, error){
		"registered": triggered(""), "in doubt": refused(activities.ErrorTriggerOutcomeUnknown),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.onScene(answer)
			b.onOutputs("0")
			b.RegisterDelayedCallback(func() {
				b.SignalWorkflow(signals.SignalName("in1"), signals.Callback{InstanceID: "in1", Status: "SUCCESS"})
			}, time.Minute)
			result, err := b.runTimed(cycle(1))
			require.NoError(t, err)
			require.Equal(t, "in1", result.Runs[0].InstanceID)
		})
	}
}

func TestAnOperatorEndsATimedPlan(t *testing.T) {
	t.Parallel()
	for _, status := range []string{StatusSuccess, StatusFail} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.onScene(triggered(""))
			b.onOutputs("0")
			b.call(time.Minute, "in1", "RUNNING")
			b.call(time.Minute, "in2", "RUNNING")
			b.call(2*time.Minute, "in1", "SUCCESS")
			b.update(3*time.Minute, "resolveRun", ResolveRun{Step: "in1", Status: status}, func(rejected, _ error) {
				require.ErrorContains(t, rejected, `no instance "in1" of scene 巡检 of plan p is open`)
			})
			b.update(4*time.Minute, "resolveRun", ResolveRun{Status: status, By: "zhang"}, func(rejected, err error) {
				require.NoError(t, rejected)
				require.NoError(t, err)
			})
			result, err := b.runTimed(cycle(10))
			if status == StatusFail {
				require.Equal(t, activities.ErrorPlanFailed, failure(t, err, &result).Type())
			} else {
				require.NoError(t, err)
			}
			require.Len(t, result.Runs, 1)
			require.Equal(t, []string{"in2"}, result.Open)
			require.Equal(t, "zhang", result.Actions[0].By)
		})
	}
}

func TestATimedPlanThatIsCancelledWhileOutputsAreReadNamesWhatItKnows(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onScene(triggered(""))
	b.onOutputsAfter(40)
	b.call(time.Minute, "in1", "SUCCESS")
	b.call(time.Minute, "in2", "RUNNING")
	b.RegisterDelayedCallback(b.CancelWorkflow, 2*time.Minute)
	_, err := b.runTimed(cycle(10))
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
	var result TimedResult
	require.NoError(t, cancelled.Details(&result))
	require.Equal(t, "in1", result.Runs[0].InstanceID)
	require.Contains(t, result.Runs[0].OutputsError, "cancelled")
	require.Equal(t, []string{"in2"}, result.Open)
}

func TestAnUpdateThatComesAsATimedPlanContinuesIsAnsweredByTheNextHistory(t *testing.T) {
	t.Parallel()
	in := cycle(10)
	carried := &TimedState{Collection: execution.Collection{Key: "scene:k", Name: "scene 巡检 of plan p", MaxRuns: 10}}
	b := goesOn(t)
	b.update(0, "resolveRun", ResolveRun{Status: StatusSuccess}, func(rejected, err error) {
		require.NoError(t, rejected)
		require.NoError(t, err)
	})
	_, err := b.goOnTimed(in, carried)
	require.NoError(t, err)
}

func TestATimedPlanWhoseTimeIsPastRegistersNothing(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{"past": -time.Minute, "now": 0, "in 200 years": 200 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.onScene(triggered(""))
			_, err := b.runTimed(cycle(3).until(b.Now().Add(after)))
			failed := failure(t, err, nil)
			require.Equal(t, activities.ErrorInvalidInput, failed.Type())
			require.Contains(t, failed.Message(), "until: ")
			require.Empty(t, b.scenes)
		})
	}
}

func TestBadInputOfATimedPlanIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.runTimed(rawJSON(`{"executeStrategy":"often","dimension":"years","intervals":"-5","maxRuns":-1}`))
	failed := failure(t, err, nil)
	require.Equal(t, activities.ErrorInvalidInput, failed.Type())
	for _, want := range []string{
		"planId: is missing", "sceneName: is missing", "executeStrategy: must be one of single, cycle, 1.single, 2.cycle",
		"dimension: must be one of seconds", "intervals: must be a whole number from 1 up", "maxRuns: must be 1 or more",
	} {
		require.Contains(t, failed.Message(), want)
	}
	for text, known := range map[string]bool{`5`: true, `"5"`: true, `1.5`: false, `"x"`: false, `true`: false, `"22:30"`: false, `""`: false} {
		in := TimedInput{}
		var faults runbook.Faults
		faults.Add("", runbook.Decode([]byte(`{"intervals":`+text+`}`), &in))
		faults = append(faults, in.faults(time.Now())...)
		require.Equal(t, known, !strings.Contains(faults.Error(), "intervals"), text)
	}
	require.NotContains(t, TimedInput{ExecuteStrategy: "1.single", Intervals: "2026-12-01 22:30:00"}.faults(time.Now()).Error(), "intervals")
}
