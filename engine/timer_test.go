package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

// night is 18:00 by the clock of Shanghai when it begins, which is noon here.
const night = `
name: r
vars: {day: "2026-01-02"}
steps:
  - {id: night, wait: {window: "22:00-04:00", timeZone: Asia/Shanghai}}
  - {id: moment, wait: {until: "${{ vars.day }}T15:00:00Z"}}
  - {id: p, plan: p}
`

func TestAWaitForAWindowAndForATimeIsOverWhenTheyCome(t *testing.T) {
	t.Parallel()
	r := begin(t, night)
	due, any := r.e.Due()
	require.True(t, any)
	require.Equal(t, noon.Add(2*time.Hour), due.UTC())
	r.after(2*time.Hour - time.Second)
	require.Equal(t, "night RUNNING, moment WAITING, p WAITING", r.statuses())
	r.after(time.Second)
	require.Equal(t, "night SUCCESS, moment RUNNING, p WAITING", r.statuses())
	r.after(time.Hour)
	r.does("start p.1")
}

func TestInsideTheWindowAndAfterTheTimeNothingIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := open(t, night)
	r.e.Begin()
	r.after(3 * time.Hour)
	r.does("start p.1")
	_, any := r.e.Due()
	require.False(t, any)
}

func TestAnOperatorEndsAWaitForAWindow(t *testing.T) {
	t.Parallel()
	r := begin(t, night)
	r.act(Action{Name: ActionSkip, Step: "night", By: "li"})
	r.act(Action{Name: ActionSkip, Step: "moment", By: "li"})
	r.does("start p.1")
}

// The time zones of a later release may differ: what a wait was begun with stands.
func TestTheEndOfAWaitIsFixedWhenItBegins(t *testing.T) {
	t.Parallel()
	r := begin(t, night)
	kept, err := r.e.Encode()
	require.NoError(t, err)
	r.e, err = r.program.Load(kept)
	require.NoError(t, err)
	r.e.Over = func(runbook.Timer, time.Time) time.Time { return noon.Add(time.Minute) }
	r.after(time.Hour)
	require.Equal(t, "night RUNNING, moment WAITING, p WAITING", r.statuses())
	r.after(time.Hour)
	require.Equal(t, "night SUCCESS, moment SUCCESS, p RUNNING", r.statuses(), "the next one begins by them")
}

func TestAWaitThatCannotBeRenderedFails(t *testing.T) {
	t.Parallel()
	r := open(t, "name: r\nonFailure: abort\nvars: {zone: Mars/Base}\nsteps:\n- {id: a, wait: {window: 22:00-04:00, timeZone: '${{ vars.zone }}'}}")
	_, findings := r.e.Preview()
	require.ErrorContains(t, findings.Err(), "steps[0].wait.timeZone", "a dry run finds it")
	r.e.Begin()
	r.next()
	r.does("finish")
	require.Contains(t, r.step("a").Reason, "Mars/Base")
}

func TestAnotherTimeIsAFindingOfAResumedRun(t *testing.T) {
	t.Parallel()
	r := begin(t, night)
	r.after(3 * time.Hour)
	r.fails("p.1")
	r.act(Action{Name: ActionAbort})
	later := strings.Replace(night, "2026-01-02", "2026-01-03", 1)
	_, err := r.resumed(later, Choices{})
	require.ErrorContains(t, err, "resumeFrom[moment]: its inputs are not those that it ran with")
	next, err := r.resumed(later, Choices{Rerun: []string{"moment"}})
	require.NoError(t, err)
	require.Equal(t, "night SUCCESS, moment RUNNING, p WAITING", next.statuses())
}
