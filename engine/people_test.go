package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnApprovalIsAnsweredByItsApproversOnly(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps: [{id: a, plan: p}, {id: ok, approval: {message: m, approvers: [zhang, li], quorum: 2}}]")
	stranger := "must be answered by zhang, li, not by wang"
	r.refuses(Action{Name: ActionSkip, Step: "ok", By: "wang"}, stranger) // before it starts
	r.succeeds("a.1")
	r.refuses(Action{Name: ActionApprove, Step: "ok", By: "wang"}, stranger)
	r.refuses(Action{Name: ActionReject, Step: "ok"}, "not by an operator")
	r.refuses(Action{Name: ActionSkip, Step: "ok", By: "zhang"}, "it is RUNNING")
	r.act(Action{Name: ActionApprove, Step: "ok", By: "zhang"})
	r.refuses(Action{Name: ActionApprove, Step: "ok", By: "zhang"}, "2 different people must")
	r.act(Action{Name: ActionReject, Step: "ok", By: "zhang"}) // who has seen something since
	require.Equal(t, "PAUSED", r.step("ok").Status)
	r.refuses(Action{Name: ActionSkip, Step: "ok", By: "wang"}, stranger)
	r.refuses(Action{Name: ActionRetry, Step: "ok", By: "wang"}, stranger)
	r.act(Action{Name: ActionRetry, Step: "ok", By: "li"})
	require.Equal(t, "approval ok", r.waitsFor())
	require.Empty(t, r.step("ok").Approvals, "it is asked anew")
}

func TestNobodyPassesByAnApprovalByWayOfTheRunbookAroundIt(t *testing.T) {
	t.Parallel()
	const document = `
name: r
steps:
  - {id: a, plan: p}
  - {id: in, runbook: {name: i, onFailure: abort, steps: [{id: deep, runbook: {name: d, onFailure: abort, steps: [{id: ok, approval: {message: m, approvers: [zhang]}}]}}]}}
`
	r := begin(t, document)
	r.refuses(Action{Name: ActionSkip, Step: "in", By: "li"}, "must be answered by zhang")
	r.succeeds("a.1")
	r.act(Action{Name: ActionReject, Step: "in/deep/ok", By: "zhang"})
	require.Equal(t, "decision in", r.waitsFor())
	r.refuses(Action{Name: ActionSkip, Step: "in", By: "li"}, "step in/deep/ok must be answered by zhang")
	r.refuses(Action{Name: ActionRetry, Step: "in", By: "li"}, "step in/deep/ok must be answered by zhang")
	r.act(Action{Name: ActionRetry, Step: "in", By: "zhang"})
	require.Equal(t, "approval in/deep/ok", r.waitsFor())
}

func TestWhereNoApproverCanBeReachedTheRunCanOnlyBeAborted(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps: [{id: ok, approval: {message: m, approvers: [zhang]}}, {id: a, plan: p}]")
	for _, name := range []string{ActionApprove, ActionReject, ActionSkip, ActionRetry} {
		require.Error(t, r.e.Refuse(Action{Name: name, Step: "ok", By: "li"}), name)
	}
	r.act(Action{Name: ActionAbort, By: "li"})
	r.does("finish")
	require.Equal(t, "ABORTED", r.e.Status)
	require.Equal(t, "ABORTED", r.step("ok").Status)
}

func TestAQuorumThatTheRenderedApproversCannotReachIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: abort\nvars: {who: [zhang, li]}\nsteps: [{id: ok, approval: {message: m, approvers: ['${{ vars.who }}'], quorum: 3}}]")
	r.does("finish")
	require.Contains(t, r.step("ok").Reason, "3 people must approve, but only 2 may")
}

