package workflows

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
)

func TestAPlanEndsByItsCallback(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{
		"after a while": 10 * time.Second, "after a day": 23*time.Hour + 59*time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.onTrigger(triggered("in1"))
			b.onOutputs("0 秒")
			b.call(after, "in1", "SUCCESS")
			result, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
			require.NoError(t, err)
			require.Equal(t, "in1", result.InstanceID)
			require.Equal(t, StatusSuccess, result.Status)
			require.Equal(t, ObservedByCallback, result.ObservedBy)
			require.Equal(t, "0 秒", result.Outputs[0].Nodes[0].Result)
			require.Equal(t, PhaseEnded, b.status().Phase)
		})
	}
}

func TestACallbackThatOvertakesTheTriggersAnswerEndsThePlan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(func(key string) (activities.Triggered, error) {
		b.SignalWorkflow(signals.SignalName(key), signals.Callback{InstanceID: "in1", Status: "SUCCESS"})
		return triggered("in1")(key)
	})
	b.onOutputs("0")
	result, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	require.NoError(t, err)
	require.Equal(t, StatusSuccess, result.Status)
}

func TestAPlanWithoutACallbackTimesOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	_, err := b.runPlan(PlanInput{PlanID: "acf42dd3", Policy: Policy{Timeout: runbook.Duration(time.Hour)}})
	var status Status
	require.Equal(t, activities.ErrorWaitTimeout, failure(t, err, &status).Type())
	require.Equal(t, "in1", status.InstanceID)
	require.Len(t, b.triggers, 1)
}

func TestAFailedPlanFailsWithItsOutputs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.onOutputs("磁盘满")
	b.call(10*time.Second, "in1", "FAIL")
	_, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	var result PlanResult
	require.Equal(t, activities.ErrorPlanFailed, failure(t, err, &result).Type())
	require.Equal(t, "磁盘满", result.Outputs[0].Nodes[0].Result)
	require.Equal(t, StatusFail, result.Status)
}

func TestAFailedPlanWhoseOutputsCannotBeFetchedIsStillAFailedPlan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.OnActivity("PlanOutputs", mock.Anything, mock.Anything).Return(nil,
		temporal.NewNonRetryableApplicationError("999", activities.ErrorPlatform, nil))
	b.call(10*time.Second, "in1", "FAIL")
	_, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	var result PlanResult
	require.Equal(t, activities.ErrorPlanFailed, failure(t, err, &result).Type())
	require.Equal(t, "999", result.OutputsError)
}

func TestOutputsAreFetchedByARegularActivityWhenThePlatformIsSlow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.OnActivity("PlanOutputs", mock.Anything, mock.Anything).Return(nil,
		temporal.NewApplicationError("503", activities.ErrorPlatform)).Times(3)
	b.onOutputs("0")
	b.call(10*time.Second, "in1", "SUCCESS")
	result, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	require.NoError(t, err)
	require.Len(t, result.Outputs, 1)
}

func TestACallbackOfAnotherInstanceOrAfterTheEndChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.onOutputs("0")
	b.call(1*10*time.Second, "in1", "RUNNING")
	b.call(2*10*time.Second, "in2", "FAIL")
	b.call(3*10*time.Second, " in1 ", "running") // written in another way
	b.call(5*10*time.Second, "in1", "SUCCESS")
	b.call(5*10*time.Second, "in1", "FAIL")
	b.call(5*10*time.Second, "in1", "RUNNING")
	result, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	require.NoError(t, err)
	require.Equal(t, StatusSuccess, result.Status)
	require.Len(t, result.Notes, 2, "%v", result.Notes)
	require.Contains(t, result.Notes[0].Text, "in2")
	require.Contains(t, result.Notes[1].Text, "FAIL after the end SUCCESS")
}

func TestACallbackAtTheTriggersOwnAddressIsBetterEvidenceThanItsAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.onOutputs("0")
	b.call(10*time.Second, "in2", "RUNNING")
	b.call(20*time.Second, "in2", "SUCCESS")
	result, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	require.NoError(t, err)
	require.Equal(t, "in2", result.InstanceID)
	require.Len(t, result.Notes, 1)
	require.Contains(t, result.Notes[0].Text, "in1")
}

