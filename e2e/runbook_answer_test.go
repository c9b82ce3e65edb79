package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/workflows"
)

func TestAManualTaskIsAnsweredWithTheCommandLine(t *testing.T) {
	t.Parallel()
	s := newStack(t, simple("switch"))
	run := s.runbook(s.queue, `
name: asks
steps:
  - id: verify
    runbook:
      name: inner
      steps:
        - id: lag
          ask:
            message: Replication lag?
            fields: {lag: {type: number, description: seconds}, ticket: {type: string, pattern: "FZ-[0-9]+"}, site: {type: string, default: here}}
            who: [zhang, li]
        - {id: switch, plan: switch, when: "double(steps.lag.outputs['lag']) < 5.0 && steps.lag.outputs['site'] == 'here'"}
`)
	s.asks(s.queue, "starter answer "+s.queue+" verify/lag lag=NUMBER site=STRING ticket=STRING")
	stdout, _, code := s.starter("status", s.queue)
	require.Zero(t, code)
	require.Contains(t, stdout, "lag number: seconds")
	require.Eventually(t, func() bool {
		stdout, _, _ := s.starter("runs")
		return strings.Contains(stdout, "starter answer "+s.queue)
	}, patience, 500*time.Millisecond, "visibility comes later")

	for arguments, refusal := range map[[2]string]string{
		{"lag=much", "ticket=FZ-1"}: `lag: must be a number, got "much"`,
		{"lag=1", "ticket=FZ-x"}:    `values.ticket: must match FZ-[0-9]+, got "FZ-x"`,
		{"lag=1", "tickets=FZ-1"}:   "values.tickets: there is no such field; values.ticket: is missing",
	} {
		_, stderr, code := s.starter("answer", s.queue, "verify/lag", arguments[0], arguments[1], "--by", "li")
		require.NotZero(t, code)
		require.Contains(t, stderr, refusal)
	}
	_, stderr, code := s.starter("answer", s.queue, "verify/lag", "lag=1", "ticket=FZ-1", "--by", "wang")
	require.NotZero(t, code)
	require.Contains(t, stderr, "must be answered by zhang, li, not by wang")

	s.killWorker()
	var step workflows.StepResult
	s.starterJSON(&step, "answer", s.queue, "verify/lag", "lag=0.3", "ticket=FZ-1", "--by", "li", "--comment", "read off the console")
	require.Equal(t, "li", step.AnsweredBy)

	var result workflows.RunbookResult
	require.NoError(t, s.operate(run, &result))
	require.Equal(t, map[string]int{"switch": 1}, s.ran())
	require.Equal(t, workflows.StatusSuccess, at(result, "verify/switch").Status)
	stdout, _, _ = s.starter("report", s.queue)
	require.Contains(t, stdout, "| verify/lag | Replication lag? | zhang, li | 1 | li | SUCCESS |")
	require.Contains(t, stdout, "| verify/lag |  | lag | 0.3 |")
}
