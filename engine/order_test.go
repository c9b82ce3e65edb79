package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEvidenceComesBeforeOperatorsActionsHoweverTheyAreGiven(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: abort\nsteps: [{id: a, plan: p, needs: []}, {id: ok, needs: [], approval: {message: m}}]")
	r.next(Action{ID: "1", Name: ActionApprove, Step: "ok"}, Ended{Key: "a.1", Outcome: Fail, Reason: "FAIL"})
	r.does("finish", "refused 1")
	require.Equal(t, "a FAILED, ok ABORTED", r.statuses())
}

func TestAnAnswerThatHasArrivedWinsOverItsTimeOut(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps: [{id: ok, approval: {message: m, timeout: 1h}}]")
	r.after(time.Hour, Action{ID: "1", Name: ActionApprove, Step: "ok"})
	r.does("done 1", "finish")
	require.Equal(t, "ok SUCCESS", r.statuses())
}

func TestNothingStartsThatEvidenceOfTheSameMomentForbids(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: abort\nsteps: [{id: a, plan: p, needs: []}, {id: b, plan: p, needs: []}, {id: c, plan: p, needs: [b]}]")
	r.next(Ended{Key: "b.1", Outcome: Success}, Ended{Key: "a.1", Outcome: Fail})
	r.does("finish")
	require.Equal(t, "a FAILED, b SUCCESS, c ABORTED", r.statuses())
}

func TestANeedIsMetAsItsWordSays(t *testing.T) {
	t.Parallel()
	const ran, skipped = "SUCCESS", "SKIPPED"
	for _, c := range []struct{ end, policy, on, want string }{
		{"success", "abort", "", ran}, {"skip", "abort", "", ran}, {"fail", "continue", "", ran},
		{"success", "abort", "success", ran}, {"skip", "abort", "success", ran}, {"fail", "continue", "success", skipped},
		{"success", "abort", "failure", skipped}, {"skip", "abort", "failure", skipped}, {"fail", "continue", "failure", ran}, {"fail", "abort", "failure", ran},
		{"success", "abort", "end", ran}, {"skip", "abort", "end", ran}, {"fail", "continue", "end", ran}, {"fail", "abort", "end", ran},
		{"fail", "abort", "", skipped},
	} {
		need := "{step: a, on: " + c.on + "}"
		if c.on == "" {
			need = "a"
		}
		when := ""
		if c.end == "skip" {
			when = ", when: 'false'"
		}
		r := begin(t, "name: r\nsteps: [{id: a, plan: p, onFailure: "+c.policy+when+"}, {id: b, plan: p, needs: ["+need+"]}]")
		if c.end == "fail" {
			r.fails("a.1")
		} else {
			r.succeeds("a.1")
		}
		r.succeeds("b.1")
		require.Equal(t, c.want, r.step("b").Status, "%+v", c)
	}
}

func TestJoinAnyIsSatisfiedByOneNeedThatSucceeded(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: continue\nvars: {no: {}}\nsteps: [{id: a, plan: p, needs: [], when: '%A'}, {id: b, plan: p, needs: [], when: '%B'}, {id: c, plan: p, needs: [{step: a, on: success}, {step: b, on: success}], join: any}]"
	with := func(a, b string) *script {
		return begin(t, strings.NewReplacer("%A", a, "%B", b).Replace(document))
	}
	r := with("false", "true")
	r.does("start b.1")
	require.Equal(t, "WAITING", r.step("c").Status, "a branch that was skipped does not satisfy it")
	r.succeeds("b.1")
	r.does("start c.1")

	r = with("false", "false")
	require.Equal(t, "a SKIPPED, b SKIPPED, c SKIPPED", r.statuses())
	require.False(t, r.step("c").Unreachable, "all were skipped, and so is it")

	r = with("false", "true")
	r.fails("b.1")
	require.True(t, r.step("c").Unreachable, "none succeeded, and not all were skipped")
}

func TestJoinAnyIsNotSatisfiedByAFailureThatIsTolerated(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: continue\nsteps: [{id: a, plan: p, needs: []}, {id: b, plan: p, needs: []}, {id: c, plan: p, needs: [a, b], join: any}]"
	r := begin(t, document)
	r.fails("a.1")
	r.does()
	r.succeeds("b.1")
	r.does("start c.1")

	r = begin(t, document)
	r.fails("a.1")
	r.fails("b.1")
	r.does("finish")
	require.True(t, r.step("c").Unreachable, "none succeeded")
}

func TestAConditionIsEvaluatedEachTimeTheStepIsAboutToRun(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nvars: {no: {}}\nsteps: [{id: a, plan: p, when: vars.no.such == 1}]")
	require.Equal(t, "a PAUSED", r.statuses())
	r.act(Action{Name: ActionRetry, Step: "a"})
	r.does()
	require.Equal(t, "a PAUSED", r.statuses(), "it does not run without its condition")
}

func TestPeopleAndWaitsDoNotCountAgainstMaxParallel(t *testing.T) {
	t.Parallel()
	r := begin(t, `
name: r
maxParallel: 2
vars: {hosts: [1, 2, 3]}
steps:
  - {id: ask, needs: [], approval: {message: m}}
  - {id: wait, needs: [], wait: 1h}
  - {id: inner, needs: [], runbook: {name: i, steps: [{id: x, needs: [], plan: p}, {id: y, needs: [], plan: p}]}}
  - {id: each, needs: [], plan: p, forEach: vars.hosts}
`)
	r.does("start inner/x.1", "start inner/y.1", "start each[0].1")
	require.Equal(t, "RUNNING", r.step("ask").Status)
	r.succeeds("inner/x.1", "inner/y.1")
	r.does("start each[1].1")
}

func TestARunIsTheSameAfterItsStateWasWrittenDown(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nvars: {hosts: [1, {a: b}]}\nsteps: [{id: a, plan: p, forEach: vars.hosts, params: {md: {N: '${{ index }}'}}}]")
	kept, err := r.e.Encode()
	require.NoError(t, err)
	loaded, err := r.program.Load(kept)
	require.NoError(t, err)
	r.e = loaded
	r.succeeds("a[0].1", "a[1].1")
	r.does("finish")
}
