package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// doubt makes the next trigger's outcome unknown; the plan runs all the same, or not.
func (s *stack) doubt(runs bool) {
	s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, AfterExecution: runs, Kind: platformtest.FaultStatus, Status: http.StatusBadGateway})
}

func TestAnOperatorSettlesARunWithTheCommandLine(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	s.doubt(true)
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseUnknown)

	stdout, stderr, code := s.starter("resolve", s.queue, "--status", "SUCCESS", "-o", "json")
	require.Equal(t, 1, code)
	require.Regexp(t, `^starter: the instance of plan p is not known; name it first by resolveTrigger with adopt\n$`, stderr)
	require.Empty(t, stdout)

	var status workflows.Status
	s.starterJSON(&status, "resolve", s.queue, "--adopt", s.instance("web1"), "--by", "zhang", "--comment", "seen on the platform")
	require.Equal(t, s.instance("web1"), status.InstanceID)
	require.Equal(t, "zhang", status.Actions[0].By)
	require.Equal(t, "seen on the platform", status.Actions[0].Comment)
	s.reaches(run, workflows.PhaseWaiting)

	stdout, stderr, code = s.starter("resolve", "--status", "SUCCESS", s.queue)
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "resolveRun SUCCESS")
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Equal(t, workflows.ObservedByOperator, result.ObservedBy)
	require.NotEmpty(t, s.state(run).Actions[1].By, "whoever runs the command")

	for _, id := range []string{s.queue, "nothing"} {
		_, stderr, code = s.starter("resolve", id, "--abort")
		require.Equal(t, 1, code)
		require.Contains(t, stderr, fmt.Sprintf("run %q has ended, or there is none with that id", id))
	}
}

func TestAnOperatorTriggersAgainWithTheCommandLine(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)), briefly)
	s.doubt(false)
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseUnknown)
	for deadline := time.Now().Add(patience); ; {
		_, stderr, code := s.starter("resolve", s.queue, "--retrigger", "--comment", "nothing ran")
		if code == 0 {
			break
		}
		require.Contains(t, stderr, stillOnItsWay)
		require.True(t, time.Now().Before(deadline), stderr)
		pause(t.Context(), time.Second)
	}
	require.NoError(t, s.await(run, nil))
	require.Len(t, s.sim.Executions(), 1)
}

func TestAnOperatorGivesARunUpWithTheCommandLine(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	s.doubt(false)
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseUnknown)
	var status workflows.Status
	s.starterJSON(&status, "resolve", s.queue, "--abort")

	stdout, stderr, code := s.starter("watch", s.queue, "-o", "json")
	require.Equal(t, 4, code, stderr)
	require.Contains(t, stderr, activities.ErrorTriggerOutcomeUnknown)
	require.NoError(t, json.Unmarshal([]byte(stdout), &status), stdout)
}

func TestARunThatWasTerminatedIsOneDocumentToo(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseWaiting)
	require.NoError(t, s.TerminateWorkflow(t.Context(), s.queue, "", "for the test"))
	stdout, stderr, code := s.starter("watch", s.queue, "-o", "json")
	require.Equal(t, 3, code, stderr)
	var document struct{ WorkflowID, RunID, Error string }
	require.NoError(t, json.Unmarshal([]byte(stdout), &document), stdout)
	require.Equal(t, s.queue, document.WorkflowID)
	require.Contains(t, document.Error, "terminated")
}

func TestSetupLetsRunsBeFoundBySearch(t *testing.T) {
	t.Parallel()
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, temporal.Stop()) })
	s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue(success(100 * time.Millisecond))})
	require.NoError(t, s.await(s.run("before", input("web1")), nil), "runs do without")
	s.doubt(false)
	s.reaches(s.run("in-doubt", input("web2")), workflows.PhaseUnknown)
	require.Eventually(t, func() bool { // what is listed is a little behind
		var open []struct{ WorkflowID string }
		s.starterJSON(&open, "runs", "--needs-me=anybody")
		return len(open) == 1 && open[0].WorkflowID == "in-doubt"
	}, patience, time.Second)
	require.NoError(t, s.TerminateWorkflow(t.Context(), "in-doubt", "", "for the test"))

	var names []string
	for _, key := range workflows.Attributes() {
		names = append(names, key.Name)
	}
	var done struct{ Present, Added, Missing, Commands []string }
	s.starterJSON(&done, "setup")
	require.ElementsMatch(t, names, done.Added)
	require.Empty(t, done.Commands)
	s.starterJSON(&done, "setup")
	require.Empty(t, done.Added)
	require.Empty(t, done.Missing)
	require.ElementsMatch(t, names, done.Present)
	stdout, stderr, code := s.starter("setup")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "was there")

	require.NoError(t, s.worker.Stop())
	s.worker = s.start("worker") // one that runs already looks once a minute
	require.NoError(t, s.await(s.run("after", input("web2")), nil))
	require.Eventually(t, func() bool {
		found, err := s.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "DpaPlanId = 'p'"})
		return err == nil && len(found.Executions) == 1 && found.Executions[0].Execution.WorkflowId == "after"
	}, patience, 200*time.Millisecond)
}
