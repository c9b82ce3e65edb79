package runbook

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADocumentBuiltInGoIsTheSame(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/dr-switchover.yaml")
	require.NoError(t, err)
	const core = "md1606743910508"
	built := New("dr-switchover",
		Vars{"site": nil, "hosts": []string{"web1", "web2", "web3"}},
		Option(func(d *Document) {
			d.Description = "Move the core system to the standby site"
			d.MaxParallel = 8
			d.OnFailure = PauseOnFailure
			d.Target = Duration(30 * time.Minute)
		}),
		Plan("freeze", "acf42dd3",
			With(Params{core: Inputs(Params{
				"DPA_MODEL_WORKDIR": Text("/opt"),
				"SITE":              Text("${{ vars.site }}"),
				"PASSWORD":          SecretRef("db-password"),
			})}),
			func(s *Step) { s.Name, s.Timeout = "冻结变更", Duration(30*time.Minute) }),
		Approve("confirm", Approval{
			Message:   "Switch to ${{ vars.site }}? Lag: ${{ steps.freeze.outputs['复制延迟'] }}",
			Approvers: []string{"zhang", "li"},
			Quorum:    1,
			Timeout:   Duration(time.Hour),
			OnTimeout: RejectOnTimeout,
		}),
		Plan("switch", "bcf42dd4",
			If("steps.freeze.outputs['复制延迟'] == '0'"),
			IfFailed(RollbackOnFailure),
			Undo(Job{Plan: "bcf42dd5"}),
			func(s *Step) { s.Retries.Max = 1 }),
		Plan("probe", "ccf42dd6",
			After("switch"),
			Each("vars.hosts"),
			With(Params{core: Inputs(Params{"HOST": Text("${{ item }}")})}),
			func(s *Step) { s.MaxParallel, s.MaxFailures = 2, MaxFailures{Percent: 20} }),
		Model("notify", "mdnotify",
			Needs(Need{Step: "probe", On: OnEnd}),
			func(s *Step) { s.Join = JoinAll }),
		Wait("cool-down", Duration(10*time.Minute)),
		Nest("clean-up", New("clean-up",
			Vars{"hosts": "${{ vars.hosts }}", "label": "after ${{ runbook.workflowId }}"},
			Model("remove", "mdremove",
				Each("vars.hosts"),
				With(Params{"HOST": Text("${{ item }}"), "LABEL": Text("${{ vars.label }}")}),
				func(s *Step) {
					s.ExecutePath = "/api/dpa/process/run/mdremove"
					s.Sync, s.SyncTimeout = true, Duration(3*time.Second)
					s.DesignatedOutputsOnly, s.OnBusy = true, FailOnBusy
				}),
		)),
	)
	require.NoError(t, built.Validate())
	require.Equal(t, parse(t, string(text)), built)
}

func TestADocumentBuiltInGoIsCheckedLikeAnyOther(t *testing.T) {
	t.Parallel()
	err := New("", Vars{"a": make(chan int)},
		Plan("a", "p", After("b"), func(s *Step) { s.Timeout, s.MaxFailures = -1, MaxFailures{Count: -1} }),
		Plan("b", "", If("vars.a")),
	).Validate()
	require.Equal(t, []string{
		"name is missing",
		"vars.a: cannot be written as JSON: json: unsupported type: chan int",
		"steps[0].timeout: must be more than zero, got -1ns",
		"steps[0].maxFailures: must be at least 0, got -1",
		"steps[0].maxFailures: is only for a step with forEach",
		"steps[1]: must have exactly one of plan, model, approval, ask, wait, runbook",
		"steps[0]: the steps need each other in a circle: a needs b needs a",
	}, problems(err))
}

func TestVariablesAreBoundBeforeARun(t *testing.T) {
	t.Parallel()
	document := parse(t, "name: x\nvars: {site: null, size: 2}\nsteps: [{id: a, plan: p}]")
	require.Equal(t, []string{"vars.siet: there is no such variable", "vars.site: is required: it has no default"},
		problems(document.Bind(map[string]any{"siet": "a"})))
	require.Equal(t, Vars{"site": nil, "size": int64(2)}, document.Vars, "nothing is bound where something is wrong")
	require.NoError(t, document.Bind(map[string]any{"site": []int{1}}))
	require.Equal(t, Vars{"site": []any{int64(1)}, "size": int64(2)}, document.Vars)
	require.NoError(t, document.Bind(nil), "a document that was bound can be run")
}
