package engine

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const switchover = "name: r\nonFailure: rollback\nvars: {hosts: [web1, web2]}\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: each, plan: p, forEach: vars.hosts, rollback: {plan: u}}, {id: in, runbook: {name: i, steps: [{id: x, plan: p, rollback: {plan: u}}]}}, {id: bad, plan: p}]"

func TestWhatWasRolledBackRunsAnew(t *testing.T) {
	t.Parallel()
	r := begin(t, switchover)
	r.succeeds("a.1", "each[0].1", "each[1].1", "in/x.1")
	r.fails("bad.1")
	r.succeeds("in/x~rollback.1", "each[1]~rollback.1", "each[0]~rollback.1", "a~rollback.1")
	r.does("finish")
	next, err := r.resumed(switchover, Choices{})
	require.NoError(t, err)
	next.does("start a.2")
	next.succeeds("a.2")
	next.does("start each[0].2", "start each[1].2")
	next.succeeds("each[0].2", "each[1].2")
	next.does("start in/x.2")
	next.succeeds("in/x.2", "bad.2")
	next.does("finish")
	require.Equal(t, "SUCCESS", next.e.Status)
}

func TestItemsAreMatchedByValueAndAmongEqualsByOrdinal(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: abort\nvars: {hosts: %}\nsteps: [{id: a, plan: p, forEach: vars.hosts, params: {md: {H: '${{ item }}'}}}, {id: b, plan: p}]"
	with := func(hosts string) string { return strings.Replace(document, "%", hosts, 1) }

	r := begin(t, with("[web1, web2]"))
	r.succeeds("a[0].1", "a[1].1")
	r.fails("b.1")
	next, err := r.resumed(with("[web9, web2, web1]"), Choices{})
	require.NoError(t, err)
	next.does("start a[0].1") // web9, which has never run
	require.Equal(t, "SUCCESS", next.step("a[1]").Status)

	r = begin(t, with("[a, b, c]"))
	r.succeeds("a[0].1")
	r.fails("a[1].1")
	r.succeeds("a[2].1")
	r.does("finish")
	next, err = r.resumed(with("[b, c, d]"), Choices{})
	require.NoError(t, err)
	next.does("start a[0].2", "start a[2].1") // b, which failed, and d
	require.Equal(t, "SUCCESS", next.step("a[1]").Status, "c")

	r = begin(t, with("[x, x]"))
	r.succeeds("a[0].1")
	r.fails("a[1].1")
	next, err = r.resumed(with("[x, x, x]"), Choices{})
	require.NoError(t, err)
	next.does("start a[1].2", "start a[2].1")
}

func TestAKeptStepWhoseInputsChangedIsAFindingUntilSomebodyDecides(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: abort\nvars: {site: %}\nsteps: [{id: ok, approval: {message: 'to ${{ vars.site }}?'}}, {id: a, plan: p, params: {md: {S: '${{ vars.site }}'}}}, {id: b, plan: p}]"
	with := func(site string) string { return strings.Replace(document, "%", site, 1) }
	r := begin(t, with("east"))
	r.act(Action{Name: ActionApprove, Step: "ok", By: "li"})
	r.succeeds("a.1")
	r.fails("b.1")

	_, err := r.resumed(with("west"), Choices{})
	require.ErrorContains(t, err, "resumeFrom[ok]: its inputs are not those that it ran with")
	require.ErrorContains(t, err, "resumeFrom[a]: its inputs are not those that it ran with")
	next, err := r.resumed(with("west"), Choices{Rerun: []string{"ok"}, Keep: []string{"a"}})
	require.NoError(t, err)
	require.Equal(t, "approval ok", next.waitsFor())
	require.Equal(t, "SUCCESS", next.step("a").Status)
	next, err = r.resumed(with("east"), Choices{})
	require.NoError(t, err)
	next.does("start b.2")
}

func TestAKeptStepThatDependsOnOneThatRunsAnewIsAFinding(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: abort\nsteps: [{id: a, plan: p}, {id: b, plan: p, params: {md: {S: '${{ steps.a.instanceId }}'}}}, {id: c, plan: p}]"
	r := begin(t, document)
	r.succeeds("a.1", "b.1")
	r.fails("c.1")
	_, err := r.resumed(document, Choices{Rerun: []string{"a"}})
	require.ErrorContains(t, err, `resumeFrom[b]: its inputs cannot be compared`)
	_, err = r.resumed(document, Choices{Rerun: []string{"a", "b"}})
	require.NoError(t, err)
}

