package workflows

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// read is what a Go user reads from a failure.
type read struct {
	Type, Instance, Ended, Output string
	Phase                         Phase
	Findings, Steps               int
}

func readFailure(err error) (r read) {
	r.Type = TypeOf(err)
	if status, ok := StatusOf(err); ok {
		r.Instance, r.Ended, r.Phase = status.InstanceID, status.Status, status.Phase
	}
	if result, ok := PlanResultOf(err); ok {
		r.Output = result.Outputs[0].Nodes[0].Result
	}
	if result, ok := ModelResultOf(err); ok {
		r.Output = result.Nodes[0].Result
	}
	if findings, ok := FindingsOf(err); ok {
		r.Findings = len(findings)
	}
	if result, ok := RunbookResultOf(err); ok {
		r.Steps = len(result.Steps)
	}
	return r
}

func TestTheDetailsOfEveryFailureCanBeRead(t *testing.T) {
	t.Parallel()
	step := runbook.Document{Name: "x", Steps: []runbook.Step{{ID: "a", OnFailure: "abort", Job: runbook.Job{Plan: "p"}}}}
	no := false
	for name, test := range map[string]struct {
		workflow string
		in       any
		news     string // after a minute
		cancel   time.Duration
		want     read
	}{
		"a plan that failed":    {workflow: "RunPlan", in: PlanInput{PlanID: "p"}, news: "FAIL", want: read{Type: activities.ErrorPlanFailed, Instance: "in1", Ended: "FAIL", Output: "7", Phase: PhaseEnded}},
		"a model that failed":   {workflow: "RunModel", in: ModelInput{ModelID: "m"}, news: "FAIL", want: read{Type: activities.ErrorModelFailed, Instance: "in1", Ended: "FAIL", Output: "值", Phase: PhaseEnded}},
		"a plan without an end": {workflow: "RunPlan", in: PlanInput{PlanID: "p", Policy: Policy{Timeout: runbook.Duration(5 * time.Minute)}}, news: "PENDING", want: read{Type: activities.ErrorWaitTimeout, Instance: "in1", Ended: "PENDING", Phase: PhaseWaiting}},
		"a plan cancelled":      {workflow: "RunPlan", in: PlanInput{PlanID: "p"}, cancel: 2 * time.Minute, want: read{Instance: "in1", Phase: PhaseWaiting}},
		"a model cancelled":     {workflow: "RunModel", in: ModelInput{ModelID: "m"}, cancel: 2 * time.Minute, want: read{Instance: "in1", Phase: PhaseWaiting}},
		"a wrong input":         {workflow: "RunPlan", in: PlanInput{Policy: Policy{OnUnknown: "perhaps"}}, want: read{Type: activities.ErrorInvalidInput, Findings: 2}},
		"a runbook that failed": {workflow: "Runbook", in: RunbookInput{Document: step, Preflight: &no}, news: "FAIL", want: read{Type: ErrorRunbookFailed, Steps: 1}},
		"a runbook cancelled":   {workflow: "Runbook", in: RunbookInput{Document: step, Preflight: &no}, cancel: 2 * time.Minute, want: read{Steps: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.onTrigger(triggered("in1"))
			b.onModelTrigger(triggered("in1"))
			b.onOutputs("7")
			if test.news != "" {
				b.call(time.Minute, "in1", test.news)
			}
			if test.cancel != 0 {
				b.RegisterDelayedCallback(b.CancelWorkflow, test.cancel)
			}
			b.ExecuteWorkflow(test.workflow, test.in)
			err := b.GetWorkflowError()
			require.Error(t, err)
			require.Equal(t, test.want, readFailure(err))
			require.Equal(t, test.want, readFailure(fmt.Errorf("around it: %w", err)))
		})
	}
	require.Equal(t, read{}, readFailure(nil))
	require.Equal(t, read{}, readFailure(fmt.Errorf("of another kind")))
}

func TestWhatATriggerIsRefusedForCanBeRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	faults := runbook.Faults{{Path: "params.md1.A", Problem: "this input is missing"}, {Path: "params.md1.B", Problem: "there is no such secret"}}
	b.onTrigger(func(string) (activities.Triggered, error) {
		return activities.Triggered{}, activities.InvalidInput(faults)
	})
	_, err := b.runPlan(PlanInput{PlanID: "p"})
	require.Equal(t, read{Type: activities.ErrorInvalidInput, Phase: PhaseTriggering, Findings: 2}, readFailure(err))
}

func TestTheDetailsOfAFailureCanBeReadWithinAWorkflow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.onOutputs("7")
	b.call(time.Minute, "in1", "FAIL")
	own := func(ctx workflow.Context) (read, error) {
		_, err := ExecutePlan(ctx, PlanInput{PlanID: "p"})
		return readFailure(err), nil
	}
	b.RegisterWorkflow(own)
	b.ExecuteWorkflow(own)
	var got read
	require.NoError(t, b.GetWorkflowResult(&got))
	require.Equal(t, read{Type: activities.ErrorPlanFailed, Instance: "in1", Ended: "FAIL", Output: "7", Phase: PhaseEnded}, got)
}
