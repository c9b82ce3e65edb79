package runbook

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryKindOfMistakeInAStepIsFound(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]string{
		`plan: p`:                              "steps[0]: id is missing",
		`id: 1a, plan: p`:                      `id: must be a letter, then at most 63`,
		`id: a`:                                "must have exactly one of plan, model, approval, ask, wait, runbook",
		`id: a, wait: 1s, params: {A: b}`:      "params: does not fit a step with wait, only one with plan, model",
		`id: a, wait: 1s, forEach: "[1]"`:      "forEach: does not fit a step with wait, only one with plan, model, runbook",
		`id: a, wait: 1s, rollback: {plan: p}`: "rollback: does not fit a step with wait",
		`id: a, wait: 1s, timeout: 2s`:         "timeout: does not fit a step with wait",
		`id: a, plan: p, executePath: /x`:      "executePath: does not fit a step with plan, only one with model",
		`id: a, model: p, executePath: "//elsewhere.example/x"`:                 "executePath: must begin with a single /",
		`id: a, model: listAll, executePath: "/processModel/{modelId}"`:         "executePath: must not be the path of another endpoint of the platform",
		`id: a, model: p, executePath: "/x/${{ vars.x }}"`:                      "executePath: takes no expressions",
		`id: a, plan: p, onBusy: fail`:                                          "onBusy: does not fit a step with plan, only one with model",
		`id: a, plan: p, sync: true`:                                            "sync: does not fit a step with plan",
		`id: a, model: p, sync: true, syncTimeout: 15m`:                         "syncTimeout: must be at most 10m, got 15m",
		`id: a, model: p, syncTimeout: 1s`:                                      "syncTimeout: is only for sync: true",
		`id: a, plan: p, rollback: {}`:                                          "rollback: must have exactly one of plan, model",
		`id: a, plan: p, rollback: {plan: p, sync: true}`:                       "rollback.sync: does not fit a step with plan",
		`id: a, plan: p, needs: [a]`:                                            "needs[0]: a step cannot need itself",
		`id: a, plan: p, needs: [b]`:                                            `needs[0]: there is no step "b"`,
		`id: a, plan: p, needs: [{on: end}]`:                                    "needs[0]: step is missing",
		`id: a, plan: p, needs: [{step: 1}]`:                                    "needs[0].step: must be a string, in quotes, got 1",
		`id: a, plan: p, needs: b`:                                              `needs: must be a list, got "b"`,
		`id: a, plan: p, join: some`:                                            "join: must be all | any",
		`id: a, plan: p, onUnknown: retry`:                                      "onUnknown: must be wait | fail",
		`id: a, model: p, onBusy: retry`:                                        "onBusy: must be wait | fail",
		`id: a, plan: p, retries: -1`:                                           "retries: must be at least 0, got -1",
		`id: a, plan: p, retries: 101`:                                          "retries: must be at most 100, got 101",
		`id: a, plan: p, retries: 1.5`:                                          "retries: must be a whole number or an object, got 1.5",
		`id: a, plan: p, retries: {pause: 1s}`:                                  "retries: max is missing: say how often to try again",
		`id: a, plan: p, retries: {max: 101}`:                                   "retries: must be at most 100, got 101",
		`id: a, plan: p, retries: {max: 1, pause: 25h}`:                         "retries.pause: must be at most 24h, got 25h",
		`id: a, plan: p, retries: {max: 1, pause: soon}`:                        `retries.pause: must be a duration such as "90s" or "2h", got "soon"`,
		`id: a, plan: p, retries: {max: 1, pause: 1s, backoff: 0.5}`:            "retries.backoff: must be from 1 to 10, got 0.5",
		`id: a, plan: p, retries: {max: 1, pause: 1s, backoff: twice}`:          `retries.backoff: must be a number, got "twice"`,
		`id: a, plan: p, retries: {max: 1, backoff: 2}`:                         "retries: backoff needs a pause that it makes longer",
		`id: a, plan: p, retries: {max: 1, times: 2}`:                           "retries.times: there is no such field",
		`id: a, wait: 1s, retries: {max: 1, pause: 1s}`:                         "retries: does not fit a step with wait",
		`id: a, plan: p, every: 1s`:                                             "every is only for a step with until",
		`id: a, plan: p, until: "true"`:                                         "every is missing: say how long to wait",
		`id: a, plan: p, until: "true", every: 1ms`:                             "every: must be at least 1s, got 1ms",
		`id: a, plan: p, until: "true", every: 1s, timeout: 1h`:                 "every: gives more than 200 rounds within 1h: wait longer between them, at least 18s",
		`id: a, plan: p, until: "1", every: 1s`:                                 "until: must give true or false, gives int",
		`id: a, plan: p, until: "steps.b.status == 'SUCCESS'", every: 1s`:       `until: there is no step "b"`,
		`id: a, plan: p, when: "steps.a.status == 'SUCCESS'"`:                   `when: nothing is known of step "a" before it has run`,
		`id: a, wait: 1s, until: "true"`:                                        "until: does not fit a step with wait",
		`id: a, plan: p, pollAfter: 10ms`:                                       "pollAfter: must be at least 1s, got 10ms",
		`id: a, plan: p, maxParallel: 1`:                                        "maxParallel: is only for a step with forEach",
		`id: a, plan: p, maxFailures: 1`:                                        "maxFailures: is only for a step with forEach",
		`id: a, plan: p, forEach: "[1]", maxFailures: 101%`:                     `maxFailures: must be a number such as 2 or a share such as "20%"`,
		`id: a, plan: p, params: {md1: x}`:                                      "params.md1: must be an object: a plan's params are model id",
		`id: a, plan: p, params: {md1: {A: {B: c}}}`:                            "params.md1.A: must be a string",
		`id: a, plan: p, params: [a]`:                                           "params: must be an object, got a list",
		`id: a, plan: "${{ vars.x }}"`:                                          "plan: takes no expressions",
		`id: a, plan: p, name: "${{ vars.x }}"`:                                 "name: takes no expressions",
		`id: a, model: p, params: {A: {secretRef: "${{ 1 }}"}}`:                 "params.A.secretRef: takes no expressions",
		`id: a, plan: ` + strings.Repeat("p", 129):                              "plan: must have at most 128 bytes, got 129",
		`id: a, approval: {}`:                                                   "approval: message is missing",
		`id: a, approval: {message: m, approvers: [a, a]}`:                      `approval.approvers[1]: "a" is named already`,
		`id: a, approval: {message: m, approvers: [""]}`:                        "approval.approvers[0]: must be the name of a person",
		`id: a, approval: {message: m, onTimeout: reject}`:                      "approval.onTimeout: is only for an approval with a timeout",
		`id: a, approval: {message: m, timeout: 1s, onTimeout: perhaps}`:        "approval.onTimeout: must be reject | approve",
		`id: a, approval: yes please`:                                           `approval: must be an object, got "yes please"`,
		`id: a, wait: soon`:                                                     `wait: must be a duration such as "90s" or "2h", got "soon"`,
		`id: a, wait: {}`:                                                       "wait: must be a duration such as 10m, or have exactly one of until and window",
		`id: a, wait: {for: 10m}`:                                               "wait.for: there is no such field",
		`id: a, wait: {until: tomorrow}`:                                        "wait.until: must be a time such as 2026-12-01T22:00:00+08:00",
		`id: a, wait: {until: 2026-12-01}`:                                      "wait.until: must be a time such as 2026-12-01T22:00:00+08:00",
		`id: a, wait: {until: 2026-12-01T22:00:00Z, window: 22:00-04:00}`:       "wait: must be a duration such as 10m, or have exactly one of until and window",
		`id: a, wait: {until: 2026-12-01T22:00:00Z, timeZone: UTC}`:             "wait: days and timeZone are only for a window",
		`id: a, wait: {window: 22:00-04:00}`:                                    "wait: timeZone is missing",
		`id: a, wait: {window: 22:00-25:00, timeZone: UTC}`:                     "wait.window: must be two times of day such as 22:00-04:00",
		`id: a, wait: {window: 22:00-22:00, timeZone: UTC}`:                     "wait.window: must be two times of day such as 22:00-04:00",
		`id: a, wait: {window: 22:00-04:00, days: Mon, timeZone: UTC}`:          "wait.days: must be days such as MON-FRI or SAT,SUN",
		`id: a, wait: {window: 22:00-04:00, timeZone: Local}`:                   `wait.timeZone: there is no time zone "Local"`,
		`id: a, wait: {window: "${{ vars.x }}", timeZone: UTC}`:                 `wait.window: there is no variable "x"`,
		`id: a, runbook: {name: n, steps: []}`:                                  "runbook: steps is missing",
		`id: a, runbook: {name: n, vars: {a: null}, steps: [{id: b, plan: p}]}`: "runbook.vars.a: must have a value or an expression",
		`id: a, runbook: {name: n, steps: [{id: b, plan: p, whe: x}]}`:          "steps[0].runbook.steps[0].whe: there is no such field",
	} {
		_, err := Parse([]byte("name: x\nsteps: [{" + step + "}]"))
		lines := problems(err)
		require.Len(t, lines, 1, "%s: one mistake is one fault", step)
		require.Contains(t, lines[0], want, step)
		require.Regexp(t, `^\d+:\d+: `, lines[0])
	}
}

