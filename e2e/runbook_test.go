package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// simple are plans without inputs, that succeed and give their own id.
func simple(ids ...string) (catalogue platformtest.Catalogue) {
	for _, id := range ids {
		catalogue.Plans = append(catalogue.Plans, platformtest.Plan{ID: id, Title: id, Script: platformtest.Ends(
			platformtest.Success, 100*time.Millisecond,
			platformtest.ModelOutputs{ModelID: "md1", ModelName: "模型", Nodes: []platformtest.Node{{Name: "节点", Result: id}}},
		)})
	}
	return catalogue
}

func (s *stack) runbook(id, document string, more ...func(*workflows.RunbookInput)) client.WorkflowRun {
	s.t.Helper()
	doc, err := runbook.Parse([]byte(document))
	require.NoError(s.t, err)
	in := workflows.RunbookInput{Document: *doc}
	for _, change := range more {
		change(&in)
	}
	run, err := s.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: s.queue}, workflows.Runbook, in)
	require.NoError(s.t, err)
	return run
}

// book asks a runbook where it stands.
func (s *stack) book(run client.WorkflowRun) (result workflows.RunbookResult) {
	s.query(run, &result)
	return result
}

// stands waits until a step of a runbook has a status.
func (s *stack) stands(run client.WorkflowRun, step int, status string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		result := s.book(run)
		return len(result.Steps) > step && result.Steps[step].Status == status
	}, patience, 100*time.Millisecond, "step %d: %s", step, status)
}

// operate waits for a runbook's end, as the operator of what a killed worker leaves in doubt: where the
// platform has executed nothing that no step knows of, the trigger did not run.
func (s *stack) operate(run client.WorkflowRun, result any) error {
	for deadline := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Second)
		err := run.Get(ctx, result)
		cancel()
		if ended := new(temporal.WorkflowExecutionError); err == nil || errors.As(err, &ended) || time.Now().After(deadline) {
			return err
		}
		known, doubtful := map[string]bool{}, []workflows.StepResult{}
		for _, step := range s.book(run).Steps {
			for _, r := range append([]workflows.StepResult{step}, step.Items...) {
				known[r.InstanceID] = true
				if workflows.Phase(r.Phase) == workflows.PhaseUnknown {
					doubtful = append(doubtful, r)
				}
			}
		}
		for _, r := range doubtful {
			if !slices.ContainsFunc(s.sim.Executions(), func(e platformtest.Execution) bool { return e.PlanID == r.PlanID && !known[e.InstanceID] }) {
				_, err := s.tryRetrigger(run, r.ID)
				require.NoError(s.t, err)
			}
		}
	}
}

// failed returns what became of a runbook that did not succeed.
func (s *stack) failed(run client.WorkflowRun, errorType string) (result workflows.RunbookResult) {
	s.t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(s.t, s.operate(run, nil), &failure)
	require.Equal(s.t, errorType, failure.Type(), failure.Message())
	require.NoError(s.t, failure.Details(&result))
	return result
}

// ran counts the executions of each plan.
func (s *stack) ran() map[string]int {
	ran := map[string]int{}
	for _, execution := range s.sim.Executions() {
		ran[execution.PlanID]++
	}
	return ran
}

const switchover = `
name: dr-switchover
steps:
  - {id: freeze, plan: freeze}
  - {id: confirm, approval: {message: "Switch? ${{ steps.freeze.outputs['节点'] }}", approvers: [zhang, li]}}
  - {id: switch, plan: switch, rollback: {plan: switch-back}}
  - {id: probe, plan: probe, forEach: "['web1', 'web2', 'web3']", maxParallel: 2}
  - {id: notify, plan: notify, onFailure: rollback}
`

func plansOfSwitchover() platformtest.Catalogue {
	return simple("freeze", "switch", "switch-back", "probe", "notify")
}

func TestASwitchoverRunsWithAnApprovalWhileItsWorkerIsKilled(t *testing.T) {
	t.Parallel()
	s := newStack(t, plansOfSwitchover())
	run := s.runbook(s.queue, switchover)
	s.stands(run, 1, workflows.StatusRunning)
	s.killWorker()
	s.command("workflow", "update", "execute", "--workflow-id", run.GetID(), "--name", "approve",
		"--input", `{"step":"confirm","by":"zhang","comment":"go"}`)
	s.stands(run, 2, workflows.StatusSuccess)
	s.killWorker()
	var result workflows.RunbookResult
	require.NoError(t, s.operate(run, &result))
	require.Equal(t, workflows.StatusSuccess, result.Status)
	require.Equal(t, map[string]int{"freeze": 1, "switch": 1, "probe": 3, "notify": 1}, s.ran())
	require.Equal(t, []string{"zhang"}, result.Steps[1].Approvals)
	require.Equal(t, "zhang", result.Actions[0].By)
	require.Len(t, result.Steps[3].Items, 3)
}

