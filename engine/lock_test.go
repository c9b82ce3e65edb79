package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/lock"
	"github.com/dpaflow/dpaflow/runbook"
)

// waitingForLocks are the keys of the runbooks that wait for their locks.
func (e *Engine) waitingForLocks() (keys []string) {
	if e.Lock.Waits() {
		keys = append(keys, "")
	}
	e.each(e.root(), func(p part) {
		if p.of.Runbook != nil && p.of.Runbook.Lock.Waits() {
			keys = append(keys, p.key(false))
		}
	})
	return keys
}

const locked = `
name: switch over
vars: {site: beijing}
onFailure: abort
timeout: 4h
lock: {name: "core-${{ vars.site }}"}
steps:
  - {id: a, plan: p}
finally:
  - {id: say, model: md}
`

// asks makes a run that has asked for its lock.
func asks(t *testing.T, document string) *script {
	t.Helper()
	r := open(t, document)
	commands := r.e.TakeLock(r.now)
	require.Len(t, commands, 1)
	require.IsType(t, Acquire{}, commands[0])
	return r
}

func (r *script) lockIs(key string, answer lock.Answer) {
	r.next(LockAnswered{Key: key, Answer: answer})
}

var other = &lock.Holder{WorkflowID: "w2", Runbook: "nightly", Since: noon}

func TestNothingStartsBeforeTheLockIsHeld(t *testing.T) {
	t.Parallel()
	r := asks(t, locked)
	require.Equal(t, PhaseLocked, r.e.Phase())
	require.Equal(t, "core-beijing", r.e.Result().Lock.Name)
	r.lockIs("", lock.Answer{By: other, Ahead: 2})
	r.does()
	require.Equal(t, "waits for lock core-beijing, held by runbook nightly of run w2 since 2026-01-02T12:00:00Z, 1 more come first", r.e.Result().Lock.String())
	require.Empty(t, r.e.WaitsFor(), "nobody needs to do anything")
	require.Equal(t, AttentionNone, r.e.Attention())
	r.lockIs("", lock.Answer{Held: true, Left: []string{"step switch, in1"}})
	require.Equal(t, PhaseChecking, r.e.Phase())
	require.Contains(t, r.e.Result().Notes[0].Text, "step switch, in1", "what the last holder left is shown")
	r.e.Begin()
	r.next()
	r.does("start a.1")
	r.succeeds("a.1")
	r.does("start say.1")
	r.succeeds("say.1")
	r.does("gives back core-beijing", "finish")
	require.Empty(t, r.left)
}

func TestWhoWaitsForALockCanBeEnded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		happens func(r *script)
		status  string
	}{
		"by an operator":     {func(r *script) { r.act(Action{Name: ActionAbort, By: "li"}) }, runbook.StatusAborted},
		"by a cancellation":  {func(r *script) { r.next(Cancelled{}) }, StatusCancelled},
		"by its own timeout": {func(r *script) { r.after(4 * time.Hour) }, StatusTimedOut},
	} {
		r := asks(t, locked)
		test.happens(r)
		require.Contains(t, r.did, "gives back core-beijing", name)
		require.Equal(t, test.status, r.e.Status, name)
		require.Equal(t, "a ABORTED, say ABORTED", r.statuses(), "nothing has begun: finally has nothing to do")
		r.lockIs("", lock.Answer{Held: true})
		r.does()
	}
}

func TestARunThatFailsOnABusyLockDoesAtOnce(t *testing.T) {
	t.Parallel()
	r := asks(t, strings.Replace(locked, `"}`, `", onBusy: fail}`, 1))
	r.lockIs("", lock.Answer{By: other, Ahead: 1})
	r.does("gives back core-beijing", "finish")
	require.Equal(t, "FAILED", r.e.Status)
	require.Equal(t, "lock core-beijing is held by runbook nightly of run w2", r.e.Reason)
	require.Equal(t, "a ABORTED, say ABORTED", r.statuses())
}

func TestWhatMayStillRunGoesToTheNextHolder(t *testing.T) {
	t.Parallel()
	r := asks(t, locked)
	r.lockIs("", lock.Answer{Held: true})
	r.e.Begin()
	r.next()
	r.timesOut("a.1")
	r.succeeds("say.1")
	r.does("gives back core-beijing", "finish")
	require.Equal(t, []string{"step a, in-a.1"}, r.left)
}

const nestedLocks = `
name: outer
onFailure: pause
lock: {name: a}
steps:
  - id: same
    needs: []
    runbook: {name: same, lock: {name: a}, steps: [{id: x, plan: p}]}
  - id: own
    needs: []
    timeout: 1h
    runbook:
      name: own
      vars: {which: b}
      lock: {name: "${{ vars.which }}"}
      onFailure: abort
      steps:
        - {id: x, plan: p}
        - {id: y, runbook: {name: deep, lock: {name: b}, steps: [{id: z, plan: p}]}}
      finally: [{id: f, plan: p}]
`