func TestFinallyAsksNobodyAndUndoesNothing(t *testing.T) {
	t.Parallel()
	for finally, want := range map[string]string{
		`{id: z, approval: {message: m}}`:                                       "finally[0].approval: does not fit in finally, which must end without people",
		`{id: z, runbook: {name: n, steps: [{id: y, approval: {message: m}}]}}`: "finally[0].runbook.steps[0].approval: does not fit in finally",
		`{id: z, plan: p, rollback: {plan: u}}`:                                 "finally[0].rollback: does not fit in finally, which runs after all rollbacks",
		`{id: z, plan: p, onFailure: pause}`:                                    `finally[0].onFailure: must be abort | continue in finally, got "pause"`,
		`{id: z, plan: p, onFailure: rollback}`:                                 `finally[0].onFailure: must be abort | continue in finally, got "rollback"`,
		`{id: a, plan: p}`:                                                      `finally[0].id: "a" is the id of steps[0] already`,
		`{id: z, plan: p, needs: [a]}`:                                          `finally[0].needs[0]: "a" has ended when finally begins: leave it out`,
		`{id: z, plan: p, needs: [x]}`:                                          `finally[0].needs[0]: there is no step "x"`,
		`{id: z, model: m, params: {A: "${{ steps.a.outputs['x'] }}"}}`:         `finally[0].params.A: step "a" may have no outputs, as finally runs whatever happened`,
		`{id: z, model: m, when: "runbook.status == 'GOOD'"}`:                   `finally[0].when: no runbook ever has the status "GOOD": it is one of SUCCESS, FAILED, ABORTED, TIMED_OUT, CANCELLED`,
		`{id: z, plan: p, nam: x}`:                                              "finally[0].nam: there is no such field",
		`{id: z, wait: 1s}, {id: y, plan: p, needs: [{step: z, on: failure}]}`:  "finally[1].needs: this step can never run",
		`{id: y, plan: p, needs: [z]}, {id: z, plan: p}`:                        "finally[0]: the steps need each other in a circle: y needs z needs y",
	} {
		_, err := Parse([]byte("name: x\nsteps: [{id: a, plan: p}]\nfinally: [" + finally + "]"))
		lines := problems(err)
		require.Len(t, lines, 1, "%s: one mistake is one finding", finally)
		require.Contains(t, lines[0], want, finally)
	}
	for _, step := range []string{`needs: [z]`, `when: "runbook.status == 'SUCCESS'"`, `when: "runbook.reason == ''"`} {
		_, err := Parse([]byte("name: x\nsteps: [{id: a, plan: p, " + step + "}]\nfinally: [{id: z, plan: p}]"))
		require.Len(t, problems(err), 1, step)
		require.ErrorContains(t, err, "finally", step)
	}
	_, err := Parse([]byte(`{name: x, steps: [{id: a, plan: p}], finally: [
		{id: z, model: m, when: "steps.a.status == 'SUCCESS'", params: {A: "${{ steps.a.outputs['x'] }} ${{ runbook.status }} ${{ runbook.reason }}"}},
		{id: y, runbook: {name: n, vars: {s: "${{ runbook.status }}"}, steps: [{id: w, plan: p, when: "vars.s == 'FAILED'"}]}}]}`))
	require.NoError(t, err)
}

