package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestEveryLineAboutARunSaysWhichOne(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{"traced": newCollector(t).env(), "not traced": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plans := catalogue(success(200 * time.Millisecond))
			plans.Plans = append(plans.Plans, simple("first", "second").Plans...)
			plans.Models = models(1, success(200*time.Millisecond)).Models
			s := newStack(t, plans, append(env, executePath)...)

			plan := s.run(s.queue+"-plan", input("web1"))
			model := s.runModel(s.queue+"-model", workflows.ModelInput{ModelID: plans.Models[0].ID, Params: host("web2")})
			book := s.runbook(s.queue+"-book", "name: two\nsteps:\n- {id: one, plan: first}\n- {id: two, plan: second, needs: [one]}\n")
			for _, run := range []client.WorkflowRun{plan, model, book} {
				require.NoError(t, s.await(run, nil))
			}
			s.sim.SetScript("p", platformtest.Script{})
			s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultStatus, Status: http.StatusBadGateway})
			unknown := s.run(s.queue+"-unknown", input("web3"))
			s.reaches(unknown, workflows.PhaseUnknown)
			s.resolve(unknown, workflows.ResolveTrigger{Action: workflows.ActionAbort})
			require.Error(t, s.await(unknown, nil))
			require.NoError(t, s.worker.Stop())
			s.worker = s.start("worker")

			var ids []string // of runs and instances
			for _, run := range []client.WorkflowRun{plan, model, book, unknown} {
				ids = append(ids, run.GetID(), run.GetRunID())
			}
			for _, execution := range s.sim.Executions() {
				ids = append(ids, execution.InstanceID)
			}
			steps, instances, messages := map[string]bool{}, map[string]bool{}, map[string]int{}
			for text := range strings.Lines(s.logs.String()) {
				var line map[string]any
				require.NoError(t, json.Unmarshal([]byte(text), &line), text)
				for name := range line {
					require.NotRegexp(t, "^[A-Z]|ID$", name, text)
				}
				message := line["msg"].(string)
				messages[message]++
				about := line["workflowId"] != nil || message == "platform call" || message == "token renewal" || slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(text, id) })
				if !about {
					continue
				}
				require.NotEmpty(t, line["workflowId"], text)
				switch message {
				case "callback not durable, the platform has to call again":
				case "callback taken": // the bridge is told a trigger, whose key begins with the run's id
					require.Len(t, strings.SplitN(line["key"].(string), ".", 2)[0], len(plan.GetRunID()), text)
					require.NotEmpty(t, line["instanceId"], text)
				default:
					require.NotEmpty(t, line["runId"], text)
				}
				if message == "platform call" || message == "callback taken" {
					require.Equal(t, len(env) > 0, line["traceId"] != nil, text)
				}
				if step, ok := line["step"].(string); ok {
					steps[step] = true
				}
				if instance, _ := line["instanceId"].(string); instance != "" {
					instances[instance] = true
				}
			}
			require.Contains(t, steps, "one")
			require.Contains(t, steps, "two")
			require.Len(t, instances, 4, "of a plan, a model and two steps")
			require.GreaterOrEqual(t, messages["platform call"], 10)
			require.GreaterOrEqual(t, messages["callback taken"], 4)
			require.NotZero(t, messages["nobody can know whether the trigger ran; a callback or an operator settles it"])
		})
	}
}
