package e2e

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

const executePath = "DPA_MODEL_EXECUTE_PATH=" + platformtest.DefaultModelExecutePath

var modelCount atomic.Int64

// models are n models that take HOST and give it back. No other test has them: runs of one model take
// turns in the whole namespace.
func models(n int, steps ...platformtest.Step) platformtest.Catalogue {
	var catalogue platformtest.Catalogue
	for range n {
		id := fmt.Sprintf("md%d", modelCount.Add(1))
		catalogue.Models = append(catalogue.Models, platformtest.Model{
			ID: id, Name: "重启",
			Inputs: []platformtest.Input{{Name: "HOST", Type: "running"}},
			Script: platformtest.Script{Steps: steps, Outputs: []platformtest.ModelOutputs{{
				ModelID: id,
				Nodes:   []platformtest.Node{{Name: "主机", Result: "{{HOST}}", Designated: true}, {Name: "日志", Result: "完成"}},
			}}},
		})
	}
	return catalogue
}

func (s *stack) runModel(id string, in workflows.ModelInput) client.WorkflowRun {
	s.t.Helper()
	run, err := s.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: s.queue}, workflows.RunModel, in)
	require.NoError(s.t, err)
	return run
}

func host(name string) activities.Params { return activities.Params{"HOST": runbook.Text(name)} }

func TestAModelRunsAndGivesItsOutputs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in         workflows.ModelInput
		observedBy string
		nodes      int
	}{
		"by its callback":         {workflows.ModelInput{}, "callback", 2},
		"with designated outputs": {workflows.ModelInput{DesignatedOutputsOnly: true}, "callback", 1},
		"synchronously":           {workflows.ModelInput{Sync: true, SyncTimeout: runbook.Duration(20 * time.Second)}, "poll", 2},
		"by a path of its own":    {workflows.ModelInput{ExecutePath: "/api/dpa/process/processModel/execute/{modelId}"}, "callback", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			catalogue := models(1, success(500*time.Millisecond))
			s := newStack(t, catalogue, executePath)
			test.in.ModelID, test.in.Params = catalogue.Models[0].ID, host("主机-1")
			var result workflows.ModelResult
			run := s.runModel(s.queue, test.in)
			require.NoError(t, s.await(run, &result))
			require.Equal(t, "SUCCESS", result.Status)
			if test.observedBy == "callback" { // a synchronous run may hear of its end either way
				require.Equal(t, "callback", result.ObservedBy)
			}
			require.Len(t, result.Nodes, test.nodes)
			require.Equal(t, activities.NodeOutput{Name: "主机", Result: "主机-1"}, result.Nodes[0])
			require.Len(t, s.sim.Executions(), 1)
			calls := s.calls()
			if test.in.Sync { // its callback may come while the outputs are fetched, and has them fetched again
				calls["W7"] = min(calls["W7"], 1)
			}
			if s.disturbed(run) {
				calls["W2"], calls["W6"], calls["W7"] = min(calls["W2"], 1), min(calls["W6"], 1), min(calls["W7"], 1)
			}
			require.Equal(t, map[string]int{"P1.1": 1, "P1.2": 1, "W2": 1, "W3": 1, "W6": 1, "W7": 1}, calls)
		})
	}
}

// Runs of one model have no lock among themselves: the platform executes no busy model, and a run that it refuses looks
// why.
func TestRunsOfOneModelWaitForEachOther(t *testing.T) {
	t.Parallel()
	catalogue := models(1, success(200*time.Millisecond))
	s := newStack(t, catalogue, executePath)
	id := catalogue.Models[0].ID
	var runs []client.WorkflowRun
	for i := range 8 {
		runs = append(runs, s.runModel(fmt.Sprintf("%s-%d", s.queue, i), workflows.ModelInput{ModelID: id, Params: host("web1")}))
	}
	for _, run := range runs {
		require.NoError(t, s.await(run, nil))
	}
	executions := s.sim.Executions()
	require.Len(t, executions, len(runs), "each was executed once")
	slices.SortFunc(executions, func(a, b platformtest.Execution) int { return a.TriggeredAt.Compare(b.TriggeredAt) })
	for i := range executions[1:] {
		require.False(t, executions[i+1].TriggeredAt.Before(executions[i].EndedAt), "one after another")
	}
}