func TestADocumentHasItsLimits(t *testing.T) {
	t.Parallel()
	var steps []Part
	for i := range MaxSteps + 1 {
		steps = append(steps, Plan(fmt.Sprintf("s%d", i), "p"))
	}
	require.NoError(t, New("x", steps[:MaxSteps]...).Validate())
	require.ErrorContains(t, New("x", steps...).Validate(), "at most 1000 steps, got 1001: each is a dozen events")

	nested := New("innermost", Plan("a", "p"))
	for range MaxNesting - 1 {
		nested = New("outer", Nest("n", nested))
	}
	require.NoError(t, nested.Validate())
	require.ErrorContains(t, New("outer", Nest("n", nested)).Validate(), "at most 5 runbooks may stand inside each other")
	nested.Steps[0].Runbook = nested
	require.Error(t, nested.Validate(), "one that holds itself ends too")
}

func TestCirclesAreNamedWithTheirSteps(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte(`{"name": "x", "steps": [
		{"id": "a", "plan": "p", "needs": ["c"]}, {"id": "b", "plan": "p"}, {"id": "c", "plan": "p"},
		{"id": "d", "plan": "p", "needs": []}]}`))
	require.Equal(t, []string{`2:3: steps[0]: the steps need each other in a circle: a needs c needs b needs a`}, problems(err))
}