func TestEveryWaitForPeopleSaysWhoMayAnswerHowManyHaveAndUntilWhen(t *testing.T) {
	t.Parallel()
	r := begin(t, `name: r
vars: {who: [zhang, li]}
steps: [{id: in, runbook: {name: i, vars: {who: '${{ vars.who }}'}, steps: [{id: ok, approval: {message: "go?", approvers: ['${{ vars.who }}'], quorum: 2, timeout: 1h}}]}}]`)
	r.act(Action{Name: ActionApprove, Step: "in/ok", By: "li"})
	until := noon.Add(time.Hour)
	start := noon
	require.Equal(t, []WaitsFor{{
		Kind: ForApproval, Step: "in/ok", Reason: "go?", Since: &start, Until: &until, Who: []string{"zhang", "li"}, Have: 1, Need: 2,
		Command: "starter approve run-1 in/ok --by NAME",
	}}, r.e.WaitsFor())
	require.Equal(t, AttentionApproval, r.e.Attention())
}

func TestAnApprovalByTimeOutIsRecordedAsSuch(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps: [{id: ok, approval: {message: m, timeout: 1h, onTimeout: approve}}]")
	r.after(time.Hour)
	r.does("finish")
	require.Equal(t, "ok SUCCESS", r.statuses())
	require.Contains(t, r.step("ok").Reason, "approved by its time-out")
	require.Equal(t, []Action{{At: r.now, Name: ActionApprove, Step: "ok", Comment: "onTimeout: approve, after 1h"}}, r.e.Actions)
}

func TestAnOperatorMayEndAWait(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps: [{id: wait, wait: 24h}, {id: a, plan: p}]")
	r.act(Action{Name: ActionSkip, Step: "wait", By: "li"})
	r.does("start a.1")
}

func TestARetryWhereTheEarlierInstanceMayRunNeedsMayRunTwiceAndIsRecorded(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"a", "each[0]", "each", "in"} {
		r := begin(t, `
name: r
vars: {hosts: [1]}
steps:
  - {id: a, needs: [], plan: p}
  - {id: each, needs: [], plan: p, forEach: vars.hosts}
  - {id: in, needs: [], runbook: {name: i, onFailure: abort, steps: [{id: x, plan: p}]}}
`)
		switch step { // what else fails holds what is inside a runbook
		case "a":
			r.timesOut("a.1")
		case "in":
			r.timesOut("in/x.1")
		default:
			r.timesOut("each[0].1")
		}
		r.refuses(Action{Name: ActionRetry, Step: step, By: "li"}, "may still run")
		r.act(Action{Name: ActionRetry, Step: step, By: "li", MayRunTwice: true})
		require.Len(t, r.did, 1)
		require.True(t, r.e.Actions[0].MayRunTwice)
		require.Empty(t, r.e.Actions[0].ID)
	}
}

func TestAStepThatWasRepairedIsAcceptedAlsoAfterItEndedFAIL(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps: [{id: a, plan: p}, {id: b, plan: p}]")
	r.fails("a.1")
	r.refuses(Action{Name: ActionResolveRun, Step: "a", Status: "FAIL"}, "has ended already")
	r.act(Action{Name: ActionResolveRun, Step: "a", Status: "SUCCESS", By: "li"})
	r.does("fetch a.1")
	r.next(Ended{Key: "a.1", Outcome: Success, InstanceID: "in-a.1", ObservedBy: "operator"})
	r.does("start b.1")
	require.Equal(t, "operator", r.step("a").ObservedBy)
}

func TestAnItemThatTimedOutIsRetriedResolvedOrSkippedByItself(t *testing.T) {
	t.Parallel()
	const document = "name: r\nvars: {hosts: [1, 2, 3]}\nsteps: [{id: a, plan: p, forEach: vars.hosts, maxParallel: 2}, {id: b, plan: p}]"
	for name, act := range map[string]Action{
		"fetch a[0].1": {Name: ActionResolveRun, Step: "a[0]", Status: "SUCCESS"},
		"start a[0].2": {Name: ActionRetry, Step: "a[0]", MayRunTwice: true},
		"start a[2].1": {Name: ActionSkip, Step: "a[0]"},
	} {
		r := begin(t, document)
		r.timesOut("a[0].1")
		r.succeeds("a[1].1")
		require.Equal(t, "PAUSED", r.step("a").Status)
		r.act(act)
		require.Contains(t, r.did, name)
		r.succeeds("a[0].1", "a[0].2", "a[2].1")
		r.does("start b.1")
	}
}