func TestAStatusThatNobodyListedIsShownAndNeedsAPerson(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.onOutputs("0")
	b.call(10*time.Second, "in1", "CANCELLED")
	b.RegisterDelayedCallback(func() {
		status := b.status()
		require.Equal(t, "CANCELLED", status.Status)
		require.Equal(t, PhaseWaiting, status.Phase)
		require.True(t, status.Overdue)
		require.Contains(t, status.Notes[0].Text, "resolveRun")
	}, time.Minute)
	b.update(2*time.Minute, "resolveRun", ResolveRun{Status: "FAIL", By: "zhang"}, func(rejected, err error) {
		require.NoError(t, rejected)
		require.NoError(t, err)
	})
	_, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	require.Equal(t, activities.ErrorPlanFailed, failure(t, err, nil).Type())
}

func TestACallbackCanBeDeliveredByHandUnderTheInstanceID(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.onOutputs("0")
	b.RegisterDelayedCallback(func() {
		b.SignalWorkflow("platform-callback:in1", map[string]string{"status": "SUCCESS"})
	}, time.Second)
	result, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	require.NoError(t, err)
	require.Equal(t, StatusSuccess, result.Status)
}

func TestACancelledRunNamesTheInstanceThatGoesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.RegisterDelayedCallback(b.CancelWorkflow, time.Second)
	_, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
	var status Status
	require.NoError(t, cancelled.Details(&status))
	require.Equal(t, "in1", status.InstanceID)
}

func TestBadInputIsRefusedWithEveryFaultBeforeAnythingIsTriggered(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		input string
		want  []string
	}{
		"nothing":                 {``, []string{"planId: is missing"}},
		"an empty object":         {`{}`, []string{"planId: is missing"}},
		"null":                    {`null`, []string{"the input must be one JSON object"}},
		"a list":                  {`[]`, []string{"the input must be one JSON object"}},
		"a text":                  {`"acf42dd3"`, []string{"the input must be one JSON object"}},
		"an empty id":             {`{"planId":""}`, []string{"planId: is missing"}},
		"a number for the id":     {`{"planId":5}`, []string{"planId: must be a string, in quotes, got"}},
		"a field twice":           {`{"planId":"a","planId":"b"}`, []string{"planId: is given twice"}},
		"a field in another case": {`{"planid":"a"}`, []string{"planid: there is no such field"}},
		"everything wrong": {
			`{"planId":1,"extra":1,"timeout":"soon","pollAfter":5,"onUnknown":true,"preflight":"yes","params":{"md1":{"A":5,"B":{"secretRef":""},"C":{"x":"y"},"D":"ok"},"md2":"x"}}`,
			[]string{
				"planId: must be a string, in quotes, got", "extra: there is no such field",
				`timeout: must be a duration such as "90s" or "2h", got "soon"`, `pollAfter: must be a duration such as "90s" or "2h", got 5`,
				"onUnknown: must be a string, in quotes, got true", `preflight: must be true or false, got "yes"`,
				"params.md1.A: must be a string", "params.md1.B: secretRef must be the name of a secret", "params.md1.C: must be a string", "params.md2: must be an object",
			},
		},
		"a policy that makes no sense": {
			`{"planId":"a","pollAfter":"1ms","onUnknown":"guess"}`,
			[]string{"pollAfter: must be at least 1s", `onUnknown: must be "wait" or "fail", got "guess"`},
		},
		"a negative duration": {`{"planId":"a","timeout":"-1h"}`, []string{"timeout: must be a duration"}},
		"a key too many":      {`{"planId":"a"} {}`, []string{"after top-level value"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.onTrigger(triggered("in1"))
			_, err := b.runPlan(rawJSON(test.input))
			var faults runbook.Faults
			failed := failure(t, err, &faults)
			require.Equal(t, activities.ErrorInvalidInput, failed.Type())
			require.Len(t, faults, len(test.want), "%v", faults)
			for _, want := range test.want {
				require.Contains(t, failed.Message(), want)
			}
			require.Empty(t, b.triggers)
		})
	}
}

func TestTheCurrentDetailsKeepTextsInTheirCells(t *testing.T) {
	t.Parallel()
	text := markdown(Status{PlanID: "a|b", Phase: PhaseUnknown, Reason: "line\nbreak"})
	require.Contains(t, text, `| Plan | a\|b |`)
	require.Contains(t, text, "line break")
	require.Equal(t, 6, strings.Count(text, "\n"))
}

func TestASignalThatCannotBeReadDoesNotHoldUpARun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.onOutputs("0")
	b.RegisterDelayedCallback(func() { b.SignalWorkflow(signals.SignalName("in1"), "SUCCESS") }, 5*time.Second)
	b.call(10*time.Second, "in1", "SUCCESS")
	result, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	require.NoError(t, err)
	require.Equal(t, StatusSuccess, result.Status)
}