func TestWhatMayStillRunIsAFindingUntilItIsAdoptedOrRunAgain(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: abort\nvars: {hosts: [1]}\nsteps: [{id: a, plan: p, needs: []}, {id: each, needs: [], plan: p, forEach: vars.hosts}, {id: in, needs: [], runbook: {name: i, steps: [{id: x, plan: p}]}}]"
	r := begin(t, document)
	r.next(Progress{Key: "each[0].1", Phase: "WAITING", InstanceID: "in7"})
	r.timesOut("a.1")
	require.Nil(t, r.e.FinishedAt, "as it is found where it was terminated")
	_, err := r.resumed(document, Choices{})
	require.ErrorContains(t, err, "resumeFrom[a]: the platform may still run in-a.1")
	require.ErrorContains(t, err, "resumeFrom[each[0]]: the platform may still run in7")
	require.ErrorContains(t, err, "resumeFrom[in/x]: the platform may still run what was triggered")
	next, err := r.resumed(document, Choices{Adopt: []string{"each[0]", "in/x=in8"}, Rerun: []string{"a"}})
	require.NoError(t, err)
	next.does("start a.2", "adopt in7 of run-1 as each[0].2", "adopt in8 of run-1 as in/x.2")
	third, err := next.resumed(document, Choices{Adopt: []string{"each[0]", "in/x"}, Rerun: []string{"a"}})
	require.NoError(t, err)
	third.does("start a.3", "adopt in7 of run-1 as each[0].3", "adopt in8 of run-1 as in/x.3") // whose address the platform calls
	_, err = r.resumed(document, Choices{Adopt: []string{"each", "in/x"}, Rerun: []string{"a"}})
	require.ErrorContains(t, err, "name it, as in adopt: [in/x=INSTANCE]")
}

func TestAResumeTriggersNoItemAgainWhoseFailureWasTolerated(t *testing.T) {
	t.Parallel()
	for in, document := range map[string]string{
		"":    "name: r\nonFailure: abort\nvars: {hosts: HOSTS}\nsteps: STEPS",
		"in/": "name: r\nonFailure: abort\nsteps: [{id: in, runbook: {name: i, vars: {hosts: HOSTS}, onFailure: abort, steps: STEPS}}]",
	} {
		document = strings.Replace(document, "STEPS", "[{id: a, plan: p, forEach: vars.hosts, maxFailures: 1, onFailure: continue}, {id: b, plan: p}]", 1)
		r := begin(t, strings.Replace(document, "HOSTS", "[web2]", 1))
		r.timesOut(in + "a[0].1") // and may still run
		r.fails(in + "b.1")
		next, err := r.resumed(strings.Replace(document, "HOSTS", "[web1, web2]", 1), Choices{})
		require.NoError(t, err)
		next.does("start " + in + "a[0].1")
		next.succeeds(in + "a[0].1")
		next.does("start " + in + "b.2")
		require.Equal(t, "FAILED", next.step(in+"a[1]").Status)
	}
}

func TestWhatMayStillRunOfAStepOrItemThatIsGoneIsAFinding(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: abort\nvars: {hosts: [web1, web2, web2]}\nsteps: [{id: a, needs: [], plan: p, forEach: vars.hosts}, {id: b, needs: [], plan: p}, {id: in, needs: [], runbook: {name: i, steps: [{id: x, plan: p}, {id: y, needs: [], plan: p}]}}]")
	r.timesOut("a[0].1")
	r.timesOut("a[1].1")
	r.timesOut("a[2].1")
	r.timesOut("b.1")
	r.timesOut("in/y.1")
	r.succeeds("in/x.1")
	r.does("finish")
	const edited = "name: r\nonFailure: abort\nvars: {hosts: [web2, web3]}\nsteps: [{id: a, needs: [], plan: p, forEach: vars.hosts}, {id: in, needs: [], runbook: {name: i, steps: [{id: x, plan: p}, {id: z, plan: p}]}}]"
	_, err := r.resumed(edited, Choices{})
	require.ErrorContains(t, err, `resumeFrom[a[="web1"]]: it is not there any more, and the platform may still run in-a[0].1`)
	require.ErrorContains(t, err, `resumeFrom[a[="web2"]]: it is not there any more, and the platform may still run in-a[2].1`)
	require.ErrorContains(t, err, `resumeFrom[a[0]]: the platform may still run in-a[1].1`)
	require.ErrorContains(t, err, "resumeFrom[b]: it is not there any more")
	require.ErrorContains(t, err, "resumeFrom[in/y]: it is not there any more")
	require.Len(t, err, 5)
	next, err := r.resumed(edited, Choices{Keep: []string{`a[="web1"]`, `a[="web2"]`, "b", "in/y"}, Adopt: []string{"a[0]"}})
	require.NoError(t, err)
	next.does("adopt in-a[1].1 of run-1 as a[0].2", "start a[1].1", "start in/z.1")
}

