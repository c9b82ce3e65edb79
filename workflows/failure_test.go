package workflows

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// What no worker takes, or what an activity fails with that is none of the platform's errors, has no type of the contract.
func TestEveryReadThatFailsIsAnErrorOfTheContract(t *testing.T) {
	t.Parallel()
	odd := errors.New("an error of some library's")
	document := runbook.Document{Name: "x", Steps: []runbook.Step{{ID: "a", Job: runbook.Job{Plan: "p"}}}}
	for name, test := range map[string]struct {
		workflow, activity string
		in                 any
		details            any
	}{
		"the outputs of a plan":         {"RunPlan", "PlanOutputs", PlanInput{PlanID: "p"}, &Status{}},
		"the outputs of a model":        {"RunModel", "ModelOutputs", ModelInput{ModelID: "m"}, &Status{}},
		"the preflight of a runbook":    {"Runbook", "DpaPreflight", RunbookInput{Document: document}, &RunbookResult{}},
		"a dry run":                     {"Runbook", "DpaPreflight", RunbookInput{Document: document, DryRun: true}, &RunbookResult{}},
		"the run that one is to resume": {"Runbook", "DpaEarlierRunbook", RunbookInput{Document: document, ResumeFrom: &ResumeFrom{WorkflowID: "w"}}, &RunbookResult{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.onTrigger(triggered("in1"))
			b.onModelTriggered(triggered("in1"))
			b.OnActivity(test.activity, mock.Anything, mock.Anything).Return(nil, odd)
			if test.workflow != "Runbook" {
				b.call(time.Minute, "in1", "SUCCESS")
			}
			b.ExecuteWorkflow(test.workflow, test.in)
			failed := failure(t, b.GetWorkflowError(), test.details)
			require.Equal(t, activities.ErrorPlatform, failed.Type())
		})
	}
}

// Whoever cancels a run is told what there is on the platform, whatever the run was about.
func TestACancellationHasItsDetailsWheneverItComes(t *testing.T) {
	t.Parallel()
	odd := errors.New("away")
	document := runbook.Document{Name: "x", Steps: []runbook.Step{{ID: "a", Job: runbook.Job{Plan: "p"}}}}
	for name, test := range map[string]struct {
		workflow string
		in       any
		away     string // the activity that is tried again and again
		news     string
		instance string
	}{
		"while it is triggered":           {workflow: "RunPlan", in: PlanInput{PlanID: "p"}},
		"while it waits":                  {workflow: "RunPlan", in: PlanInput{PlanID: "p"}, instance: "in1"},
		"while the outputs are fetched":   {workflow: "RunPlan", in: PlanInput{PlanID: "p"}, away: "PlanOutputs", news: "SUCCESS", instance: "in1"},
		"a model's outputs are fetched":   {workflow: "RunModel", in: ModelInput{ModelID: "m"}, away: "ModelOutputs", news: "SUCCESS", instance: "in1"},
		"in the preflight of a runbook":   {workflow: "Runbook", in: RunbookInput{Document: document}, away: "DpaPreflight"},
		"in a dry run":                    {workflow: "Runbook", in: RunbookInput{Document: document, DryRun: true}, away: "DpaPreflight"},
		"while an earlier run is read":    {workflow: "Runbook", in: RunbookInput{Document: document, ResumeFrom: &ResumeFrom{WorkflowID: "w"}}, away: "DpaEarlierRunbook"},
		"while a step of a runbook waits": {workflow: "Runbook", in: RunbookInput{Document: document, Preflight: new(bool)}, instance: "in1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			answer := refused(activities.ErrorTriggerNotSent)
			if test.instance != "" {
				answer = triggered("in1")
			}
			b.onTrigger(answer)
			b.onModelTriggered(answer)
			if test.away != "" {
				b.OnActivity(test.away, mock.Anything, mock.Anything).Return(nil, odd)
			}
			if test.news != "" {
				b.call(time.Minute, "in1", test.news)
			}
			b.RegisterDelayedCallback(b.CancelWorkflow, 125*time.Second)
			b.ExecuteWorkflow(test.workflow, test.in)
			err := b.GetWorkflowError()
			var cancelled *temporal.CanceledError
			require.ErrorAs(t, err, &cancelled)
			if test.workflow == "Runbook" {
				result, ok := RunbookResultOf(err)
				require.True(t, ok)
				require.Equal(t, StatusCancelled, result.Status)
				require.Equal(t, test.instance, result.Steps[0].InstanceID)
				return
			}
			status, ok := StatusOf(err)
			require.True(t, ok)
			require.Equal(t, test.instance, status.InstanceID)
		})
	}
}
