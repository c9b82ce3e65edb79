package runbook

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// One mistake of each kind that the language has beside plans and models.
const mistaken = `name: mistaken
vars:
  site: {type: string, enum: [a, b], default: c}
  count: {type: whole}
  url: "http://${{ vars.nowhere }}"
  secret: {type: string, secretRef: s}
  required: {type: string, required: true, default: x}
lock: {name: "core-${{ steps.ask.status }}", onBusy: queue}
x-mine: {anything: goes}
x-once: &once {retries: {max: 200}}
steps:
  - id: ask
    ask: {message: 'how much?', fields: {lag: {type: number, pattern: x}}, who: [li, li]}
  - id: again
    plan: p
    <<: *once
  - id: paused
    plan: p
    retries: {max: 1, pause: 2d}
  - id: ready
    plan: p
    until: steps.ready.outputs['ok']
    every: 10ms
  - id: rounds
    plan: p
    until: "true"
    every: 1s
    timeout: 1h
  - id: night
    wait: {window: "22:00-26:00", days: MON-FRY, timeZone: Asia/Nowhere}
  - id: later
    wait: {until: tomorrow}
  - id: leak
    model: m
    params: {TEXT: "password ${{ vars.secret }}"}
  - id: nested
    runbook: {name: n, vars: {db: {type: string, required: true}}, steps: [{id: a, plan: p}]}
    with: {other: x}
  - id: functions
    model: m
    when: size(words('a b')) > 0
finally:
  - {id: say, approval: {message: 'well?'}}
  - {id: read, model: m, params: {A: "${{ steps.ready.outputs['ok'] }}"}}
  - {id: compare, model: m, when: "runbook.status == 'GOOD'"}
`

func TestOneMistakeOfEachKindYieldsAllOfThemInOneAnswer(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte(mistaken))
	found := problems(err)
	for _, want := range []string{
		`3:38: vars.site.default: must be "a" | "b", got "c"`,
		`4:11: vars.count.type: must be string | number | integer | boolean | list | object, got "whole"`,
		`5:3: vars.url: there is no variable "nowhere" in vars`,
		`7:44: vars.required.default: is never used: the variable is required`,
		`8:8: lock.name: may only use other variables`,
		`8:46: lock.onBusy: must be wait | fail, got "queue"`,
		`steps[0].ask.fields.lag.pattern: is only for type: string`,
		`steps[0].ask.who[1]: "li" is named already`,
		`10:16: steps[1].retries: must be at most 100, got 200`,
		`steps[2].retries.pause: must be a duration such as "90s" or "2h", got "2d"`,
		`steps[3].every: must be at least 1s, got 10ms`,
		`steps[3].until: must give true or false, gives string`,
		`steps[4].every: gives more than 200 rounds within 1h`,
		`30:12: steps[5].wait.window: must be two times of day`,
		`steps[5].wait.days: must be days such as MON-FRI`,
		`steps[5].wait.timeZone: there is no time zone "Asia/Nowhere"`,
		`steps[6].wait.until: must be a time`,
		`steps[7].params.TEXT: the variable "secret" stands for a secret`,
		`steps[8].with.other: there is no such variable in the vars of the runbook`,
		`steps[8].with: must give the variable "db" a value`,
		`steps[9].when: undeclared reference to 'words'`,
		`finally[0].approval: does not fit in finally`,
		`finally[1].params.A: step "ready" may have no outputs`,
		`finally[2].when: no runbook ever has the status "GOOD"`,
	} {
		at := slices.IndexFunc(found, func(line string) bool { return strings.Contains(line, want) })
		require.GreaterOrEqual(t, at, 0, "%s is not among\n%s", want, strings.Join(found, "\n"))
		found = slices.Delete(found, at, at+1)
	}
	require.Empty(t, found, "and nothing else is found")
	for _, line := range problems(err) {
		require.Regexp(t, `^\d+:\d+: [a-z]+`, line, "each has its place")
	}
}
