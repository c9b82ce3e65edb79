package e2e

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// readings are the platforms that the documents could mean as well.
var readings = map[string]platformtest.Readings{
	"outputs a moment later":        {OutputsAfter: 2 * time.Second},
	"outputs refused until then":    {OutputsAfter: 8 * time.Second, OutputsCode: 999},
	"outputs not found until then":  {OutputsAfter: 2 * time.Second, OutputsCode: 404},
	"lower case":                    {LowerCase: true},
	"spaces around":                 {Padded: true},
	"ids as numbers":                {NumericIDs: true},
	"ids with an exponent":          {ExponentIDs: true},
	"an instance named twice":       {Twice: true},
	"a bare instance":               {BareInstance: true},
	"a bare instance twice, padded": {BareInstance: true, Twice: true, Padded: true},
	"a bare number":                 {BareInstance: true, NumericIDs: true},
	"an end in the answer":          {AnswerStatus: "FINISH"},
	"a failure in the answer":       {AnswerStatus: "FAIL"},
	"no model listed":               {Unlisted: true},
	"GBK":                           {Charset: "GBK"},
	"GB18030":                       {Charset: "GB18030"},
	"UTF-16":                        {Charset: "UTF-16LE"},
}

func TestEveryReadingOfTheDocumentsEndsInTheSameResults(t *testing.T) {
	t.Parallel()
	for name, reading := range readings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			offered := models(2, success(200*time.Millisecond))
			offered.Plans = []platformtest.Plan{{
				ID: "p", Title: "测试预案", Inputs: []platformtest.ModelInputs{{ModelID: "md1", Inputs: []platformtest.Input{{Name: "HOST"}}}},
				Script: platformtest.Ends(platformtest.Success, 200*time.Millisecond, platformtest.ModelOutputs{
					ModelID: "md1", ModelName: "切换模型", Nodes: []platformtest.Node{{Name: "主机", Result: "{{HOST}}"}},
				}),
			}}
			s := newStackOn(t, server, platformtest.Options{Catalogue: offered, Readings: reading}, executePath)
			in := workflows.ModelInput{ModelID: offered.Models[0].ID, Params: host("甲")}
			synchronous := workflows.ModelInput{
				ModelID: offered.Models[1].ID, Params: host("乙"), Sync: true, SyncTimeout: runbook.Duration(20 * time.Second),
			}
			plan := s.run(s.queue+"-plan", workflows.PlanInput{PlanID: "p", Params: activities.PlanParams{"md1": host("丙")}})
			runs := map[client.WorkflowRun]string{s.runModel(s.queue+"-model", in): "甲", s.runModel(s.queue+"-sync", synchronous): "乙"}
			for run, want := range runs {
				var result workflows.ModelResult
				require.NoError(t, s.await(run, &result))
				require.Equal(t, workflows.StatusSuccess, result.Status)
				require.Len(t, result.Nodes, 2)
				require.Equal(t, activities.NodeOutput{Name: "主机", Result: want}, result.Nodes[0])
			}
			var result workflows.PlanResult
			require.NoError(t, s.await(plan, &result))
			require.Len(t, result.Outputs, 1)
			require.Equal(t, activities.ModelOutputs{
				ModelID: "md1", ModelName: "切换模型", Nodes: []activities.NodeOutput{{Name: "主机", Result: "丙"}},
			}, result.Outputs[0])
			require.Equal(t, s.sim.Executions()[indexOf(s.sim.Executions(), "p")].InstanceID, result.InstanceID)
			require.Len(t, s.sim.Executions(), 3, "each runs once")
			if reading.Unlisted {
				require.NotZero(t, s.calls()["W6"])
			}
		})
	}
}

func indexOf(executions []platformtest.Execution, plan string) int {
	return slices.IndexFunc(executions, func(e platformtest.Execution) bool { return e.PlanID == plan })
}

// A platform whose answers nobody can read is no reason to run on with garbled values.
func TestOutputsInAnUnnamedCharsetFailARunAndNameItsInstance(t *testing.T) {
	t.Parallel()
	offered := models(1, success(200*time.Millisecond))
	offered.Models[0].Name = "restart" // so that only outputs are in Chinese
	s := newStackOn(t, server, platformtest.Options{
		Catalogue: offered, Readings: platformtest.Readings{Charset: "GBK", Unnamed: true},
	}, executePath)
	err := s.await(s.runModel(s.queue, workflows.ModelInput{ModelID: offered.Models[0].ID, Params: host("甲")}), nil)
	require.ErrorContains(t, err, activities.ErrorPlatform)
	require.ErrorContains(t, err, "name the charset")
	require.Len(t, s.sim.Executions(), 1)
}

// The callbacks of these models are lost: only W4 tells.
func TestAModelIsPolledHoweverThePlatformWritesItsStatus(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(readings)) {
		reading := readings[name]
		if !reading.LowerCase && !reading.Padded && !reading.ExponentIDs && reading.Charset == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			offered := models(1, success(200*time.Millisecond))
			s := newStackOn(t, server, platformtest.Options{Catalogue: offered, Readings: reading}, executePath)
			s.sim.InjectCallback(platformtest.CallbackFault{Kind: platformtest.CallbackDrop})
			var result workflows.ModelResult
			require.NoError(t, s.await(s.runModel(s.queue, workflows.ModelInput{
				ModelID: offered.Models[0].ID, Params: host("甲"), Policy: workflows.Policy{PollAfter: runbook.Duration(time.Second)},
			}), &result))
			require.Equal(t, workflows.ObservedByPoll, result.ObservedBy)
		})
	}
}

// A platform that takes five seconds and more answers a question about an instance, too.
func TestAModelIsPolledHoweverLongTheAnswerTakes(t *testing.T) {
	t.Parallel()
	offered := models(1, success(200*time.Millisecond))
	s := newStack(t, offered, executePath)
	s.sim.InjectCallback(platformtest.CallbackFault{Kind: platformtest.CallbackDrop})
	s.sim.Inject(platformtest.Fault{Endpoint: "W4", Kind: platformtest.FaultDelay, Delay: 7 * time.Second})
	var result workflows.ModelResult
	require.NoError(t, s.await(s.runModel(s.queue, workflows.ModelInput{
		ModelID: offered.Models[0].ID, Params: host("甲"), Policy: workflows.Policy{PollAfter: runbook.Duration(time.Second)},
	}), &result))
	require.Equal(t, workflows.ObservedByPoll, result.ObservedBy)
}