func TestARunbookInsideMayHaveBeenChangedWhateverBecameOfIt(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: abort\nsteps: [{id: in, rollback: {plan: u, when: started}, onFailure: rollback, runbook: {name: i, onFailure: abort, steps: [{id: x, plan: p}, {id: y, plan: p}]}}]"
	const edited = "name: r\nsteps: [{id: in, runbook: {name: i, steps: [{id: y, plan: p}]}}]"
	r := begin(t, document)
	r.succeeds("in/x.1")
	r.fails("in/y.1")
	r.succeeds("in~rollback.1")
	next, err := r.resumed(edited, Choices{})
	require.NoError(t, err)
	next.does("start in/y.2")
	next, err = r.resumed("name: r\nsteps: [{id: in, plan: p}]", Choices{})
	require.NoError(t, err)
	next.does("start in.2")
}

func TestRunsOfWhatIsDoneCountOnceAgainstTheLimit(t *testing.T) {
	t.Parallel()
	hosts := strings.Repeat("h, ", 999) + "h"
	var steps strings.Builder
	for i := range 9 {
		steps.WriteString("{id: s" + string(rune('0'+i)) + ", plan: p, forEach: vars.hosts}, ")
	}
	document := "name: r\nonFailure: abort\nvars: {hosts: [" + hosts + "]}\nsteps: [" + steps.String() + "{id: bad, plan: p}]"
	r := open(t, document)
	r.e.Begin()
	r.runs("o")
	r.e.root().Steps[9].Status, r.e.Status = "FAILED", "FAILED"
	next, err := r.resumed(document, Choices{Rerun: []string{"s8"}})
	require.NoError(t, err)
	require.Len(t, next.did, 1000, "9,010 runs, and not the same again")
}

func TestARunWithNoStepInCommonAndAChoiceAboutNothingAreRefused(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: abort\nsteps: [{id: a, plan: p}]")
	r.fails("a.1")
	_, err := r.resumed("name: r\nsteps: [{id: other, plan: p}]", Choices{})
	require.ErrorContains(t, err, "no step in common")
	_, err = r.resumed("name: r\nsteps: [{id: a, plan: p}]", Choices{Keep: []string{"b"}})
	require.ErrorContains(t, err, "resumeFrom[b]: there is nothing of that name to decide about")
}

func TestAStepThatAnOperatorSkippedIsNotRunAgain(t *testing.T) {
	t.Parallel()
	const document = "name: r\nsteps: [{id: a, plan: p}, {id: b, plan: p, onFailure: abort}]"
	r := begin(t, document)
	r.act(Action{Name: ActionPause})
	r.fails("a.1")
	r.act(Action{Name: ActionSkip, Step: "a", By: "li"})
	r.act(Action{Name: ActionResume})
	r.fails("b.1")
	next, err := r.resumed(document, Choices{})
	require.NoError(t, err)
	next.does("start b.2")
}

func TestWhatCannotHappenAfterAKeptStepEndsInItsOrder(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: abort\nsteps: [{id: a, approval: {message: go}}, {id: b, plan: p}, {id: c, plan: p, needs: [{step: b, on: failure}]}, {id: d, plan: p, needs: [a]}]"
	r := begin(t, document)
	r.act(Action{Name: ActionApprove, Step: "a", By: "li"})
	r.succeeds("b.1")
	r.fails("d.1")
	next, err := r.resumed(document, Choices{Rerun: []string{"a"}})
	require.NoError(t, err)
	next.act(Action{Name: ActionAbort, By: "li"})
	require.Equal(t, "a ABORTED, b SUCCESS, c SKIPPED, d SKIPPED", next.statuses())
	require.Less(t, next.step("c").Order, next.step("d").Order)
}