func TestAStepThatFailsIsRetriedSkippedAbortedOrRolledBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fails     string // plan, once
		update    string
		argument  string
		errorType string
		ran       map[string]int
	}{
		"retried":     {"switch", "retry", `{"step":"switch","by":"li"}`, "", map[string]int{"freeze": 1, "switch": 2, "probe": 3, "notify": 1}},
		"skipped":     {"switch", "skip", `{"step":"switch","by":"li","comment":"done by hand"}`, "", map[string]int{"freeze": 1, "switch": 1, "probe": 3, "notify": 1}},
		"aborted":     {"switch", "abort", `{"by":"li","comment":"another day"}`, workflows.ErrorRunbookAborted, map[string]int{"freeze": 1, "switch": 1}},
		"rolled back": {"notify", "", "", workflows.ErrorRunbookFailed, map[string]int{"freeze": 1, "switch": 1, "probe": 3, "notify": 1, "switch-back": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, plansOfSwitchover())
			s.sim.SetScript(test.fails, platformtest.Ends(platformtest.Fail, 50*time.Millisecond))
			run := s.runbook(s.queue, strings.ReplaceAll(switchover, "approval: {", "approval: {timeout: 1s, onTimeout: approve, "))
			if test.update != "" {
				s.stands(run, 2, workflows.StatusPaused)
				s.sim.SetScript(test.fails, platformtest.Ends(platformtest.Success, 50*time.Millisecond))
				s.killWorker()
				s.command("workflow", "update", "execute", "--workflow-id", run.GetID(), "--name", test.update, "--input", test.argument)
			}
			if test.update == "" {
				s.stands(run, 2, workflows.StatusSuccess)
				s.killWorker()
			}
			if test.errorType == "" {
				require.NoError(t, s.operate(run, nil))
			} else {
				result := s.failed(run, test.errorType)
				require.Empty(t, result.StillRunning)
			}
			require.Equal(t, test.ran, s.ran())
		})
	}
}

func TestAResumedSwitchoverTriggersNothingThatHadSucceeded(t *testing.T) {
	t.Parallel()
	s := newStack(t, simple("a", "b", "c", "n1", "n2"))
	s.sim.SetScript("n2", platformtest.Ends(platformtest.Fail, 50*time.Millisecond))
	const document = `
name: resumed
onFailure: abort
steps:
  - {id: a, plan: a}
  - {id: inner, runbook: {name: inner, onFailure: abort, steps: [{id: n1, plan: n1}, {id: n2, plan: n2}]}}
  - {id: c, plan: c, when: "steps.a.outputs['节点'] == 'a'"}
`
	s.failed(s.runbook(s.queue+"-first", document), workflows.ErrorRunbookFailed)
	require.Equal(t, map[string]int{"a": 1, "n1": 1, "n2": 1}, s.ran())
	s.sim.SetScript("n2", platformtest.Ends(platformtest.Success, 50*time.Millisecond))
	var result workflows.RunbookResult
	require.NoError(t, s.await(s.runbook(s.queue+"-second", document, func(in *workflows.RunbookInput) {
		in.ResumeFrom = &workflows.ResumeFrom{WorkflowID: s.queue + "-first"}
	}), &result))
	require.Equal(t, map[string]int{"a": 1, "n1": 1, "n2": 2, "c": 1}, s.ran())
	require.True(t, result.Steps[0].Resumed)
	require.Equal(t, "a", result.Steps[0].Outputs[0].Nodes[0].Result)
}

