package activities

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
)

func TestATriggerRecordsItsIntentAndSendsResolvedParameters(t *testing.T) {
	t.Parallel()
	b := newBench(t, map[string]string{"db-password": "hunter2\n"})
	b.inputs = []platform.ModelInputs{{ModelID: "md1", Inputs: []platform.Input{{Name: "DIR"}, {Name: "PASSWORD"}}}}
	triggered, err := b.trigger(PlanTrigger{
		PlanID: "acf42dd3", Trigger: Trigger{Preflight: true},
		Params: PlanParams{"md1": {"DIR": runbook.Text("/opt"), "PASSWORD": runbook.SecretRef("db-password")}},
	})
	require.NoError(t, err)
	require.Equal(t, "in1", triggered.InstanceID)
	require.Len(t, b.intents, 1)
	intent := b.intents[0].(execution.Intent)
	require.Equal(t, triggered.Key, intent.Key)
	require.WithinDuration(t, time.Now().Add(64*time.Second), intent.OnItsWayUntil, time.Minute/2, "lease, call and arrival")
	require.WithinDuration(t, triggered.At.Add(time.Hour), triggered.PlatformTime, time.Minute, "by the platform's clock")
	require.Len(t, b.sent, 1)
	require.Equal(t, map[string]map[string]string{"md1": {"DIR": "/opt", "PASSWORD": "hunter2"}}, b.sent[0].Params)
	require.Contains(t, b.sent[0].CallbackURL, "/plan/")
	require.Contains(t, b.sent[0].CallbackURL, triggered.Key)
}

func TestATriggerIsNotSentWithoutItsIntent(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.lost = errors.New("the server does not answer")
	_, err := b.trigger(PlanTrigger{PlanID: "acf42dd3"})
	failed, _ := failure(t, err)
	require.Equal(t, ErrorTriggerNotSent, failed.Type())
	require.Empty(t, b.sent)
}

func TestATriggerIsNotSentWhereAnEarlierAttemptRecordedItsIntent(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.SetHeartbeatDetails("key")
	_, err := b.trigger(PlanTrigger{PlanID: "acf42dd3"})
	failed, fault := failure(t, err)
	require.Equal(t, ErrorTriggerOutcomeUnknown, failed.Type())
	require.NotEmpty(t, fault.Key)
	require.Empty(t, b.sent)
}

func TestTheTypeOfATriggersErrorTellsWhatIsKnown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		refusal error
		want    string
		token   bool
	}{
		"a business error":       {&platform.Error{HTTPStatus: 200, Code: 999, Sent: true}, ErrorTriggerRejected, false},
		"a rejected token":       {&platform.Error{HTTPStatus: 401, Sent: true, Auth: true}, ErrorPlatformAuth, true},
		"refused credentials":    {&platform.Error{HTTPStatus: 401, Auth: true}, ErrorPlatformAuth, false},
		"no connection":          {&platform.Error{Err: errReset}, ErrorTriggerNotSent, false},
		"a broken answer":        {&platform.Error{HTTPStatus: 200, Sent: true, Err: errReset}, ErrorTriggerOutcomeUnknown, false},
		"an error of some other": {errReset, ErrorTriggerOutcomeUnknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.refusal = test.refusal
			_, err := b.trigger(PlanTrigger{PlanID: "acf42dd3"})
			failed, fault := failure(t, err)
			require.Equal(t, test.want, failed.Type(), failed.Message())
			require.True(t, failed.NonRetryable())
			require.Equal(t, test.token, fault.TokenRejected)
		})
	}
}

func TestPreflightRefusesEveryInputThatDiffersFromTheDeclaredOnes(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.inputs = []platform.ModelInputs{
		{ModelID: "md1", Inputs: []platform.Input{{Name: "DIR"}, {Name: "HOST"}}}, {ModelID: "md2"},
	}
	_, err := b.trigger(PlanTrigger{PlanID: "acf42dd3", Trigger: Trigger{Preflight: true}, Params: PlanParams{
		"md1": {"DIR": runbook.Text("/opt"), "TYPO": runbook.Text("x")}, "md3": {"A": runbook.Text("x")},
	}})
	failed, _ := failure(t, err)
	require.Equal(t, ErrorInvalidInput, failed.Type())
	for _, want := range []string{
		"params.md1.HOST: this input is missing", "params.md1.TYPO: the platform declares no such input",
		"params.md3: plan acf42dd3 has no such model",
	} {
		require.Contains(t, failed.Message(), want)
	}
	require.Empty(t, b.sent)
	require.Empty(t, b.intents)
}

func TestASecretThatIsNotThereIsInvalidInput(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"missing", "../secret", "..", "a/b", "/etc/hostname"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			_, err := b.trigger(PlanTrigger{PlanID: "acf42dd3", Params: PlanParams{"md1": {"PASSWORD": runbook.SecretRef(name)}}})
			failed, _ := failure(t, err)
			require.Equal(t, ErrorInvalidInput, failed.Type())
			require.Contains(t, failed.Message(), "params.md1.PASSWORD: ")
			require.Empty(t, b.sent)
		})
	}
}

func TestAPreflightThatCannotBeReadMeansNothingWasSent(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.err = &platform.Error{Endpoint: "P3", HTTPStatus: 503, Sent: true}
	_, err := b.trigger(PlanTrigger{PlanID: "acf42dd3", Trigger: Trigger{Preflight: true}})
	failed, fault := failure(t, err)
	require.Equal(t, ErrorTriggerNotSent, failed.Type())
	require.Equal(t, 503, fault.HTTPStatus)
	require.Empty(t, b.sent)
}

func TestASceneWhoseCallbacksWouldComeWithoutATokenIsNotRegistered(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.activities.unsigned = true
	_, err := b.ExecuteActivity(b.activities.DpaSchedulePlan, SceneTrigger{PlanTrigger: PlanTrigger{PlanID: "p"}, SceneName: "巡检"})
	failed, _ := failure(t, err)
	require.Equal(t, ErrorInvalidInput, failed.Type())
	require.Contains(t, failed.Message(), "DPA_BRIDGE_UNSIGNED")
	require.Contains(t, failed.Message(), "starter schedule")
	require.Empty(t, b.intents)
	require.Empty(t, b.scenes)
}