func TestAModelThatOthersKeepBusyIsWaitedForOrRefused(t *testing.T) {
	t.Parallel()
	catalogue := models(1) // its first execution ends when the test says so
	s := newStack(t, catalogue, executePath)
	id := catalogue.Models[0].ID
	first := s.runModel(s.queue+"-first", workflows.ModelInput{ModelID: id, Params: host("web1")})
	s.reaches(first, workflows.PhaseWaiting)
	err := s.await(s.runModel(s.queue+"-refused", workflows.ModelInput{ModelID: id, Params: host("web2"), OnBusy: runbook.FailOnBusy}), nil)
	require.ErrorContains(t, err, "busy")
	require.ErrorContains(t, err, activities.ErrorTriggerRejected)
	waiting := s.runModel(s.queue+"-waiting", workflows.ModelInput{ModelID: id, Params: host("web3")})
	s.reaches(waiting, workflows.PhaseBusy)
	s.sim.SetScript(id, platformtest.Ends(platformtest.Success, 100*time.Millisecond, catalogue.Models[0].Script.Outputs...))
	instance := s.sim.Executions()[0].InstanceID
	s.sim.Move(instance, platformtest.Success)
	s.callsBack(instance, platformtest.Success)
	require.NoError(t, s.await(first, nil))
	require.NoError(t, s.await(waiting, nil))
	require.Len(t, s.sim.Executions(), 2)
}

func TestModelsWhoseCallbacksAreLostEndByTheirStatus(t *testing.T) {
	t.Parallel()
	const pollAfter = 10 * time.Second
	n := sized(200)
	catalogue := models(n, success(2*time.Second))
	s := newStack(t, catalogue, executePath)
	s.sim.InjectCallback(platformtest.CallbackFault{Kind: platformtest.CallbackDrop})
	runs := make([]client.WorkflowRun, n)
	for i := range runs {
		in := workflows.ModelInput{ModelID: catalogue.Models[i].ID, Params: host("web1")}
		in.PollAfter = runbook.Duration(pollAfter)
		runs[i] = s.runModel(fmt.Sprintf("%s-%d", s.queue, i), in)
	}
	slowest := time.Duration(0)
	for _, run := range runs {
		var result workflows.ModelResult
		require.NoError(t, s.await(run, &result))
		require.Equal(t, workflows.ObservedByPoll, result.ObservedBy)
		slowest = max(slowest, result.FinishedAt.Sub(result.TriggeredAt))
	}
	require.GreaterOrEqual(t, s.calls()["W4"], n)
	require.LessOrEqual(t, s.calls()["W4"], 2*n, "the polls of a run are bounded")
	t.Logf("%d runs, the slowest found after %s, %d polls in all", n, slowest, s.calls()["W4"])
}

func TestAnExecutePathThatLeavesThePlatformIsRefusedBeforeARequest(t *testing.T) {
	t.Parallel()
	catalogue := models(1, success(0))
	s := newStack(t, catalogue, executePath)
	id := catalogue.Models[0].ID
	for i, path := range []string{"https://elsewhere.example/run", "//elsewhere.example/run", "/a/../../run", "/run?x=1", "/run%2f..%2fx", "run", `/a\b`, "/a#b",
		"/api/dpa/process/processPlan/opExecutePlanByApi/acf42dd3", "/api/dpa/process//PROCESSPLAN/saveTimingParam/", "/api/dpa/process/processModel%2F%6CistAll"} {
		err := s.await(s.runModel(fmt.Sprintf("%s-%d", s.queue, i), workflows.ModelInput{ModelID: id, Params: host("x"), ExecutePath: path}), nil)
		require.ErrorContains(t, err, activities.ErrorInvalidInput, path)
		require.ErrorContains(t, err, "executePath", path)
	}
	require.Zero(t, s.calls()["W3"])
}

func TestTheCommandLineRunsAModelAndShowsIt(t *testing.T) {
	t.Parallel()
	catalogue := models(1, success(500*time.Millisecond))
	s := newStack(t, catalogue, executePath)
	id := catalogue.Models[0].ID
	for _, test := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"models"}, 0, []string{id, "重启", "DEFAULT"}},
		{[]string{"inputs", "--model", id}, 0, []string{"HOST", "running"}},
		{[]string{"run", "model", id, "--param", "HOST=主机=1", "--workflow-id", s.queue}, 0, []string{"SUCCESS (callback)", "主机=1"}},
		{[]string{"status", s.queue}, 0, []string{"ENDED", id}},
		{[]string{"run", "model", id}, 3, []string{"params.HOST: this input is missing"}},
		{[]string{"run", "model", id, "--param", "HOST"}, 2, []string{"--param must be NAME=value"}},
		{[]string{"run", "model", id, "--on-busy", "hope"}, 2, []string{"--on-busy"}},
	} {
		stdout, stderr, code := s.starter(test.args...)
		require.Equal(t, test.code, code, "%v: %s%s", test.args, stdout, stderr)
		for _, want := range test.want {
			require.Contains(t, stdout+stderr, want, "%v", test.args)
		}
	}
}
