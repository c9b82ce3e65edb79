package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

func recordModels(t *testing.T) {
	for name, test := range map[string]struct {
		in      workflows.ModelInput
		takes   time.Duration
		arrange func(s *stack, id string)
	}{
		"model-succeeds":             {takes: time.Second},
		"model-answers-with-its-end": {takes: time.Second, in: workflows.ModelInput{Sync: true, SyncTimeout: runbook.Duration(20 * time.Second)}},
		"model-asked-for": {
			takes: 3 * time.Second, in: workflows.ModelInput{Policy: workflows.Policy{PollAfter: runbook.Duration(time.Second)}},
			arrange: func(s *stack, _ string) {
				s.sim.InjectCallback(platformtest.CallbackFault{Kind: platformtest.CallbackDrop})
			},
		},
		"model-waits-while-it-is-busy": {takes: 3 * time.Second, arrange: func(s *stack, id string) {
			s.reaches(s.runModel(s.queue+"-first", workflows.ModelInput{ModelID: id, Params: host("web1")}), workflows.PhaseWaiting)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			catalogue := models(1, platformtest.Step{Status: platformtest.Running}, success(test.takes))
			s := newStack(t, catalogue, executePath)
			test.in.ModelID, test.in.Params = catalogue.Models[0].ID, host("web1")
			if test.arrange != nil {
				test.arrange(s, test.in.ModelID)
			}
			s.record(name, s.runModel(s.queue, test.in))
		})
	}
}

func recordTimed(t *testing.T) {
	t.Run("timed", func(t *testing.T) {
		t.Parallel()
		s := newStackOn(t, server, platformtest.Options{
			Catalogue:     catalogue(platformtest.Step{Status: platformtest.Running}, success(50*time.Millisecond)),
			SceneInterval: 300 * time.Millisecond,
		})
		run, err := s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: s.queue, TaskQueue: s.queue}, workflows.TimedPlan, workflows.TimedInput{
			PlanID: "p", SceneName: "巡检", ExecuteStrategy: "cycle", Dimension: "seconds", Intervals: "1", MaxRuns: 3,
			Params: input("web1").Params,
		})
		require.NoError(t, err)
		s.record("timed-collects-its-runs", run)
	})
}

func recordUnsigned(t *testing.T) {
	t.Run("unsigned", func(t *testing.T) {
		t.Parallel()
		temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = temporal.Kill() })
		s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue(success(time.Second))},
			"DPA_BRIDGE_UNSIGNED=true", "DPA_BRIDGE_UNSIGNED_SECRET=planted-unsigned-secret")
		run := s.run(s.queue, input("web1"))
		s.record("plan-registers-with-its-inbox", run)
		s.record("inbox-hands-over", s.GetWorkflow(t.Context(), signals.InboxID(signals.KindPlan, s.sim.Executions()[0].InstanceID), ""))
	})
}

// gave are outputs with one node.
func gave(result string) []platformtest.ModelOutputs {
	return []platformtest.ModelOutputs{{ModelID: "md1", ModelName: "模型", Nodes: []platformtest.Node{{Name: "节点", Result: result}}}}
}

