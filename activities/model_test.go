package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform"
)

// table hands out turns as told.
type table struct {
	taken bool
	given []Turn
}

func (t *table) take(context.Context, string, Turn) (bool, error) { return !t.taken, nil }
func (t *table) give(_ context.Context, _ string, turn Turn) error {
	t.given = append(t.given, turn)
	return nil
}

func newModelBench(t *testing.T, status string) (*bench, *table) {
	t.Helper()
	b := newBench(t, map[string]string{"db-password": "hunter2"})
	held := &table{}
	b.activities.turns = func(context.Context) turns { return held }
	b.models = []platform.Model{{ID: "md1", Status: status}}
	b.modelInputs = []platform.Input{{Name: "PASSWORD"}}
	return b, held
}

func (b *bench) triggerModel(in ModelTrigger) (triggered Triggered, err error) {
	value, err := b.ExecuteActivity(b.activities.TriggerModel, in)
	if err != nil {
		return triggered, err
	}
	return triggered, value.Get(&triggered)
}

func TestAModelIsTriggeredWithResolvedParametersWhenItIsIdle(t *testing.T) {
	t.Parallel()
	b, _ := newModelBench(t, "SUCCESS")
	triggered, err := b.triggerModel(ModelTrigger{
		ModelID: "md1", Params: Params{"PASSWORD": SecretRef("db-password")}, ExecutePath: "/run/{modelId}",
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
		taken   bool
		refusal error
		sent    int
	}{
		"the platform says so":               {status: "RUNNING"},
		"it is suspended":                    {status: "PENDING"},
		"another run of ours has the turn":   {status: "DEFAULT", taken: true},
		"somebody was faster than our check": {status: "DEFAULT", refusal: &platform.Error{HTTPStatus: 200, Code: 999, Sent: true}, sent: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, turns := newModelBench(t, test.status)
			turns.taken, b.refusal = test.taken, test.refusal
			if test.refusal != nil {
				b.busyAfterTrigger = true
			}
			_, err := b.triggerModel(ModelTrigger{ModelID: "md1"})
			failed, fault := failure(t, err)
			require.Equal(t, ErrorTriggerNotSent, failed.Type())
			require.True(t, fault.Busy)
			require.Len(t, b.sentModels, test.sent)
		})
	}
}

func TestBadInputOfAModelIsFoundBeforeItIsTriggered(t *testing.T) {
	t.Parallel()
	b, _ := newModelBench(t, "DEFAULT")
	_, err := b.triggerModel(ModelTrigger{ModelID: "md1", ExecutePath: "//elsewhere", Params: Params{"TYPO": Text("x")}, Trigger: Trigger{Preflight: true}})
	failed, _ := failure(t, err)
	require.Equal(t, ErrorInvalidInput, failed.Type())
	for _, want := range []string{"executePath: ", "params.PASSWORD: this input is missing", "params.TYPO: the platform declares no such input"} {
		require.Contains(t, failed.Message(), want)
	}
	_, err = b.triggerModel(ModelTrigger{ModelID: "md2"})
	failed, _ = failure(t, err)
	require.Contains(t, failed.Message(), `modelId: the platform lists no model "md2"`)
	require.Empty(t, b.sentModels)
}

func TestTheOutputsOfAModelGiveItsTurnBack(t *testing.T) {
	t.Parallel()
	b, turns := newModelBench(t, "SUCCESS")
	b.nodes = []platform.NodeOutput{{Name: "节点", Result: "值"}}
	value, err := b.ExecuteActivity(b.activities.ModelOutputs, ModelInstance{ModelID: "md1", InstanceID: "in1", Step: "md1.1"})
	require.NoError(t, err)
	var nodes []NodeOutput
	require.NoError(t, value.Get(&nodes))
	require.Equal(t, b.nodes, nodes)
	require.Len(t, turns.given, 1)
	require.Equal(t, "md1.1", turns.given[0].Step)
}

func TestAPreflightFindsEverythingAndAsksForEachPlanOnce(t *testing.T) {
	t.Parallel()
	b, _ := newModelBench(t, "RUNNING")
	b.inputs = []platform.ModelInputs{{ModelID: "md9", Inputs: []platform.Input{{Name: "A"}}}}
	in := PreflightInput{Idle: true, Jobs: []PreflightJob{
		{Path: "steps[0]", PlanID: "p", PlanParams: PlanParams{"md9": {"A": Text("x")}}},
		{Path: "steps[1]", PlanID: "p", PlanParams: PlanParams{"md9": {"A": SecretRef("none")}, "md8": {}}},
		{Path: "steps[2]", PlanID: "${{ vars.plan }}"},
		{Path: "steps[3]", ModelID: "md1"},
		{Path: "steps[4]", ModelID: "md2"},
	}}
	value, err := b.ExecuteActivity(b.activities.Preflight, in)
	require.NoError(t, err)
	var faults Faults
	require.NoError(t, value.Get(&faults))
	require.Len(t, faults, 4, "%v", faults)
	for i, want := range []string{"steps[1].params.md8: ", "steps[1].params.md9.A: there is no secret", `steps[3].model: model "md1" is RUNNING`, `steps[4].model: the platform lists no model`} {
		require.Contains(t, faults[i].Path+": "+faults[i].Problem, want)
	}
	require.Equal(t, 1, b.asked)
}
