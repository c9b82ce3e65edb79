package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/runbook"
)

// nested runs a runbook inside this one as a workflow of its own.
func (b *book) nested(ctx workflow.Context, step int, label string, r *StepResult, scope runbook.Scope) error {
	doc, err := b.program.Nested(step, scope)
	if err != nil {
		return fault(err)
	}
	in := RunbookInput{Document: doc, StepByStep: b.in.StepByStep, Preflight: b.in.Preflight}
	if r.WorkflowID != "" { // of the run that this one resumes, or of the attempt before this one
		in.ResumeFrom = &ResumeFrom{WorkflowID: r.WorkflowID}
	}
	r.Attempts++
	r.WorkflowID = fmt.Sprintf("%s/%s.%d", workflow.GetInfo(ctx).WorkflowExecution.ID, label, r.Attempts)
	if resumed := b.in.ResumeFrom; resumed != nil && strings.HasPrefix(r.WorkflowID, resumed.WorkflowID) && in.ResumeFrom != nil && in.ResumeFrom.WorkflowID == r.WorkflowID {
		r.WorkflowID += "-resumed"
	}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          r.WorkflowID,
		WorkflowRunTimeout:  time.Duration(b.in.Steps[step].Timeout),
		WaitForCancellation: true,
		StaticSummary:       "runbook " + doc.Name,
	})
	var result RunbookResult
	err = workflow.ExecuteChildWorkflow(ctx, "Runbook", in).Get(ctx, &result)
	var failed *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	switch { // the message says enough where the details are of another form
	case errors.As(err, &failed) && failed.HasDetails():
		_ = failed.Details(&result)
	case errors.As(err, &cancelled) && cancelled.HasDetails():
		_ = cancelled.Details(&result)
	}
	r.Items = slices.Clone(result.Steps)
	for _, left := range result.StillRunning {
		b.result.StillRunning = append(b.result.StillRunning, StillRunning{Step: label + "/" + left.Step, InstanceID: left.InstanceID})
	}
	for _, action := range result.Actions {
		action.Step = strings.TrimSuffix(label+"/"+action.Step, "/")
		b.result.Actions = append(b.result.Actions, action)
	}
	return err
}