func recordRunbooks(t *testing.T) {
	// fails has a plan fail until something else is said.
	fails := func(s *stack, plan string) {
		s.sim.SetScript(plan, platformtest.Ends(platformtest.Fail, 50*time.Millisecond))
	}
	operate := func(s *stack, run client.WorkflowRun, update string, argument any) {
		require.NoError(s.t, s.update(run, update, argument))
	}
	const nested = `
name: nested
onFailure: abort
steps:
  - {id: freeze, plan: freeze}
  - {id: inner, runbook: {name: inner, onFailure: abort, steps: [{id: switch, plan: switch}, {id: notify, plan: notify}]}}
`
	unattended := strings.ReplaceAll(switchover, "approval: {", "approval: {timeout: 1s, onTimeout: approve, ")
	for name, act := range map[string]func(*stack) client.WorkflowRun{
		"runbook-sequence": func(s *stack) client.WorkflowRun {
			return s.runbook(s.queue, `
name: sequence
steps:
  - {id: freeze, plan: freeze}
  - {id: rest, wait: 1s}
  - {id: switch, plan: switch, needs: [freeze, rest], when: "steps.freeze.outputs['节点'] == 'other'"}
  - {id: notify, plan: notify}
`)
		},
		"runbook-side-by-side": func(s *stack) client.WorkflowRun {
			return s.runbook(s.queue, `
name: side
maxParallel: 2
steps:
  - {id: freeze, plan: freeze}
  - {id: switch, plan: switch, needs: []}
  - {id: probe, plan: probe, needs: []}
  - {id: notify, plan: notify, needs: [freeze, switch], join: any}
`)
		},
		"runbook-for-each": func(s *stack) client.WorkflowRun {
			fails(s, "probe")
			return s.runbook(s.queue, `
name: each
onFailure: continue
steps:
  - {id: switch, plan: switch, forEach: "['a', 'b', 'c']", maxParallel: 2}
  - {id: probe, plan: probe, forEach: "['a', 'b', 'c']", maxFailures: 1, maxParallel: 1, retries: 1}
`)
		},
		"runbook-approved": func(s *stack) client.WorkflowRun {
			run := s.runbook(s.queue, switchover)
			s.stands(run, 1, workflows.StatusRunning)
			operate(s, run, "approve", workflows.StepAction{Step: "confirm", By: "zhang"})
			return run
		},
		"runbook-retried-by-an-operator": func(s *stack) client.WorkflowRun {
			fails(s, "switch")
			run := s.runbook(s.queue, unattended)
			s.stands(run, 2, workflows.StatusPaused)
			s.sim.SetScript("switch", platformtest.Ends(platformtest.Success, 50*time.Millisecond))
			operate(s, run, "retry", workflows.StepAction{Step: "switch", By: "li"})
			return run
		},
		"runbook-skipped-by-an-operator": func(s *stack) client.WorkflowRun {
			fails(s, "switch")
			run := s.runbook(s.queue, unattended)
			s.stands(run, 2, workflows.StatusPaused)
			operate(s, run, "skip", workflows.StepAction{Step: "switch", By: "li", Outputs: map[string]string{"节点": "by hand"}})
			return run
		},
		"runbook-aborted": func(s *stack) client.WorkflowRun {
			s.sim.SetScript("switch", platformtest.Script{})
			run := s.runbook(s.queue, unattended)
			s.stands(run, 2, workflows.StatusRunning)
			operate(s, run, "abort", workflows.RunAction{By: "li", Comment: "another day"})
			return run
		},
		"runbook-rolled-back": func(s *stack) client.WorkflowRun {
			fails(s, "notify")
			return s.runbook(s.queue, unattended)
		},
		"runbook-step-by-step": func(s *stack) client.WorkflowRun {
			run := s.runbook(s.queue, "name: steps\nsteps: [{id: freeze, plan: freeze}]", func(in *workflows.RunbookInput) { in.StepByStep = true })
			require.Eventually(s.t, func() bool { return s.book(run).Status == workflows.StatusPaused }, patience, 100*time.Millisecond)
			operate(s, run, "resume", workflows.RunAction{By: "li"})
			return run
		},
		"runbook-nested": func(s *stack) client.WorkflowRun { return s.runbook(s.queue, nested) },
		"runbook-resumed": func(s *stack) client.WorkflowRun {
			fails(s, "notify")
			s.failed(s.runbook(s.queue+"-first", nested), workflows.ErrorRunbookFailed)
			s.sim.SetScript("notify", platformtest.Ends(platformtest.Success, 50*time.Millisecond))
			return s.runbook(s.queue, nested, func(in *workflows.RunbookInput) {
				in.ResumeFrom = &workflows.ResumeFrom{WorkflowID: s.queue + "-first"}
			})
		},
		"runbook-asks-polls-and-ends-in-finally": func(s *stack) client.WorkflowRun {
			s.sim.SetScript("freeze", platformtest.Script{Steps: []platformtest.Step{{Status: platformtest.Success}}, Flaky: true})
			s.sim.SetScript("probe", platformtest.Script{
				Steps: []platformtest.Step{{Status: platformtest.Success}}, Outputs: gave("no"),
				Next: []platformtest.Script{{Steps: []platformtest.Step{{Status: platformtest.Success}}, Outputs: gave("yes")}},
			})
			run := s.runbook(s.queue, `
name: asks
onFailure: abort
steps:
  - {id: freeze, plan: freeze, retries: {max: 1, pause: 1s}}
  - {id: lag, ask: {message: 'lag?', fields: {lag: {type: number}}, timeout: 10m}}
  - {id: probe, plan: probe, until: "steps.probe.outputs['节点'] == 'yes'", every: 1s, timeout: 2m}
  - {id: switch, plan: switch, when: "double(steps.lag.outputs['lag']) < 5.0"}
finally:
  - {id: notify, plan: notify, when: "runbook.status == 'SUCCESS'"}
`)
			s.is(run, "lag", workflows.StatusRunning)
			operate(s, run, "answer", workflows.StepAnswer{Step: "lag", Values: map[string]any{"lag": 0.3}, By: "li"})
			return run
		},
		"runbook-waits-for-a-lock-and-a-window": func(s *stack) client.WorkflowRun {
			const locked = "name: locked\nlock: {name: recorded}\nsteps:\n"
			first := s.runbook(s.queue+"-first", locked+"  - {id: go, approval: {message: 'go?'}}")
			s.is(first, "go", workflows.StatusRunning)
			run := s.runbook(s.queue, locked+"  - {id: open, wait: {window: '00:00-24:00', timeZone: Asia/Shanghai}}\n  - {id: freeze, plan: freeze}")
			require.Eventually(s.t, func() bool { return s.book(run).Phase == engine.PhaseLocked }, patience, 100*time.Millisecond)
			operate(s, first, "approve", workflows.StepAction{Step: "go"})
			return run
		},
		"runbook-dry-run": func(s *stack) client.WorkflowRun {
			return s.runbook(s.queue, switchover, func(in *workflows.RunbookInput) { in.DryRun = true })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, plansOfSwitchover())
			s.record(name, act(s))
		})
	}
}
