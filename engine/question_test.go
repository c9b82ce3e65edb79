package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

const asksForValues = `{name: r, steps: [
	{id: lag, ask: {message: "Lag of ${{ runbook.workflowId }}?", fields: {lag: {type: number}, ticket: {type: string, pattern: "FZ-[0-9]+"}}, who: [zhang, li], timeout: 1h}},
	{id: switch, plan: s, when: "double(steps.lag.outputs['lag']) < 5.0", params: {md: {TICKET: "${{ steps.lag.outputs['ticket'] }}"}}}]}`

func answer(by string, values map[string]any) Action {
	return Action{Name: ActionAnswer, Step: "lag", By: by, Values: values}
}

func TestAnAnswerIsTheOutputsOfItsTask(t *testing.T) {
	t.Parallel()
	r := begin(t, asksForValues)
	r.does()
	waits := r.e.WaitsFor()
	require.Len(t, waits, 1)
	require.Equal(t, "Lag of run-1?", waits[0].Reason)
	require.Equal(t, "starter answer run-1 lag lag=… ticket=… --by NAME", waits[0].Command)
	require.Equal(t, []string{"zhang", "li"}, waits[0].Who)
	require.Equal(t, noon.Add(time.Hour), *waits[0].Until)
	require.Len(t, waits[0].Fields, 2)
	require.Equal(t, AttentionApproval, r.e.Attention())

	values := map[string]any{"lag": 0.3, "ticket": "FZ-1"}
	r.refuses(answer("wang", values), "step lag must be answered by zhang, li, not by wang")
	r.refuses(answer("li", map[string]any{"lag": "x", "tick": 1}), `values.tick: there is no such field; values.lag: must be a number, got "x"; values.ticket: is missing`)
	r.refuses(Action{Name: ActionApprove, Step: "lag", By: "li"}, "step lag is no approval")
	r.refuses(Action{Name: ActionSkip, Step: "lag", By: "li"}, "cannot be skipped: it is RUNNING")
	r.refuses(Action{Name: ActionAnswer, Step: "switch", By: "li", Values: values}, "step switch asks for no values")
	r.refuses(Action{Name: ActionPause, Values: values}, "values are for answer only")

	r.act(answer("li", values))
	require.Equal(t, "FZ-1", r.start("switch.1").Job.Params["md"].Inputs["TICKET"].Text)
	require.Equal(t, "li", r.step("lag").AnsweredBy)
	require.Equal(t, values, r.e.Actions[0].Values)
	r.refuses(answer("li", values), "asks for no values now: it is SUCCESS")
}

func TestATaskThatNobodyAnswersFails(t *testing.T) {
	t.Parallel()
	r := begin(t, asksForValues)
	r.after(time.Hour)
	require.Equal(t, "nobody answered within 1h", r.step("lag").Reason)
	require.Equal(t, "decision lag", r.waitsFor())
	r.refuses(Action{Name: ActionRetry, Step: "lag", By: "wang"}, "must be answered by zhang, li")
	r.act(Action{Name: ActionRetry, Step: "lag", By: "li"})
	require.Equal(t, "answer lag", r.waitsFor())
	r.act(answer("li", map[string]any{"lag": 7, "ticket": "FZ-2"}))
	require.Equal(t, "lag SUCCESS, switch SKIPPED", r.statuses())
}

func TestATaskEndsWithItsRunbook(t *testing.T) {
	t.Parallel()
	r := begin(t, asksForValues)
	r.act(Action{Name: ActionAbort})
	r.does("finish")
	require.Equal(t, runbook.StatusAborted, r.step("lag").Status)
}

func TestATaskInANestedRunbookIsAnsweredByItsPath(t *testing.T) {
	t.Parallel()
	r := begin(t, `{name: r, steps: [{id: verify, runbook: {name: v, steps: [{id: lag, ask: {message: m, fields: {n: {type: integer}}}}]}}]}`)
	require.Equal(t, "answer verify/lag", r.waitsFor())
	r.act(Action{Name: ActionAnswer, Step: "verify/lag", Values: map[string]any{"n": int64(1)}})
	r.does("finish")
}

func TestAResumeKeepsAnAnswerToTheSameQuestion(t *testing.T) {
	t.Parallel()
	r := begin(t, asksForValues)
	r.act(answer("li", map[string]any{"lag": 1, "ticket": "FZ-1"}))
	r.fails("switch.1")
	r.act(Action{Name: ActionAbort})
	_, err := r.resumed(asksForValues, Choices{})
	require.ErrorContains(t, err, "resumeFrom[lag]: its inputs are not those", "the question names the run")
	next, err := r.resumed(asksForValues, Choices{Keep: []string{"lag"}})
	require.NoError(t, err)
	next.does("start switch.2")
}
