package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// paused is the error of asking a run that an operator has paused in Temporal, which stops its workflow's code: it
// answers nothing.
type paused struct {
	workflowID string
	info       *workflow.WorkflowExecutionPauseInfo
}

func (p paused) Error() string {
	when := p.info.GetPausedTime().AsTime()
	return fmt.Sprintf("run %q is paused in Temporal since %s by %s (%s): it answers nothing and decides nothing, but keeps what arrives; "+
		"to let it go on: temporal workflow unpause --workflow-id %s",
		p.workflowID, at(&when), p.info.GetIdentity(), p.info.GetReason(), p.workflowID)
}

// orPaused returns a better error for what a run refused because it is paused, and any other error as it is.
func orPaused(ctx context.Context, c client.Client, workflowID, runID string, err error) error {
	var rejected *temporal.QueryRejectedError
	var refused *serviceerror.FailedPrecondition
	if !errors.As(err, &rejected) && !errors.As(err, &refused) {
		return err
	}
	described, unknown := c.DescribeWorkflow(ctx, workflowID, runID)
	if unknown != nil || described.Status != enums.WORKFLOW_EXECUTION_STATUS_PAUSED {
		return err
	}
	return paused{workflowID, described.RawResponse.GetWorkflowExtendedInfo().GetPauseInfo()}
}
