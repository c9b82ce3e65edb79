package runs

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/internal/shell"
)

// Paused is the error of asking a run that an operator has paused in Temporal, which stops its workflow's code: it
// answers nothing.
type Paused struct {
	WorkflowID string
	Info       *workflow.WorkflowExecutionPauseInfo
}

func (p Paused) Error() string {
	return fmt.Sprintf("run %q is paused in Temporal since %s by %s (%s): it answers nothing and decides nothing, but keeps what arrives; "+
		"to let it go on: %s",
		p.WorkflowID, p.Info.GetPausedTime().AsTime().Local().Format("2006-01-02 15:04:05"), p.Info.GetIdentity(), p.Info.GetReason(), p.command())
}

func (p Paused) command() string {
	return "temporal workflow unpause --workflow-id " + shell.Quote(p.WorkflowID)
}

// OrPaused returns a better error for what a run refused because it is paused, and any other error as it is.
func OrPaused(ctx context.Context, c client.Client, workflowID, runID string, err error) error {
	var rejected *temporal.QueryRejectedError
	var refused *serviceerror.FailedPrecondition
	if !errors.As(err, &rejected) && !errors.As(err, &refused) {
		return err
	}
	described, unknown := c.DescribeWorkflow(ctx, workflowID, runID)
	if unknown != nil || described.Status != enums.WORKFLOW_EXECUTION_STATUS_PAUSED {
		return err
	}
	return Paused{workflowID, described.RawResponse.GetWorkflowExtendedInfo().GetPauseInfo()}
}

// Unanswered says why a run gave no answer, where that is no error of the question.
func Unanswered(err error) string {
	var stopped Paused
	var late *serviceerror.DeadlineExceeded
	var nobody *serviceerror.FailedPrecondition
	switch {
	case errors.As(err, &stopped):
		return stopped.Error()
	case errors.As(err, &late), errors.As(err, &nobody):
		return "no worker answers"
	default:
		return ""
	}
}