func TestADryRunAndAPreflightFindEveryMistakeAndTriggerNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(0)))
	const document = `
name: wrong
steps:
  - {id: a, plan: none}
  - {id: b, plan: p, params: {md1: {HOST: x, TYPO: y}}}
  - {id: c, plan: p, params: {md1: {HOST: x, PASSWORD: {secretRef: nowhere}}}}
  - {id: d, model: none}
`
	for i, dry := range []bool{true, false} {
		err := s.await(s.runbook(fmt.Sprintf("%s-%d", s.queue, i), document, func(in *workflows.RunbookInput) { in.DryRun = dry }), nil)
		for _, want := range []string{"InvalidInput", "steps[0].plan", "steps[1].params.md1.TYPO", "steps[1].params.md1.PASSWORD", "steps[2].params.md1.PASSWORD", "steps[3].model"} {
			require.ErrorContains(t, err, want)
		}
	}
	var planned workflows.RunbookResult
	require.NoError(t, s.await(s.runbook(s.queue+"-right", "name: right\nvars: {h: web1}\nsteps: [{id: a, plan: p, params: {md1: {HOST: \"${{ vars.h }}\", PASSWORD: x}}}]",
		func(in *workflows.RunbookInput) { in.DryRun = true }), &planned))
	require.Equal(t, workflows.StatusPlanned, planned.Status)
	require.Contains(t, toJSON(t, planned.Steps[0].Params), "web1")
	require.Empty(t, s.sim.Executions())
}

func TestASequentialStepCostsAtMostTwelveEvents(t *testing.T) {
	t.Parallel()
	s := newStack(t, simple("a"))
	const steps = 20
	var document strings.Builder
	document.WriteString("name: long\nsteps:\n")
	for i := range steps {
		fmt.Fprintf(&document, " - {id: s%d, plan: a}\n", i)
	}
	const most = 12*steps + 12 // of the run itself, and for its preflight
	events, preflights := most+1, 0
	for i := 0; events > most || preflights > 1; i++ { // a busy machine may disturb a few
		require.Less(t, i, 10, "%d events, and %d preflights: one is for a plan, however many steps run it", events, preflights)
		before := s.calls()["P3"]
		run := s.runbook(fmt.Sprint(s.queue, i), document.String())
		require.NoError(t, s.await(run, nil))
		events, preflights = len(s.undisturbed(run)), s.calls()["P3"]-before
	}
	t.Logf("%d events for %d steps, %.1f each", events, steps, float64(events)/steps)
}

func TestARunbookIsStartedWithTheTemporalCommandAndItsFaultsComeBackAtOnce(t *testing.T) {
	t.Parallel()
	s := newStack(t, simple("a", "b"))
	s.command("workflow", "start", "--type", "Runbook", "--task-queue", s.queue, "--workflow-id", s.queue, "--input",
		`{"name":"two","vars":{"x":1},"steps":[{"id":"a","plan":"a"},{"id":"b","plan":"b","when":"vars.x == 1"}]}`)
	var result json.RawMessage
	require.NoError(t, s.await(s.GetWorkflow(t.Context(), s.queue, ""), &result))
	require.Equal(t, map[string]int{"a": 1, "b": 1}, s.ran())

	s.command("workflow", "start", "--type", "Runbook", "--task-queue", s.queue, "--workflow-id", s.queue+"-wrong", "--input",
		`{"name":"wrong","dryrun":true,"steps":[{"id":"a"},{"id":"a","plan":"p","needs":["zzz"]}]}`)
	err := s.await(s.GetWorkflow(t.Context(), s.queue+"-wrong", ""), nil)
	for _, want := range []string{"InvalidInput", "dryrun", "steps[0]", "zzz"} {
		require.ErrorContains(t, err, want)
	}
}

func TestFiveHundredStepsRunWithinTemporalsLimits(t *testing.T) {
	t.Parallel()
	n := sized(500)
	s := newStack(t, simple("a"))
	items, steps := make([]string, n), make([]string, n)
	for i := range n {
		items[i], steps[i] = fmt.Sprintf("%d", i), fmt.Sprintf(" - {id: s%d, plan: a}", i)
	}
	sequence := s.runbook(s.queue+"-steps", "name: steps\nsteps:\n"+strings.Join(steps, "\n"))
	each := s.runbook(s.queue+"-each", "name: each\nsteps:\n - {id: a, plan: a, forEach: \"["+strings.Join(items, ",")+"]\", maxParallel: 50}")
	for _, run := range []client.WorkflowRun{sequence, each} {
		deadline := time.Now().Add(patience + time.Duration(n)*time.Second)
		for s.await(run, nil) != nil && time.Now().Before(deadline) {
			t.Log("still running")
		}
		require.NoError(t, s.await(run, nil))
		t.Logf("%s: %d events", run.GetID(), len(s.history(run)))
	}
	require.Len(t, s.sim.Executions(), 2*n)
}
