package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

func TestOnlyATriggerThatDidNotRunIsSentAgain(t *testing.T) {
	t.Parallel()
	tokenRejected := func(key string) (activities.Triggered, error) {
		return activities.Triggered{}, temporal.NewNonRetryableApplicationError("403", activities.ErrorPlatformAuth, nil,
			activities.Fault{Key: key, TokenRejected: true})
	}
	lost := func(details ...any) func(string) (activities.Triggered, error) {
		return func(string) (activities.Triggered, error) {
			return activities.Triggered{}, temporal.NewHeartbeatTimeoutError(details...)
		}
	}
	untaken := func(string) (activities.Triggered, error) {
		return activities.Triggered{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
	}
	for name, test := range map[string]struct {
		answers  []func(string) (activities.Triggered, error)
		triggers int
		want     string // error type, "" for success
	}{
		"not sent, three times":             {answers: []func(string) (activities.Triggered, error){refused("TriggerNotSent"), refused("TriggerNotSent"), refused("TriggerNotSent"), triggered("in1")}, triggers: 4},
		"never sent":                        {answers: []func(string) (activities.Triggered, error){refused("TriggerNotSent")}, triggers: 65, want: "TriggerNotSent"},
		"rejected for its token, once":      {answers: []func(string) (activities.Triggered, error){tokenRejected, triggered("in1")}, triggers: 2},
		"rejected for its token, twice":     {answers: []func(string) (activities.Triggered, error){tokenRejected}, triggers: 2, want: "PlatformAuth"},
		"credentials refused":               {answers: []func(string) (activities.Triggered, error){refused("PlatformAuth")}, triggers: 1, want: "PlatformAuth"},
		"rejected":                          {answers: []func(string) (activities.Triggered, error){refused("TriggerRejected")}, triggers: 1, want: "TriggerRejected"},
		"bad input":                         {answers: []func(string) (activities.Triggered, error){refused("InvalidInput")}, triggers: 1, want: "InvalidInput"},
		"the worker died without a mark":    {answers: []func(string) (activities.Triggered, error){lost(), triggered("in1")}, triggers: 2},
		"the worker died and left its mark": {answers: []func(string) (activities.Triggered, error){lost("mark")}, triggers: 1, want: "TriggerOutcomeUnknown"},
		"no worker took it":                 {answers: []func(string) (activities.Triggered, error){untaken, triggered("in1")}, triggers: 2},
		"an error of no known kind":         {answers: []func(string) (activities.Triggered, error){refused("PanicError")}, triggers: 1, want: "TriggerOutcomeUnknown"},
		"unknown":                           {answers: []func(string) (activities.Triggered, error){refused("TriggerOutcomeUnknown")}, triggers: 1, want: "TriggerOutcomeUnknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.onTrigger(test.answers...)
			b.onOutputs("0")
			if test.want == "" {
				b.call(30*time.Second, "in1", "SUCCESS")
			}
			_, err := b.runPlan(PlanInput{PlanID: "acf42dd3", Policy: Policy{Timeout: runbook.Duration(time.Hour)}})
			require.Len(t, b.triggers, test.triggers)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			var status Status
			require.Equal(t, test.want, failure(t, err, &status).Type())
			require.Equal(t, test.triggers, status.Triggers)
			require.Empty(t, status.InstanceID)
		})
	}
}

func TestACallbackOnTheTriggersOwnAddressSettlesAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(refused("TriggerOutcomeUnknown"))
	b.onOutputs("0")
	b.RegisterDelayedCallback(func() {
		status := b.status()
		require.Equal(t, PhaseUnknown, status.Phase)
		require.NotEmpty(t, status.Reason)
	}, time.Minute)
	b.call(2*time.Minute, "in7", "RUNNING")
	b.call(3*time.Minute, "in7", "SUCCESS")
	result, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	require.NoError(t, err)
	require.Equal(t, "in7", result.InstanceID)
	require.Len(t, b.triggers, 1)
}

func TestOnUnknownFailEndsTheRunAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(refused("TriggerOutcomeUnknown"))
	_, err := b.runPlan(PlanInput{PlanID: "acf42dd3", Policy: Policy{OnUnknown: runbook.FailOnUnknown}})
	var status Status
	require.Equal(t, activities.ErrorTriggerOutcomeUnknown, failure(t, err, &status).Type())
	require.Equal(t, PhaseUnknown, status.Phase)
}

func TestAnOperatorSettlesAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		resolve  ResolveTrigger
		triggers int
		instance string
		want     string
	}{
		"adopt":     {ResolveTrigger{Action: "adopt", InstanceID: "in7", By: "zhang", Comment: "seen on the platform"}, 1, "in7", ""},
		"retrigger": {ResolveTrigger{Action: "retrigger", By: "zhang", Comment: "seen on the platform"}, 2, "in8", ""},
		"abort":     {ResolveTrigger{Action: "abort", By: "zhang", Comment: "seen on the platform"}, 1, "", "TriggerOutcomeUnknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.onTrigger(refused("TriggerOutcomeUnknown"), triggered("in8"))
			b.onOutputs("0")
			b.update(time.Minute, "resolveTrigger", test.resolve, func(rejected, err error) {
				require.NoError(t, rejected)
				require.NoError(t, err)
			})
			if test.instance != "" {
				b.call(time.Hour, test.instance, "SUCCESS")
			}
			result, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
			require.Len(t, b.triggers, test.triggers)
			status := b.status()
			require.Len(t, status.Actions, 1)
			require.Equal(t, "resolveTrigger "+name, status.Actions[0].Name)
			require.Equal(t, "zhang", status.Actions[0].By)
			require.Equal(t, "seen on the platform", status.Actions[0].Comment)
			if test.want != "" {
				require.Equal(t, test.want, failure(t, err, nil).Type())
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.instance, result.InstanceID)
		})
	}
}

func TestAnOperatorSaysHowAnInstanceEndedWhoseCallbacksAreLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.onOutputs("0")
	b.update(time.Minute, "resolveRun", ResolveRun{Status: "SUCCESS", By: "li"}, func(rejected, err error) {
		require.NoError(t, rejected)
		require.NoError(t, err)
	})
	result, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	require.NoError(t, err)
	require.Equal(t, ObservedByOperator, result.ObservedBy)
}

func TestNewsOfTheFirstTriggerAfterASecondOneIsToldToTheOperator(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(refused("TriggerOutcomeUnknown"), triggered("in8"))
	b.onOutputs("0")
	b.update(time.Minute, "resolveTrigger", ResolveTrigger{Action: "retrigger"}, func(rejected, _ error) { require.NoError(t, rejected) })
	b.RegisterDelayedCallback(func() {
		b.SignalWorkflow("platform-callback:"+b.keys[0], map[string]string{"instanceId": "in7", "status": "SUCCESS"})
	}, 2*time.Minute)
	b.call(3*time.Minute, "in8", "SUCCESS")
	result, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
	require.NoError(t, err)
	require.Equal(t, "in8", result.InstanceID)
	require.Len(t, result.Notes, 1)
	require.Contains(t, result.Notes[0].Text, "in7")
}

func TestAnUpdateThatMakesNoSenseIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		update   string
		argument string
		unknown  bool
		want     string
	}{
		"resolveTrigger while waiting": {"resolveTrigger", `{"action":"abort"}`, false, "not in doubt: the run is WAITING, instance in1"},
		"an unknown action":            {"resolveTrigger", `{"action":"guess"}`, true, `action must be "adopt", "retrigger" or "abort", got "guess"`},
		"adopt without an instance":    {"resolveTrigger", `{"action":"adopt"}`, true, "adopt needs the instanceId"},
		"retrigger with an instance":   {"resolveTrigger", `{"action":"retrigger","instanceId":"in1"}`, true, "takes no instanceId"},
		"an unknown field":             {"resolveTrigger", `{"action":"abort","why":"x"}`, true, "why: there is no such field"},
		"a step that is not there":     {"resolveTrigger", `{"action":"abort","step":"switch"}`, true, `nothing called "switch" is running here`},
		"resolveRun while in doubt":    {"resolveRun", `{"status":"SUCCESS"}`, true, "name it first by resolveTrigger"},
		"an unknown status":            {"resolveRun", `{"status":"FINISH"}`, false, `status must be "SUCCESS" or "FAIL", got "FINISH"`},
		"a status that is a number":    {"resolveRun", `{"status":1}`, false, "status: must be a string, in quotes, got 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			answer := triggered("in1")
			if test.unknown {
				answer = refused("TriggerOutcomeUnknown")
			}
			b.onTrigger(answer)
			var refusal error
			b.update(time.Minute, test.update, rawJSON(test.argument), func(rejected, _ error) { refusal = rejected })
			_, err := b.runPlan(PlanInput{PlanID: "acf42dd3"})
			require.Error(t, err)
			require.ErrorContains(t, refusal, test.want)
			require.Empty(t, b.status().Actions)
		})
	}
}
