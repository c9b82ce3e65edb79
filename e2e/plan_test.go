package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// catalogue has one plan, "p", whose model takes HOST and PASSWORD and gives HOST back.
func catalogue(steps ...platformtest.Step) platformtest.Catalogue {
	return platformtest.Catalogue{Plans: []platformtest.Plan{{
		ID: "p", Title: "测试预案",
		Inputs: []platformtest.ModelInputs{{ModelID: "md1", ModelName: "切换模型", Inputs: []platformtest.Input{
			{Name: "HOST", Type: "running"}, {Name: "PASSWORD", Type: "running"},
		}}},
		Script: platformtest.Script{Steps: steps, Outputs: []platformtest.ModelOutputs{{
			ModelID: "md1", ModelName: "切换模型", Nodes: []platformtest.Node{
				{Name: "主机<名>", Result: "{{HOST}}"}, {Name: "结果", Result: "成功\n\t\"0\" & <done> €𝄞"},
			},
		}}},
	}}}
}

func success(after time.Duration) platformtest.Step {
	return platformtest.Step{Status: platformtest.Success, Delay: after}
}

func input(host string) workflows.PlanInput {
	return workflows.PlanInput{PlanID: "p", Params: activities.PlanParams{"md1": {
		"HOST": runbook.Text(host), "PASSWORD": runbook.SecretRef("db-password"),
	}}}
}

func TestFiftyPlansAtOnceRunOnceEachAndGiveTheirOwnOutputs(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(300*time.Millisecond)))
	const plans = 50
	runs := make([]client.WorkflowRun, plans)
	var group errgroup.Group
	group.SetLimit(plans)
	for i := range plans {
		group.Go(func() error {
			id, in := fmt.Sprintf("%s-%d", s.queue, i), input(fmt.Sprintf("主机-%d", i))
			if i%10 == 0 {
				runs[i] = s.runCLI(id, toJSON(t, in))
			} else {
				runs[i] = s.run(id, in)
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	for i, run := range runs {
		var result workflows.PlanResult
		require.NoError(t, s.await(run, &result))
		require.Equal(t, "p", result.PlanID)
		require.Equal(t, "SUCCESS", result.Status)
		require.Equal(t, "callback", result.ObservedBy)
		require.False(t, result.FinishedAt.Before(result.TriggeredAt))
		require.Equal(t, []activities.ModelOutputs{{ModelID: "md1", ModelName: "切换模型", Nodes: []activities.NodeOutput{
			{Name: "主机<名>", Result: fmt.Sprintf("主机-%d", i)}, {Name: "结果", Result: "成功\n\t\"0\" & <done> €𝄞"},
		}}}, result.Outputs)
	}

	executed := map[string]int{}
	for _, execution := range s.sim.Executions() {
		executed[execution.Params["md1"]["HOST"]]++
	}
	require.Len(t, executed, plans)
	require.Len(t, s.sim.Executions(), plans, "a plan ran twice")
	calls := s.calls()
	require.Equal(t, 1, s.sim.Tokens(), "one token serves all")
	if slices.ContainsFunc(runs, s.disturbed) {
		calls["P3"], calls["P6"] = min(calls["P3"], plans), min(calls["P6"], plans)
	}
	require.Equal(t, map[string]int{"P1.1": 1, "P1.2": 1, "P3": plans, "P5": plans, "P6": plans}, calls)
}

// disturbed tells whether the history of a plan's or model's run shows that a busy machine had something of it done again.
func (s *stack) disturbed(run client.WorkflowRun) bool {
	activities := 0
	return slices.ContainsFunc(s.history(run), func(event *historypb.HistoryEvent) bool {
		switch event.GetEventType() {
		case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: // the trigger alone; outputs are read by a local one
			activities++
		case enums.EVENT_TYPE_ACTIVITY_TASK_FAILED, enums.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
			enums.EVENT_TYPE_WORKFLOW_TASK_FAILED, enums.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
			return true
		}
		return activities > 1
	})
}

func TestTheHistoryOfAPlanIsShort(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		steps []platformtest.Step
		most  int
	}{
		"with one callback":            {[]platformtest.Step{success(500 * time.Millisecond)}, 18},
		"with RUNNING and SUCCESS too": {[]platformtest.Step{{Status: platformtest.Running, Delay: 500 * time.Millisecond}, success(500 * time.Millisecond)}, 22},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, catalogue(test.steps...))
			var types []string
			for i := 0; i == 0 || len(types) > test.most || !slices.Contains(types, "TimerStarted"); i++ { // a busy machine may disturb a few
				require.Less(t, i, 10, "%v", types)
				run := s.run(fmt.Sprint(s.queue, i), input(fmt.Sprint("web", i)))
				require.NoError(t, s.await(run, nil))
				types = s.undisturbed(run)
			}
			require.Contains(t, types, "UpsertWorkflowSearchAttributes", "everything is switched on")
		})
	}
}