func TestWhatIsRetriedDoesNotWaitForOtherDecisions(t *testing.T) {
	t.Parallel()
	r := begin(t, `
name: r
steps:
  - {id: a, needs: [], plan: p}
  - {id: in, needs: [], runbook: {name: i, onFailure: abort, steps: [{id: x, plan: p}, {id: y, plan: p}, {id: deep, runbook: {name: d, steps: [{id: z, plan: p}]}}]}}
  - {id: each, needs: [in], plan: p, forEach: "[1, 2]"}
`)
	r.fails("in/x.1")
	r.fails("a.1")
	require.Equal(t, "decision a, decision in", r.waitsFor())
	r.act(Action{Name: ActionRetry, Step: "in"})
	r.does("start in/x.2")
	r.succeeds("in/x.2")
	r.does("start in/y.1")
	r.succeeds("in/y.1")
	r.does("start in/deep/z.1")
	r.succeeds("in/deep/z.1")
	r.does() // nobody asked for each
	r.act(Action{Name: ActionRetry, Step: "a"})
	r.does("start a.2", "start each[0].1", "start each[1].1")
}

func TestAnOperatorSaysHowAnInstanceEndedInARunbookThatIsOver(t *testing.T) {
	t.Parallel()
	const document = "name: r\nsteps: [{id: in, runbook: {name: i, onFailure: abort, vars: {hosts: [1, 2]}, steps: [{id: x, plan: p}, {id: each, needs: [], plan: p, forEach: vars.hosts}, {id: y, needs: [x, each], plan: p}]}}]"
	r := begin(t, document)
	r.succeeds("in/each[0].1")
	r.timesOut("in/each[1].1")
	r.timesOut("in/x.1")
	require.Equal(t, "decision in", r.waitsFor())
	r.refuses(Action{Name: ActionRetry, Step: "in"}, "may still run in/x in-in/x.1, in/each[1] in-in/each[1].1")
	r.refuses(Action{Name: ActionResolveRun, Step: "in/y", Status: "SUCCESS"}, "nothing called")
	r.act(Action{Name: ActionResolveRun, Step: "in/x", Status: "FAIL"})
	r.act(Action{Name: ActionResolveRun, Step: "in/each[1]", Status: "SUCCESS"})
	r.does("fetch in/each[1].1")
	r.refuses(Action{Name: ActionRetry, Step: "in"}, "may still run in/each[1]")
	r.succeeds("in/each[1].1")
	r.act(Action{Name: ActionRetry, Step: "in"})
	r.does("start in/x.2")
	r.succeeds("in/x.2")
	r.does("start in/y.1")
}

func TestAPauseHoldsEveryTriggerNotYetSentAndNothingElse(t *testing.T) {
	t.Parallel()
	r := begin(t, `
name: r
vars: {hosts: [1, 2]}
steps:
  - {id: each, needs: [], plan: p, forEach: vars.hosts, maxParallel: 1}
  - {id: in, needs: [], runbook: {name: i, steps: [{id: x, plan: p}, {id: y, plan: p}]}}
  - {id: again, needs: [], plan: p, retries: 1}
  - {id: bad, needs: [], plan: p, onFailure: continue}
  - {id: page, plan: p, needs: [{step: bad, on: failure}]}
  - {id: wait, needs: [], wait: 1h}
`)
	r.act(Action{Name: ActionPause, By: "li"})
	require.False(t, r.e.MaySend("again.1"), "a trigger that waits to be sent")
	r.succeeds("each[0].1", "in/x.1")
	r.fails("again.1")
	r.does()
	require.Equal(t, PhasePaused, r.e.Phase())
	require.Equal(t, AttentionPaused, r.e.Attention())
	r.fails("bad.1")
	r.does("start page.1") // handlers go on
	r.after(time.Hour)
	require.Equal(t, "SUCCESS", r.step("wait").Status, "time-outs run on")
	r.act(Action{Name: ActionResume})
	r.does("start each[1].1", "start in/y.1", "start again.2")
}

