package activities

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
)

// rule is a policy as a test says.
type rule struct {
	refused runbook.Faults
	frozen  func() string
	asked   []PolicyTrigger
}

func (r *rule) Check(t PolicyTrigger) runbook.Faults {
	r.asked = append(r.asked, t)
	return slices.Clone(r.refused)
}

func (r *rule) Frozen() string { return r.frozen() }

func TestThePolicyIsAskedAboutAllThatATriggerUses(t *testing.T) {
	t.Parallel()
	b := newBench(t, map[string]string{"db-password": "hunter2"})
	policy := &rule{refused: runbook.Faults{{Path: "planId", Problem: "no"}, {Path: "params.md1.PASSWORD", Problem: "no"}}, frozen: func() string { return "" }}
	b.activities.policy = policy
	_, err := b.trigger(PlanTrigger{PlanID: "p", Trigger: Trigger{Preflight: true},
		Params: PlanParams{"md1": {"PASSWORD": runbook.SecretRef("db-password"), "HOST": runbook.Text("web1")}}})
	failed, _ := failure(t, err)
	require.Equal(t, ErrorInvalidInput, failed.Type())
	require.ErrorContains(t, err, "params.md1.PASSWORD: no")
	require.Zero(t, b.asked, "the platform is not asked")
	require.Empty(t, b.sent)
	require.Equal(t, []PolicyTrigger{{PlanID: "p", Secrets: []SecretUse{{Name: "db-password", Path: "params.md1.PASSWORD"}}}}, policy.asked)

	_, err = b.triggerModel(ModelTrigger{ModelID: "md1", ExecutePath: "/x", Params: Params{"PASSWORD": runbook.SecretRef("other")}})
	require.Error(t, err)
	require.Equal(t, PolicyTrigger{ModelID: "md1", ExecutePath: "/x", Secrets: []SecretUse{{Name: "other", Path: "params.PASSWORD"}}}, policy.asked[1])
}

func TestARunbooksPreflightAsksThePolicyToo(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.models = []platform.Model{{ID: "md1"}}
	policy := &rule{refused: runbook.Faults{{Path: "planId", Problem: "no"}}}
	b.activities.policy = policy
	value, err := b.ExecuteActivity(b.activities.DpaPreflight, PreflightInput{Jobs: []PreflightJob{
		{Path: "steps[0]", PlanID: "p"}, {Path: "steps[1]", ModelID: "md1", ExecutePath: "/x"}, {Path: "steps[2]", PlanID: "${{ vars.plan }}"},
	}})
	require.NoError(t, err)
	var found runbook.Faults
	require.NoError(t, value.Get(&found))
	require.Equal(t, runbook.Faults{{Path: "steps[0].plan", Problem: "no"}, {Path: "steps[1].plan", Problem: "no"}}, found)
	require.Equal(t, PolicyTrigger{ModelID: "md1", ExecutePath: "/x"}, policy.asked[1])
}

func TestAFreezeHoldsATriggerUntilTheLastMoment(t *testing.T) {
	t.Parallel()
	for name, frozenFrom := range map[string]int{"from the start": 1, "while it is prepared": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			asked := 0
			b.activities.policy = &rule{frozen: func() string {
				if asked++; asked >= frozenFrom {
					return "audit"
				}
				return ""
			}}
			_, err := b.trigger(PlanTrigger{PlanID: "p"})
			failed, fault := failure(t, err)
			require.Equal(t, ErrorTriggerNotSent, failed.Type())
			require.True(t, fault.Frozen)
			require.ErrorContains(t, err, "audit")
			require.Empty(t, b.sent)

			_, err = b.trigger(PlanTrigger{PlanID: "p", Trigger: Trigger{Exempt: true}})
			require.NoError(t, err, "what undoes or finishes goes out")
			require.Len(t, b.sent, 1)
		})
	}
}
