package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnEarlierAttemptThatMayStillRunIsNotForgotten(t *testing.T) {
	t.Parallel()
	const document = "name: r\nsteps: [{id: a, plan: p}]"
	r := begin(t, document)
	r.timesOut("a.1")
	r.act(Action{Name: ActionRetry, Step: "a", By: "li", MayRunTwice: true})
	r.fails("a.2")
	require.Equal(t, []StillRunning{{Step: "a", InstanceID: "in-a.1"}}, r.e.Result().StillRunning)
	r.refuses(Action{Name: ActionRetry, Step: "a", By: "li"}, "may still run")
	r.act(Action{Name: ActionAbort})
	_, err := r.resumed(document, Choices{})
	require.ErrorContains(t, err, "the platform may still run in-a.1")
}

func TestAResumeOfAResumeDoesNotForgetWhatMayStillRun(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: abort\nsteps: [{id: a, plan: p}]"
	r := begin(t, document)
	r.timesOut("a.1")
	second, err := r.resumed(document, Choices{Rerun: []string{"a"}})
	require.NoError(t, err)
	second.fails("a.2")
	_, err = second.resumed(document, Choices{})
	require.ErrorContains(t, err, "the platform may still run in-a.1")
}

func TestWhatComesAfterAStepThatAnOperatorSkippedWaitsForWhatRunsAnew(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: rollback\nsteps: [{id: a, plan: p, rollback: {plan: u}}, {id: b, plan: p, onFailure: pause}, {id: c, plan: p}]"
	r := begin(t, document)
	r.succeeds("a.1")
	r.fails("b.1")
	r.act(Action{Name: ActionSkip, Step: "b", By: "li"})
	r.fails("c.1")
	r.succeeds("a~rollback.1")
	next, err := r.resumed(document, Choices{})
	require.NoError(t, err)
	next.does("start a.2")
	next.succeeds("a.2")
	next.does("start c.2")
}

func TestWhatWasToBeAdoptedAndWasNotYetIsNotForgotten(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: abort\nsteps: [{id: a, plan: p}, {id: x, plan: p}]"
	r := begin(t, document)
	r.succeeds("a.1")
	r.next(Progress{Key: "x.1", Phase: "WAITING", InstanceID: "in7"})
	second, err := r.resumed(document, Choices{Rerun: []string{"a"}, Adopt: []string{"x"}})
	require.NoError(t, err)
	second.fails("a.2")
	second.does("finish")
	require.Equal(t, []StillRunning{{Step: "x", InstanceID: "in7"}}, second.e.Result().StillRunning)
	_, err = second.resumed("name: r\nsteps: [{id: a, plan: p}]", Choices{})
	require.ErrorContains(t, err, "resumeFrom[x]")
	third, err := second.resumed(document, Choices{Adopt: []string{"x"}})
	require.NoError(t, err)
	third.succeeds("a.3")
	third.does("adopt in7 of run-1 as x.2")
	third, err = second.resumed(document, Choices{Rerun: []string{"x"}})
	require.NoError(t, err)
	third.succeeds("a.3")
	third.does("start x.2")
}

func TestOneOfSeveralAttemptsThatMayStillRunIsAdopted(t *testing.T) {
	t.Parallel()
	const document = "name: r\nonFailure: abort\nsteps: [{id: a, plan: p}]"
	r := begin(t, document)
	r.timesOut("a.1")
	second, err := r.resumed(document, Choices{Rerun: []string{"a"}})
	require.NoError(t, err)
	second.timesOut("a.2")
	_, err = second.resumed(document, Choices{})
	require.ErrorContains(t, err, "the platform may still run in-a.2, in-a.1: say adopt")
	for choice, want := range map[string]string{
		"a": "adopt in-a.2 of run-1+ as a.3", "a=in-a.2": "adopt in-a.2 of run-1+ as a.3",
		"a=in-a.1": "adopt in-a.1 of run-1 as a.3", "a=in9": "adopt in9 of run-1+ as a.3",
	} {
		third, err := second.resumed(document, Choices{Adopt: []string{choice}})
		require.NoError(t, err, choice)
		third.does(want)
	}
}