func TestAPauseHoldsNoRollback(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p}]")
	r.succeeds("a.1")
	r.act(Action{Name: ActionPause})
	r.fails("b.1")
	r.does("start a~rollback.1")
}

func TestStepByStepStartsTheStepThatWasAnnouncedAndGrantsNoneAfterAPause(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps: [{id: a, needs: [], plan: p}, {id: b, needs: [], plan: p}, {id: c, needs: [a], plan: p}]", stepByStep)
	r.does()
	require.Equal(t, "resume a", r.waitsFor())
	r.act(Action{Name: ActionResume})
	r.does("start a.1")
	require.Equal(t, "resume b", r.waitsFor())
	r.act(Action{Name: ActionPause})
	r.succeeds("a.1")
	r.act(Action{Name: ActionResume})
	r.does()
	require.Equal(t, "resume b", r.waitsFor(), "the pause is over, and b still waits for its own")
	r.act(Action{Name: ActionResume})
	r.does("start b.1")
	require.Equal(t, "resume c", r.waitsFor())
}

func TestThePhaseSaysWhereTheRunStands(t *testing.T) {
	t.Parallel()
	r := open(t, "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p}, {id: page, plan: p, needs: [{step: b, on: failure}]}]")
	require.Equal(t, PhaseChecking, r.e.Phase())
	r.e.Begin()
	r.next()
	require.Equal(t, PhaseRunning, r.e.Phase())
	r.succeeds("a.1")
	r.act(Action{Name: ActionPause})
	require.Equal(t, PhasePaused, r.e.Phase())
	r.act(Action{Name: ActionResume})
	r.fails("b.1")
	require.Equal(t, PhaseEnding, r.e.Phase())
	r.succeeds("page.1")
	require.Equal(t, PhaseRollingBack, r.e.Phase())
	r.succeeds("a~rollback.1")
	require.Equal(t, PhaseEnded, r.e.Phase())
}

func TestTheResultIsCompleteForTheRecord(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nvars: {site: east, hosts: [web1]}\nsteps: [{id: ok, approval: {message: 'to ${{ vars.site }}?'}}, {id: a, plan: p, retries: 1}, {id: each, plan: p, forEach: vars.hosts}]",
		func(o *Options) { o.StartedBy = "zhang" })
	r.act(Action{Name: ActionApprove, Step: "ok", By: "li"})
	r.fails("a.1")
	r.succeeds("a.2", "each[0].1")
	result := r.e.Result()
	require.Equal(t, "zhang", result.StartedBy)
	require.Equal(t, "east", result.Vars["site"])
	require.Equal(t, "to east?", result.Steps[0].Question.Message)
	require.Equal(t, []string{"li"}, result.Steps[0].Approvals)
	require.Equal(t, "in-a.1", result.Steps[1].Earlier[0].InstanceID)
	require.Equal(t, "in-a.2", result.Steps[1].InstanceID)
	require.JSONEq(t, `"web1"`, string(result.Steps[2].Items[0].Item))
}

func TestAQuorumCountsSubjectsWhereNamesAreProved(t *testing.T) {
	t.Parallel()
	r := begin(t, "name: r\nsteps: [{id: ok, approval: {message: m, quorum: 2}}]")
	r.act(Action{Name: ActionApprove, Step: "ok", By: "zhang", Subject: "sub-1"})
	r.refuses(Action{Name: ActionApprove, Step: "ok", By: "li", Subject: "sub-1"}, "under another name; 2 different people must")
	r.refuses(Action{Name: ActionApprove, Step: "ok", By: "zhang", Subject: "sub-2"}, "2 different people must")
	r.act(Action{Name: ActionApprove, Step: "ok", By: "li", Subject: "sub-2"})
	require.Equal(t, "SUCCESS", r.step("ok").Status)
	require.Equal(t, []string{"sub-1", "sub-2"}, r.step("ok").Subjects)
}
