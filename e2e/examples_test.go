package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/examples/ownworkflow"
	example "github.com/dpaflow/dpaflow/examples/switchover"
	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

// switched is what a whole switchover executes.
var switched = map[string]int{"acf42de1": 1, "bcf42de2": 1, "bcf42dd4": 1, "fcf42de5": 2, "ccf42dd5": 1, "acf42de6": 3, "ccf42de3": 1}

// given are the values of an input, in the order of the executions.
func (s *stack) given(modelID, name string) (values []string) {
	for _, execution := range s.sim.Executions() {
		if value, ok := execution.Params[modelID][name]; ok {
			values = append(values, value)
		}
	}
	return values
}

func TestTheSwitchoverRunsFromYAMLFromJSONAndFromGo(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(s *stack){
		"YAML": func(s *stack) {
			_, stderr, code := s.starter("run", "runbook", "../examples/switchover/runbook.yaml", "--workflow-id", s.queue, "--detach")
			require.Zero(s.t, code, stderr)
		},
		"JSON": func(s *stack) {
			s.command("workflow", "start", "--type", "Runbook", "--task-queue", s.queue, "--workflow-id", s.queue, "--input", string(example.JSON))
		},
		"Go": func(s *stack) {
			_, err := s.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: s.queue, TaskQueue: s.queue},
				workflows.Runbook, workflows.RunbookInput{Document: *example.Runbook()})
			require.NoError(s.t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, platformtest.Example())
			start(s)
			run := s.GetWorkflow(t.Context(), s.queue, "")
			s.stands(run, 2, workflows.StatusRunning)
			require.Equal(t, "SUCCESS", s.book(run).Steps[0].Status, "both checks have ended")
			for _, approver := range []string{"zhang", "li"} {
				_, stderr, code := s.starter("approve", s.queue, "confirm", "--by", approver)
				require.Zero(t, code, stderr)
			}

			var result workflows.RunbookResult
			require.NoError(t, s.await(run, &result))
			require.Equal(t, workflows.StatusSuccess, result.Status)
			require.Equal(t, switched, s.ran())
			require.Equal(t, 2, result.Steps[4].Attempts, "the failure was retried")
			require.Equal(t, []string{"10.0.0.12", "10.0.0.12"}, s.given("md1606743911005", "DATABASE"))
			require.ElementsMatch(t, []string{"web1", "web2", "web3"}, s.given("md1606743911006", "HOST"))
			require.Equal(t, []string{"FZ-0042"}, s.given("md1606743911003", "TICKET"))
		})
	}
}

func TestASwitchoverThatIsRejectedUndoesItsFreeze(t *testing.T) {
	t.Parallel()
	s := newStack(t, platformtest.Example())
	run := s.runbook(s.queue, string(example.YAML))
	s.stands(run, 2, workflows.StatusRunning)
	_, stderr, code := s.starter("reject", s.queue, "confirm", "--by", "li", "--comment", "not today")
	require.Zero(t, code, stderr)
	result := s.failed(run, workflows.ErrorRunbookFailed)
	require.Equal(t, workflows.StatusSuccess, result.Steps[1].Rollback.Status)
	require.Equal(t, map[string]int{"acf42de1": 1, "bcf42de2": 1, "ccf42de3": 1}, s.ran())
	require.Equal(t, []string{"FZ-0042"}, s.given("md1606743911003", "TICKET"))
}

// ownWorker runs the workflow of one's own, as a program of a user's would, and starts it.
func (s *stack) ownWorker() (start func(id string) client.WorkflowRun) {
	s.t.Helper()
	c, err := client.Dial(client.Options{HostPort: s.temporal.Address, Namespace: s.temporal.Namespace, RPCTimeout: patience, ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: patience}})
	require.NoError(s.t, err)
	s.t.Cleanup(c.Close)
	queue := s.queue + "-own"
	w := worker.New(c, queue, worker.Options{})
	workflows.Register(w, s.ownActivities())
	w.RegisterWorkflow(ownworkflow.Switchover)
	require.NoError(s.t, w.Start())
	s.t.Cleanup(w.Stop)
	return func(id string) client.WorkflowRun {
		run, err := c.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: s.queue + "-" + id, TaskQueue: queue},
			ownworkflow.Switchover, ownworkflow.Input{Site: "shanghai", Hosts: []string{"web1", "web2"}})
		require.NoError(s.t, err)
		return run
	}
}

// ownActivities are what a user's program makes to register on a worker of its own.
func (s *stack) ownActivities() *activities.Activities {
	s.t.Helper()
	api, err := platform.New(platform.Config{
		BaseURL: s.sim.URL, ClientID: platformtest.DefaultClientID, Secret: func() (string, error) { return clientSecret, nil },
	})
	require.NoError(s.t, err)
	s.t.Cleanup(api.Close)
	address, err := signals.NewAddress(s.environment("DPA_CALLBACK_URL"), s.environment("DPA_CALLBACK_KEYS"))
	require.NoError(s.t, err)
	steps, err := activities.New(activities.Config{Platform: api, Callback: address})
	require.NoError(s.t, err)
	return steps
}

// order are the plans in the order in which they were triggered.
func (s *stack) order() (plans []string) {
	for _, execution := range s.sim.Executions() {
		plans = append(plans, execution.PlanID)
	}
	return plans
}

func TestAWorkflowOfOnesOwnUndoesWhatFailedAndSucceedsTheNextTime(t *testing.T) {
	t.Parallel()
	s := newStack(t, platformtest.Example())
	start := s.ownWorker()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, s.await(start("fails"), nil), &failure)
	require.Equal(t, activities.ErrorPlanFailed, failure.Type())
	undone := s.order()
	require.ElementsMatch(t, []string{"acf42de1", "bcf42de2"}, undone[:2], "side by side")
	require.Equal(t, []string{"bcf42dd4", "fcf42de5", "ecf42de4", "ccf42de3"}, undone[2:])

	var result ownworkflow.Result
	require.NoError(t, s.await(start("succeeds"), &result))
	require.Equal(t, ownworkflow.Result{Database: "10.0.0.12", Probed: []string{"web1", "web2"}}, result)
	require.Equal(t, []string{"bcf42dd4", "fcf42de5", "acf42de6", "acf42de6", "ccf42de3"}, s.order()[len(undone)+2:])
}

func TestAWorkflowOfOnesOwnThatIsCancelledUndoesWhatHadSucceeded(t *testing.T) {
	t.Parallel()
	s := newStack(t, platformtest.Example())
	s.sim.SetScript("fcf42de5", platformtest.Script{}) // runs for ever
	run := s.ownWorker()("cancelled")
	require.Eventually(t, func() bool { return slices.Contains(s.order(), "fcf42de5") }, patience, 50*time.Millisecond)
	require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), ""))
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, s.await(run, nil), &cancelled)
	require.Equal(t, []string{"bcf42dd4", "fcf42de5", "ecf42de4", "ccf42de3"}, s.order()[2:])
}
