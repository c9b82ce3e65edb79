package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
)

func newModelBench(t *testing.T, status string) *bench {
	t.Helper()
	b := newBench(t, map[string]string{"db-password": "hunter2"})
	b.models = []platform.Model{{ID: "md1", Status: status}}
	b.modelInputs = []platform.Input{{Name: "PASSWORD"}}
	return b
}

func (b *bench) triggerModel(in ModelTrigger) (triggered Triggered, err error) {
	value, err := b.ExecuteActivity(b.activities.DpaTriggerModel, in)
	if err != nil {
		return triggered, err
	}
	return triggered, value.Get(&triggered)
}

func TestAModelIsTriggeredWithResolvedParametersWhenItIsIdle(t *testing.T) {
	t.Parallel()
	b := newModelBench(t, "SUCCESS")
	triggered, err := b.triggerModel(ModelTrigger{
		ModelID: "md1", Params: Params{"PASSWORD": runbook.SecretRef("db-password")}, ExecutePath: "/run/{modelId}",
		Sync: true, SyncTimeout: time.Minute, Trigger: Trigger{Preflight: true},
	})
	require.NoError(t, err)
	require.Equal(t, "in1", triggered.InstanceID)
	require.Equal(t, "RUNNING", triggered.Status)
	require.Equal(t, map[string]string{"PASSWORD": "hunter2"}, b.sentModels[0].Params)
	require.Equal(t, []string{"hunter2"}, b.sentModels[0].Private)
	require.Equal(t, time.Minute, b.sentModels[0].SyncTimeout)
}

func TestAModelIsNotTriggeredWhileAnotherHasIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status  string
		refusal error
		sent    int
	}{
		"the platform says so":               {status: "RUNNING"},
		"it is suspended":                    {status: "PENDING"},
		"somebody was faster than our check": {status: "DEFAULT", refusal: &platform.Error{HTTPStatus: 200, Code: 999, Sent: true}, sent: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newModelBench(t, test.status)
			b.refusal = test.refusal
			if test.refusal != nil {
				b.busyAfterTrigger = true
			}
			_, err := b.triggerModel(ModelTrigger{ModelID: "md1", Trigger: Trigger{Preflight: true, Checked: true}})
			failed, fault := failure(t, err)
			require.Equal(t, ErrorTriggerNotSent, failed.Type())
			require.True(t, fault.Busy)
			require.Len(t, b.sentModels, test.sent)
		})
	}
}

func TestBadInputOfAModelIsFoundBeforeItIsTriggered(t *testing.T) {
	t.Parallel()
	b := newModelBench(t, "DEFAULT")
	_, err := b.triggerModel(ModelTrigger{ModelID: "md1", Params: Params{"TYPO": runbook.Text("x")}, Trigger: Trigger{Preflight: true}})
	failed, _ := failure(t, err)
	require.Equal(t, ErrorInvalidInput, failed.Type())
	for _, want := range []string{"params.PASSWORD: this input is missing", "params.TYPO: the platform declares no such input"} {
		require.Contains(t, failed.Message(), want)
	}
	require.Empty(t, b.sentModels)
}

func TestAModelThatTheListDoesNotHaveIsTriggeredAllTheSame(t *testing.T) {
	t.Parallel()
	b := newModelBench(t, "RUNNING")
	_, err := b.triggerModel(ModelTrigger{ModelID: "md2", Params: Params{"PASSWORD": runbook.Text("x")}, Trigger: Trigger{Preflight: true}})
	require.NoError(t, err)
	require.Len(t, b.sentModels, 1)

	var found runbook.Faults
	value, err := b.ExecuteActivity(b.activities.DpaPreflight, PreflightInput{Idle: true, Jobs: []PreflightJob{
		{Path: "steps[0]", ModelID: "md2", Params: Params{"PASSWORD": runbook.Text("x")}},
	}})
	require.NoError(t, err)
	require.NoError(t, value.Get(&found))
	require.Empty(t, found)
}

func TestWithoutAPreflightTheListOfModelsIsNotAskedFor(t *testing.T) {
	t.Parallel()
	b := newModelBench(t, "RUNNING")
	b.fake.err = errReset
	_, err := b.triggerModel(ModelTrigger{ModelID: "md1"})
	require.NoError(t, err)
	require.Len(t, b.sentModels, 1, "whoever may not list models may yet run one")

	b.refusal = &platform.Error{HTTPStatus: 200, Code: 999, Sent: true}
	_, err = b.triggerModel(ModelTrigger{ModelID: "md1"})
	failed, fault := failure(t, err)
	require.Equal(t, ErrorTriggerRejected, failed.Type(), "nor is a refusal in doubt for that")
	require.False(t, fault.Busy)
}

func TestAPreflightFindsEverythingAndAsksForEachPlanOnce(t *testing.T) {
	t.Parallel()
	b := newModelBench(t, "RUNNING")
	b.inputs = []platform.ModelInputs{{ModelID: "md9", Inputs: []platform.Input{{Name: "A"}}}}
	in := PreflightInput{Idle: true, Jobs: []PreflightJob{
		{Path: "steps[0]", PlanID: "p", PlanParams: PlanParams{"md9": {"A": runbook.Text("x")}}},
		{Path: "steps[1]", PlanID: "p", PlanParams: PlanParams{"md9": {"A": runbook.SecretRef("none")}, "md8": {}}},
		{Path: "steps[2]", PlanID: "${{ vars.plan }}"},
		{Path: "steps[3]", ModelID: "md1"},
	}}
	value, err := b.ExecuteActivity(b.activities.DpaPreflight, in)
	require.NoError(t, err)
	var faults runbook.Faults
	require.NoError(t, value.Get(&faults))
	require.Len(t, faults, 3, "%v", faults)
	for i, want := range []string{"steps[1].params.md8: ", "steps[1].params.md9.A: there is no secret", `steps[3].model: model "md1" is RUNNING`} {
		require.Contains(t, faults[i].Path+": "+faults[i].Problem, want)
	}
	require.Equal(t, 1, b.asked)
}