func TestBadInputIsRefusedBeforeAnythingIsTriggered(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(0)))
	for name, test := range map[string]struct{ input, want string }{
		"no id":                      {`{}`, "planId: is missing"},
		"an unknown field":           {`{"planId":"p","planid":"q"}`, "planid: there is no such field"},
		"a wrong type":               {`{"planId":["p"]}`, "planId: must be a string"},
		"a malformed duration":       {`{"planId":"p","timeout":"soon"}`, "timeout: must be a duration"},
		"an undeclared parameter":    {`{"planId":"p","params":{"md1":{"HOST":"a","PASSWORD":"b","TYPO":"c"}}}`, "params.md1.TYPO: the platform declares no such input"},
		"a missing parameter":        {`{"planId":"p","params":{"md1":{"HOST":"a"}}}`, "params.md1.PASSWORD: this input is missing"},
		"an undeclared model":        {`{"planId":"p","params":{"md1":{"HOST":"a","PASSWORD":"b"},"md9":{}}}`, "params.md9: plan p has no such model"},
		"a plan that is not there":   {`{"planId":"q"}`, `planId: the platform does not describe plan "q"`},
		"a secret that is not there": {`{"planId":"p","params":{"md1":{"HOST":"a","PASSWORD":{"secretRef":"none"}}}}`, "params.md1.PASSWORD: there is no secret"},
	} {
		run := s.runCLI(s.queue+"-"+strings.ReplaceAll(name, " ", "-"), test.input)
		err := s.await(run, nil)
		var failed *temporal.ApplicationError
		require.ErrorAs(t, err, &failed, name)
		require.Equal(t, activities.ErrorInvalidInput, failed.Type(), name)
		require.Contains(t, failed.Message(), test.want, name)
	}
	require.Empty(t, s.sim.Executions())
	require.Zero(t, s.calls()["P5"])
}

func TestAFailedPlanTellsTheOperatorEverything(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(platformtest.Step{Status: platformtest.Fail, Delay: 200 * time.Millisecond}))
	err := s.await(s.run(s.queue, input("web1")), nil)
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, activities.ErrorPlanFailed, failed.Type())
	var result workflows.PlanResult
	require.NoError(t, failed.Details(&result))
	require.Equal(t, "FAIL", result.Status)
	require.Equal(t, "web1", result.Outputs[0].Nodes[0].Result)
	require.Contains(t, failed.Message(), result.InstanceID)
}

func TestTheRunOfAnInstanceIsFoundBySearch(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	run := s.run(s.queue, input("web1"))
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	query := fmt.Sprintf("DpaInstanceId = '%s' AND DpaPlanId = 'p' AND TaskQueue = '%s'", result.InstanceID, s.queue)
	require.Eventually(t, func() bool {
		found, err := s.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		return err == nil && len(found.Executions) == 1 && found.Executions[0].Execution.WorkflowId == s.queue
	}, patience, 100*time.Millisecond)
}

func TestAWorkerThatIsStoppedWaitsForTheTriggersAnswer(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, AfterExecution: true, Kind: platformtest.FaultDelay, Delay: 2 * time.Second})
	run := s.run(s.queue, input("web1"))
	_, err := s.sim.WaitExecutions(wait.Context(t), 1)
	require.NoError(t, err)
	require.NoError(t, s.worker.Stop())
	require.True(t, has(s.history(run), enums.EVENT_TYPE_ACTIVITY_TASK_COMPLETED), "the answer was not waited for")
	s.worker = s.start("worker")
	require.NoError(t, s.await(run, nil))
	require.Len(t, s.sim.Executions(), 1)
}

// has tells whether there is an event of a type.
func has(events []*historypb.HistoryEvent, kind enums.EventType) bool {
	return slices.ContainsFunc(events, func(event *historypb.HistoryEvent) bool { return event.GetEventType() == kind })
}

func TestTheCommandLineRunsAPlanAndShowsIt(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	s.sim.InjectCallback(platformtest.CallbackFault{Kind: platformtest.CallbackDropEnd})
	tells, wait := s.follows("run", "plan", "p", "--param", "md1.HOST=主机=1", "--secret", "md1.PASSWORD=db-password", "-o", "json", "--workflow-id", s.queue)
	tells("WAITING")
	require.Eventually(t, func() bool { return !s.sim.Executions()[0].EndedAt.IsZero() }, patience, 50*time.Millisecond)
	s.callsBack(s.instance("主机=1"), platformtest.Success)
	stdout, stderr, code := wait()
	require.Zero(t, code, stderr)
	var result workflows.PlanResult
	require.NoError(t, json.Unmarshal([]byte(stdout), &result), stdout)
	require.Equal(t, "主机=1", result.Outputs[0].Nodes[0].Result)

	stdout, stderr, code = s.starter("status", "-o", "json", s.queue)
	require.Zero(t, code, stderr)
	var status workflows.Status
	require.NoError(t, json.Unmarshal([]byte(stdout), &status))
	require.Equal(t, workflows.PhaseEnded, status.Phase)

	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"plans"}, 0, "测试预案"},
		{[]string{"inputs", "p"}, 0, "md1.HOST"},
		{[]string{"inputs", "p", "-o", "json"}, 0, `"PASSWORD"`},
		{[]string{"watch", s.queue}, 0, "SUCCESS (callback)"},
		{[]string{"status", s.queue}, 0, "ENDED"},
		{[]string{"run", "plan", "p"}, 3, "params.md1.HOST: this input is missing"},
		{[]string{"run", "plan", "p", "--param", "HOST"}, 2, "--param must be model.NAME=value"},
		{[]string{"run", "plan"}, 2, "takes 1 arguments [ID]"},
		{[]string{"run", "thing", "x"}, 2, `there is no command "thing"`},
		{[]string{"plans", "-o", "yaml"}, 2, "must be one of table, json"},
		{[]string{"watch", "nothing"}, 1, `there is no run "nothing"`},
	} {
		stdout, stderr, code := s.starter(test.args...)
		require.Equal(t, test.code, code, "%v: %s%s", test.args, stdout, stderr)
		require.Contains(t, stdout+stderr, test.want, "%v", test.args)
	}
}
