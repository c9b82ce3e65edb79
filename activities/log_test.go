package activities

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

func TestInputsLogWhomTheyAreAboutAndNotWhatIsGivenToThem(t *testing.T) {
	t.Parallel()
	plan := PlanTrigger{PlanID: "p1", Params: PlanParams{"md1": {"HOST": runbook.Text("planted")}}, Trigger: Trigger{Origin: "o", Step: "s1"}}
	for want, in := range map[string]slog.LogValuer{
		"in.planId=p1 in.step=s1":                    plan,
		"in.planId=p2":                               SceneTrigger{PlanTrigger: PlanTrigger{PlanID: "p2", Params: plan.Params}, SceneName: "planted"},
		"in.modelId=m1 in.step=s1":                   ModelTrigger{ModelID: "m1", Params: plan.Params["md1"], Trigger: plan.Trigger},
		"in.planId=p1 in.instanceId=in1":             PlanInstance{PlanID: "p1", InstanceID: "in1"},
		"in.modelId=m1 in.instanceId=in1 in.step=s1": ModelInstance{ModelID: "m1", InstanceID: "in1", Step: "s1"},
		"in.planId=p1":                               PlanQuestion{PlanID: "p1"},
		"in.kind=plan in.instanceId=in1":             Instance{Kind: "plan", InstanceID: "in1"},
	} {
		var line bytes.Buffer
		slog.New(slog.NewTextHandler(&line, nil)).Info("", "in", in)
		require.Contains(t, line.String(), ` msg="" `+want+"\n")
	}
}
