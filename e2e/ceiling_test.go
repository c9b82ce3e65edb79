package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// Temporal gives out the activities of a task queue at a rate, to all workers together. It can be changed while they run.
func TestTemporalKeepsAllWorkersTogetherBelowACeiling(t *testing.T) {
	t.Parallel()
	// Each run has two activities. Some twenty come at once, a few for each partition of the queue, and the rest at the rate.
	const perSecond, n, burst = 4, 24, 32
	within := func(perSecond float64) time.Duration {
		return time.Duration((2*n - burst) / perSecond * float64(time.Second))
	}
	s := newStack(t, catalogue(success(100*time.Millisecond)), "DPA_ACTIVITIES_PER_SECOND="+fmt.Sprint(perSecond))
	s.start("worker")
	require.GreaterOrEqual(t, s.runMany("slow", n), within(perSecond))

	s.command("task-queue", "config", "set", "--task-queue", s.queue, "--task-queue-type", "activity",
		"--queue-rps-limit", fmt.Sprint(perSecond/2), "--queue-rps-limit-reason", "the platform asks for it")
	require.GreaterOrEqual(t, s.runMany("slower", n), within(perSecond/2))
}

// runMany runs plans at once, and returns how long their activities took from the first to the last.
func (s *stack) runMany(name string, n int) time.Duration {
	s.t.Helper()
	before := len(s.sim.Requests())
	runs := make([]client.WorkflowRun, n)
	for i := range runs {
		runs[i] = s.run(fmt.Sprintf("%s-%s-%d", s.queue, name, i), input(fmt.Sprintf("%s%d", name, i)))
	}
	for _, run := range runs {
		require.NoError(s.t, s.await(run, nil))
	}
	requests := s.sim.Requests()[before:]
	return requests[len(requests)-1].At.Sub(requests[0].At)
}
