package runbook

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func holds(t *testing.T, condition string, outputs ...ModelOutputs) (bool, error) {
	t.Helper()
	program := compiled(t, stage("plan: p, when: "+string(quote(condition))))
	return program.When(here, Scope{Step: steps(map[string]Result{"first": {Outputs: outputs}})})
}

func TestAnExpressionThatTouchesACutOutputFailsWithThatReason(t *testing.T) {
	t.Parallel()
	cut := ModelOutputs{ModelID: "md1", Nodes: []NodeOutput{{Name: "hosts", Result: "web1,we… [cut]", Cut: true}, {Name: "ok", Result: "yes"}}}
	for _, condition := range []string{
		"steps.first.outputs['hosts'] != ''",
		"steps.first.outputs.hosts.split(',').size() > 1",
		"steps.first.models.md1.outputs.hosts == 'web1'",
		"steps.first.outputs == {'hosts': '', 'ok': 'yes'}",
		"{'hosts': '', 'ok': 'yes'} == steps.first.outputs",
		"[steps.first.outputs] != [{}]",
		"steps.first.outputs.exists(name, steps.first.outputs[name] == 'web2')",
	} {
		_, err := holds(t, condition, cut)
		require.ErrorContains(t, err, `output "hosts" was too large and was cut`, condition)
	}
	for _, condition := range []string{"steps.first.outputs.ok == 'yes'", "'hosts' in steps.first.outputs", "steps.first.outputs.size() == 2"} {
		yes, err := holds(t, condition, cut)
		require.NoError(t, err, condition)
		require.True(t, yes, condition)
	}
	program := compiled(t, stage(`plan: p, params: {md1: {A: "${{ steps.first.outputs }}"}}`))
	_, err := program.Job(here, Scope{Step: steps(map[string]Result{"first": {Outputs: []ModelOutputs{cut}}})})
	require.ErrorContains(t, err, `output "hosts" was too large and was cut`)
}

func TestANameThatMayBeAmongOutputsLeftOutIsNeitherThereNorMissing(t *testing.T) {
	t.Parallel()
	left := ModelOutputs{ModelID: "md1", Nodes: []NodeOutput{{Name: "ok", Result: "yes"}, {Name: LeftOut, Result: "[cut: 3 more outputs]", Cut: true}}}
	for _, condition := range []string{
		"'lag' in steps.first.outputs", "steps.first.outputs.lag == ''", "has(steps.first.outputs.lag)", "steps.first.outputs.size() == 1",
		"steps.first.outputs == {'ok': 'yes'}",
	} {
		_, err := holds(t, condition, left)
		require.ErrorContains(t, err, "some of them were left out: [cut: 3 more outputs]", condition)
	}
	yes, err := holds(t, "steps.first.outputs.ok == 'yes' && 'ok' in steps.first.outputs", left)
	require.NoError(t, err)
	require.True(t, yes)
}

func TestANodeNameThatTwoModelsShareIsAmbiguous(t *testing.T) {
	t.Parallel()
	two := []ModelOutputs{
		{ModelID: "md1", Nodes: []NodeOutput{{Name: "lag", Result: "1"}}},
		{ModelID: "md2", Nodes: []NodeOutput{{Name: "lag", Result: "2"}, {Name: "ok", Result: "yes"}}},
	}
	_, err := holds(t, "steps.first.outputs.lag == '2'", two...)
	require.ErrorContains(t, err, `models md1 and md2 both have an output called "lag": use .models['md1'].outputs`)
	yes, err := holds(t, "steps.first.models.md1.outputs.lag == '1' && steps.first.models['md2'].outputs.lag == '2' && steps.first.outputs.ok == 'yes'", two...)
	require.NoError(t, err)
	require.True(t, yes)
	_, err = holds(t, "steps.first.models.md1.outputs.lag == '2'", ModelOutputs{ModelID: "md1", Nodes: []NodeOutput{{Name: "lag"}, {Name: "lag"}}})
	require.ErrorContains(t, err, `model md1 has several outputs called "lag"`)
}

func TestAStatusThatNoStepCanHaveIsAFinding(t *testing.T) {
	t.Parallel()
	for _, condition := range []string{
		"steps.first.status == 'FAIL'", "'fail' != steps['first'].status", "steps.first.status in ['SUCCESS', 'OK']",
		"steps.first.items.all(i, i.status == 'FINISH')", "steps.first.items[0].status == 'DONE'",
	} {
		_, err := Parse([]byte(stage("plan: p, when: " + string(quote(condition)))))
		require.ErrorContains(t, err, "no step ever has the status", condition)
		require.Len(t, err, 1, condition)
	}
	for _, status := range Statuses {
		_, err := Parse([]byte(stage("plan: p, when: " + string(quote("steps.first.status == '"+status+"'")))))
		require.NoError(t, err)
	}
	_, err := Parse([]byte(stage(`plan: p, when: "vars.deep.status == 'FAIL'"`)))
	require.NoError(t, err, "a variable's status is nobody else's business")
}

func TestApproversThatAreAListAreThePeopleInIt(t *testing.T) {
	t.Parallel()
	ask := func(approval string) (Approval, error) {
		return compiled(t, stage("approval: "+approval)).Approval(here, scene())
	}
	approval, err := ask(`{message: m, approvers: ["${{ vars.hosts }}", li, web1], quorum: 3}`)
	require.NoError(t, err)
	require.Equal(t, []string{"web1", "web2", "li"}, approval.Approvers)
	for given, want := range map[string]string{
		`{message: m, approvers: ["${{ vars.hosts }}"], quorum: 3}`:      "quorum: 3 people must approve, but only 2 may",
		`{message: m, approvers: ["${{ vars.site }}", east], quorum: 2}`: "quorum: 2 people must approve, but only 1 may",
		`{message: m, approvers: ["${{ vars.size }}"]}`:                  "approvers[0]: must give the name of a person",
		`{message: m, approvers: ["${{ [] }}"]}`:                         "approvers: give nobody who could answer",
		`{message: m, approvers: ["${{ '' }}"]}`:                         "approvers[0]: must give the name of a person",
		`{message: m, approvers: ["${{ vars.none }}"]}`:                  "",
	} {
		if want == "" {
			continue
		}
		_, err := ask(given)
		require.ErrorContains(t, err, want, given)
	}
}
