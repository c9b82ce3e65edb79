package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
)

// Application error types of runbooks.
const (
	// ErrorRunbookFailed: a step failed, and its policy ended the runbook, or an operator had it rolled back.
	ErrorRunbookFailed = "RunbookFailed"
	// ErrorRunbookAborted: an operator ended the runbook.
	ErrorRunbookAborted = "RunbookAborted"
)

// RunbookInput is a runbook document, whose vars hold the values of this run, and how to run it.
type RunbookInput struct {
	runbook.Document
	// DryRun checks everything against the platform and triggers nothing.
	DryRun bool `json:"dryRun,omitempty"`
	// StepByStep waits for an operator before every step.
	StepByStep bool `json:"stepByStep,omitempty"`
	// Preflight checks plans, models, inputs and secrets before the first step; true if nil.
	Preflight *bool `json:"preflight,omitempty"`
	// ResumeFrom is an earlier run, of which what succeeded is not run again.
	ResumeFrom *ResumeFrom `json:"resumeFrom,omitempty"`
	// StartedBy is who started the run, for the record.
	StartedBy string `json:"startedBy,omitempty"`
}

// ResumeFrom names an earlier run of a runbook. In JSON it is its workflow id, or an object.
type ResumeFrom struct {
	WorkflowID string `json:"workflowId"`
	// RunID is of the latest run if empty.
	RunID string `json:"runId,omitempty"`
	engine.Choices
}

// UnmarshalJSON reads a workflow id or an object.
func (r *ResumeFrom) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &r.WorkflowID) != nil {
		type plain ResumeFrom
		if err := runbook.Decode(data, (*plain)(r)); err != nil {
			return fmt.Errorf(`must be a workflow id, or {"workflowId": …, "runId": …, "keep": […], "rerun": […], "adopt": […]}: %w`, err)
		}
	}
	if r.WorkflowID == "" {
		return errors.New("must name the workflow id of an earlier run")
	}
	return nil
}

// How a runbook, or one of its steps, ended or stands.
const (
	StatusPlanned   = engine.StatusPlanned // a dry run found nothing wrong
	StatusWaiting   = runbook.StatusWaiting
	StatusRunning   = runbook.StatusRunning
	StatusPaused    = runbook.StatusPaused
	StatusFailed    = runbook.StatusFailed
	StatusSkipped   = runbook.StatusSkipped
	StatusAborted   = runbook.StatusAborted
	StatusTimedOut  = engine.StatusTimedOut
	StatusCancelled = engine.StatusCancelled
)

// RunbookResult is what became of a runbook: of the workflow type Runbook, the detail of its failures,
// and what the query "status" answers while it runs.
type RunbookResult = engine.Result

// StepResult is what became of one step, or of one item of a step with forEach.
type StepResult = engine.Step

// StillRunning is an execution that nobody waits for any more.
type StillRunning = engine.StillRunning

// Runbook is the workflow type "Runbook": a document of many plans and models, run as one. It answers
// the query "status" and takes the updates approve, reject, answer, retry, skip, pause, resume, rollback, abort,
// resolveTrigger and resolveRun. It fails as RunbookFailed, RunbookAborted or InvalidInput, and continues
// as new before its history is full.
func Runbook(ctx workflow.Context, in RunbookInput) (RunbookResult, error) {
	return executeRunbook(ctx, in, true, nil)
}

// ExecuteRunbook runs a runbook from within any workflow, which from then on takes the runbook's updates
// and answers the query "status". Its history is the caller's: a large runbook is better run as a child
// workflow of type Runbook, which continues as new.
func ExecuteRunbook(ctx workflow.Context, in RunbookInput) (RunbookResult, error) {
	return executeRunbook(ctx, in, false, nil)
}

func executeRunbook(ctx workflow.Context, in RunbookInput, continues bool, carried *Carried) (RunbookResult, error) {
	r, err := openRunbook(ctx, in, continues, carried)
	if err != nil {
		return RunbookResult{}, err
	}
	switch {
	case in.DryRun:
		return r.rehearse()
	case carried == nil:
		if err := r.prepare(); err != nil {
			return RunbookResult{}, err
		}
	}
	return r.drive()
}

// readRunbook reads the input of the registered workflow, with the document's own strictness.
// A run that was continued as new is given its state too.
func readRunbook(ctx workflow.Context, raw converter.RawValue, carried *Carried) (RunbookResult, error) {
	if err := notRetried(ctx); err != nil {
		return RunbookResult{}, err
	}
	var in RunbookInput
	if err := runbook.ParseInto(raw.Payload().GetData(), &in); err != nil {
		return RunbookResult{}, invalidInput(err)
	}
	return executeRunbook(ctx, in, true, carried)
}

// invalidInput makes InvalidInput of what is wrong with an input or a document. Its lines are of the caller's text, which
// the history does not hold.
func invalidInput(err error) error {
	var found runbook.Faults
	if !errors.As(err, &found) {
		found = runbook.Faults{{Problem: err.Error()}}
	}
	faults := slices.Clone(found)
	for i := range faults {
		faults[i].Line, faults[i].Column = 0, 0
	}
	return activities.InvalidInput(faults)
}

// endOf is what the workflow returns for a run that is over.
func endOf(result RunbookResult) (RunbookResult, error) {
	left := ""
	if n := len(result.StillRunning); n > 0 {
		left = fmt.Sprintf("; %d instances may still run on the platform, which cannot cancel them", n)
	}
	switch result.Status {
	case StatusSuccess:
		return result, nil
	case StatusCancelled:
		return RunbookResult{}, temporal.NewCanceledError(result)
	case StatusAborted:
		return RunbookResult{}, fail(ErrorRunbookAborted, result, nil, fmt.Sprintf("runbook %s was %s%s", result.Name, result.Reason, left))
	}
	return RunbookResult{}, fail(ErrorRunbookFailed, result, nil, fmt.Sprintf(
		"runbook %s failed: %s; what became of each step is in the details%s", result.Name, result.Reason, left))
}
