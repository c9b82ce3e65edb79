package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/workflows"
)

func TestARunbookWaitsForATimeAndForAWindow(t *testing.T) {
	t.Parallel()
	s := newStack(t, simple("a"))
	now := time.Now().UTC()
	clock := func(d time.Duration) string { return now.Add(d).Format("15:04") }
	run := s.runbook(s.queue, fmt.Sprintf(`
name: night
vars: {until: %q}
steps:
  - {id: soon, wait: {until: "${{ vars.until }}"}}
  - {id: inside, wait: {window: %s-%s, timeZone: UTC}}
  - {id: later, wait: {window: %s-%s, timeZone: UTC}}
  - {id: a, plan: a}
`, now.Add(4*time.Second).Format(time.RFC3339Nano), clock(-2*time.Hour), clock(2*time.Hour), clock(3*time.Hour), clock(5*time.Hour)))
	s.stands(run, 2, workflows.StatusRunning)
	steps := s.book(run).Steps
	require.False(t, steps[0].FinishedAt.Before(now.Add(4*time.Second)))
	require.Equal(t, steps[0].FinishedAt, steps[1].FinishedAt, "inside the window there is no wait")
	require.WithinDuration(t, now.Add(3*time.Hour).Truncate(time.Minute), *steps[2].Until, 0)

	s.killWorker() // what the window said is in the history
	_, stderr, code := s.starter("skip", run.GetID(), "later", "--by", "li")
	require.Zero(t, code, stderr)
	require.NoError(t, s.await(run, nil))
	require.Equal(t, map[string]int{"a": 1}, s.ran())
}