func TestMaxFailuresIsANumberOrAShare(t *testing.T) {
	t.Parallel()
	require.False(t, MaxFailures{}.Exceeded(0, 5))
	require.True(t, MaxFailures{}.Exceeded(1, 5))
	require.False(t, MaxFailures{Count: 1}.Exceeded(1, 5))
	require.True(t, MaxFailures{Count: 1}.Exceeded(2, 5))
	require.False(t, MaxFailures{Percent: 20}.Exceeded(1, 5))
	require.True(t, MaxFailures{Percent: 20}.Exceeded(1, 4))
	require.False(t, MaxFailures{Percent: 100}.Exceeded(3, 3))
}

func TestTheMistakesOfALockAreFoundAtTheirPlaces(t *testing.T) {
	t.Parallel()
	for lock, want := range map[string]string{
		`{}`:                          "lock: name is missing",
		`core`:                        `lock: must be an object, got "core"`,
		`{name: core, onBusy: retry}`: `lock.onBusy: must be wait | fail, got "retry"`,
		`{name: " core"}`:             "lock.name: must be a name, without spaces around it",
		`{name: "a\nb"}`:              "lock.name: must not have control characters",
		`{name: ` + strings.Repeat("x", 201) + `}`: "lock.name: must have at most 200 bytes, got 201",
		`{name: "${{ vars.x }}"}`:                  `lock.name: there is no variable "x" in vars`,
		`{name: "${{ steps.a.status }}"}`:          "lock.name: may only use other variables",
		`{nme: core, name: core}`:                  "lock.nme: there is no such field",
	} {
		for path, text := range map[string]string{
			"":                  "name: x\nlock: " + lock + "\nsteps: [{id: a, plan: p}]",
			"steps[0].runbook.": "name: x\nsteps: [{id: b, runbook: {name: y, lock: " + lock + ", steps: [{id: a, plan: p}]}}]",
		} {
			_, err := Parse([]byte(text))
			require.Len(t, problems(err), 1, text)
			require.Contains(t, problems(err)[0], path+want)
		}
	}
}

func TestALockIsNamedByTheVars(t *testing.T) {
	t.Parallel()
	d := New("r", Vars{"site": "beijing", "odd": " "}, Plan("a", "p"))
	for name, want := range map[string]string{"core-${{ vars.site }}": "core-beijing", "core": "core", "${{ vars.odd }}": ""} {
		d.Lock = &Lock{Name: name}
		program, err := d.Compile()
		require.NoError(t, err)
		lock, err := program.Lock(Scope{Vars: d.Vars})
		if want == "" {
			require.ErrorContains(t, err, "lock.name: must be a name")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, lock.Name)
	}
}