func TestANestedRunbookTakesALockOfItsOwnAndHasItsParentsAlready(t *testing.T) {
	t.Parallel()
	r := asks(t, nestedLocks)
	r.lockIs("", lock.Answer{Held: true})
	r.e.Begin()
	r.next()
	r.does("start same/x.1", "asks for b as own.1")
	r.lockIs("own.1", lock.Answer{By: other, Ahead: 1})
	require.Equal(t, PhaseRunning, r.e.Phase())
	require.Equal(t, "w2", r.step("own").Runbook.Lock.By.WorkflowID)
	r.lockIs("own.1", lock.Answer{Held: true})
	r.does("start own/x.1")
	r.fails("own/x.1")
	r.does("start own/f.1")
	r.succeeds("own/f.1")
	r.does("gives back b")
	require.Equal(t, "PAUSED", r.step("own").Status)
	r.act(Action{Name: ActionRetry, Step: "own"})
	r.does("asks for b as own.2")
	r.lockIs("own.1", lock.Answer{Held: true})
	r.does()
	r.lockIs("own.2", lock.Answer{Held: true})
	r.does("start own/x.2")
	r.succeeds("own/x.2", "own/y/z.1", "own/f.2")
	r.does("gives back b")
	r.succeeds("same/x.1")
	r.does("gives back a", "finish")
}

func TestANestedRunbookThatWaitsForItsLockEndsWithItsTimeAndWithTheRun(t *testing.T) {
	t.Parallel()
	begun := func() *script {
		r := asks(t, nestedLocks)
		r.lockIs("", lock.Answer{Held: true})
		r.e.Begin()
		r.next()
		return r
	}
	r := begun()
	r.after(time.Hour)
	r.does("gives back b")
	require.Equal(t, "own PAUSED, own/x ABORTED, own/y SKIPPED, own/f ABORTED", r.statuses()[len("same RUNNING, same/x RUNNING, "):])
	r = begun()
	r.act(Action{Name: ActionAbort})
	r.does("cancel same/x.1", "gives back b")
}

func TestTwoRunbooksCannotWaitForEachOther(t *testing.T) {
	t.Parallel()
	const text = "name: r\nvars: {inner: core}\nlock: {name: db}\nsteps:\n- {id: n, onFailure: abort, runbook: {name: n, vars: {l: '${{ vars.inner }}'}, lock: {name: '${{ vars.l }}', onBusy: %s}, steps: [{id: x, plan: p}]}}"
	compile := func(text string) error {
		doc, err := runbook.Parse([]byte(text))
		require.NoError(t, err)
		_, err = Compile(doc)
		return err
	}
	require.ErrorContains(t, compile(fmt.Sprintf(text, "wait")), `steps[0].runbook.lock.name: lock "core" comes before "db" in the alphabet`)
	require.NoError(t, compile(fmt.Sprintf(text, "fail")), "it does not wait")
	require.NoError(t, compile("name: r\nlock: {name: core}\nsteps: [{id: n, runbook: {name: n, lock: {name: db}, steps: [{id: x, plan: p}]}}]"))

	late := begin(t, `
name: r
onFailure: abort
steps:
  - {id: a, plan: p}
  - {id: n, runbook: {name: n, onFailure: abort, vars: {l: "${{ steps.a.instanceId }}"}, lock: {name: in-b}, steps: [
      {id: deep, runbook: {name: d, vars: {l: "${{ vars.l }}"}, lock: {name: "${{ vars.l }}"}, steps: [{id: x, plan: p}]}}]}}
`)
	late.succeeds("a.1")
	late.does("asks for in-b as n.1")
	late.lockIs("n.1", lock.Answer{Held: true})
	late.does("gives back in-b", "finish")
	require.Contains(t, late.e.Reason, `lock "in-a.1" comes before "in-b"`, "what is known only then fails then")
}

func TestALockIsCarriedOn(t *testing.T) {
	t.Parallel()
	r := asks(t, nestedLocks)
	r.lockIs("", lock.Answer{Held: true})
	r.e.Begin()
	r.next()
	kept, err := r.e.Encode()
	require.NoError(t, err)
	r.e, err = r.program.Load(kept)
	require.NoError(t, err)
	require.Equal(t, []Acquire{{Name: "a", Runbook: "outer"}, {Key: "own.1", Name: "b", Path: "own", Runbook: "own"}}, r.e.Locks())
	require.Equal(t, []string{"own.1"}, r.e.waitingForLocks())
	r.lockIs("own.1", lock.Answer{Held: true})
	r.does("start own/x.1")
}
