package workflows

import (
	"encoding/json"
	"errors"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// RunbookInput is a runbook document, whose vars hold the values of this run, and how to run it.
type RunbookInput struct {
	runbook.Document
	// DryRun checks everything against the platform and triggers nothing.
	DryRun bool `json:"dryRun,omitempty"`
	// StepByStep pauses before every step.
	StepByStep bool `json:"stepByStep,omitempty"`
	// Preflight checks plans, models, inputs and secrets before the first step; true if nil.
	Preflight *bool `json:"preflight,omitempty"`
	// ResumeFrom is an earlier run, whose steps that ended well are not run again.
	ResumeFrom *ResumeFrom `json:"resumeFrom,omitempty"`
}

// ResumeFrom names an earlier run of a runbook. In JSON it is its workflow id, or an object.
type ResumeFrom struct {
	WorkflowID string `json:"workflowId"`
	// RunID is of the latest run if empty.
	RunID string `json:"runId,omitempty"`
}

// UnmarshalJSON reads a workflow id or an object.
func (r *ResumeFrom) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &r.WorkflowID) != nil {
		type plain ResumeFrom
		if err := json.Unmarshal(data, (*plain)(r)); err != nil {
			return errors.New(`wants a workflow id, or {"workflowId": …, "runId": …}`)
		}
	}
	if r.WorkflowID == "" {
		return errors.New("wants the workflow id of an earlier run")
	}
	return nil
}

// How a runbook, or one of its steps, ended or stands.
const (
	StatusPlanned = "PLANNED" // a dry run found nothing wrong
	StatusWaiting = "WAITING" // not started
	StatusRunning = "RUNNING"
	StatusPaused  = "PAUSED" // an operator decides
	StatusFailed  = "FAILED"
	StatusSkipped = "SKIPPED"
	StatusAborted = "ABORTED"
)

// RunbookResult is what became of a runbook: of the workflow type Runbook, the detail of its failures,
// and what the query "status" answers while it runs.
type RunbookResult struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	// Reason says why it is paused, failed or aborted.
	Reason     string     `json:"reason,omitempty"`
	StartedAt  time.Time  `json:"startedAt"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
	// Target is how long it should take.
	Target runbook.Duration `json:"target,omitzero"`
	// Steps are in the order in which they are written.
	Steps []StepResult `json:"steps"`
	// StillRunning are instances that the platform still runs, and has no way to cancel.
	StillRunning []StillRunning `json:"stillRunning,omitempty"`
	// Actions are what operators did.
	Actions []Action `json:"actions,omitempty"`
}

// StepResult is what became of one step, or of one item of a step with forEach.
type StepResult struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Status is WAITING, RUNNING, PAUSED, SUCCESS, FAILED, SKIPPED, ABORTED or PLANNED.
	Status string `json:"status"`
	// Reason says why it failed, was skipped, or waits for an operator.
	Reason     string `json:"reason,omitempty"`
	PlanID     string `json:"planId,omitempty"`
	ModelID    string `json:"modelId,omitempty"`
	InstanceID string `json:"instanceId,omitempty"`
	// Phase is that of the step's own run, while it has one.
	Phase      Phase  `json:"phase,omitempty"`
	ObservedBy string `json:"observedBy,omitempty"`
	// Attempts counts the runs of the step's plan or model.
	Attempts   int        `json:"attempts,omitempty"`
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
	// Outputs are of the step's last run.
	Outputs []activities.ModelOutputs `json:"outputs,omitempty"`
	// Items are the results of a step with forEach, in the order of its items.
	Items []StepResult `json:"items,omitempty"`
	// Params are what a dry run could render of the step's inputs.
	Params any `json:"params,omitempty"`
	// Approvals are who approved so far.
	Approvals []string `json:"approvals,omitempty"`
	// WorkflowID is of a nested runbook.
	WorkflowID string `json:"workflowId,omitempty"`
	// Resumed is true where the step had ended well in the run that this one resumes.
	Resumed bool `json:"resumed,omitempty"`
	// RolledBack is how the step's rollback ended.
	RolledBack string `json:"rolledBack,omitempty"`

	run *execution // of the step's plan or model
}

// StillRunning is an instance that nobody waits for any more.
type StillRunning struct {
	Step       string `json:"step"`
	InstanceID string `json:"instanceId"`
}

// Runbook is the workflow type "Runbook": a document of many plans and models, run as one. It answers
// the query "status" and takes the updates approve, reject, retry, skip, pause, resume, abort,
// resolveTrigger and resolveRun. It fails as RunbookFailed, RunbookAborted or InvalidInput.
func Runbook(ctx workflow.Context, in RunbookInput) (RunbookResult, error) {
	return ExecuteRunbook(ctx, in)
}

// readRunbook reads the input of the registered workflow, with the document's own strictness.
func readRunbook(ctx workflow.Context, raw converter.RawValue) (RunbookResult, error) {
	var in RunbookInput
	if err := runbook.ParseInto(raw.Payload().GetData(), &in); err != nil {
		return RunbookResult{}, invalidDocument(err)
	}
	return Runbook(ctx, in)
}

// invalidDocument makes InvalidInput of a document's faults.
func invalidDocument(err error) error {
	var found runbook.Faults
	if !errors.As(err, &found) {
		return activities.InvalidInput(activities.Faults{{Problem: err.Error()}})
	}
	faults := make(activities.Faults, len(found))
	for i, fault := range found {
		faults[i] = activities.FaultAt{Path: fault.Path, Problem: fault.Problem}
	}
	return activities.InvalidInput(faults)
}
