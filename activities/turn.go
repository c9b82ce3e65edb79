package activities

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// A turn on a model is a small workflow of its own, whose id names the model: Temporal lets only one of
// them be open. It costs the run that takes the turn no event, and ends with that run whatever happens.
const (
	// TurnWorkflow is the turn's workflow type; its input is the Turn that has the model.
	TurnWorkflow = "ModelTurn"
	// TurnGive is the signal that ends a turn; its payload is the Turn that gives the model back.
	TurnGive = "give"
)

// Turn says who has a model: a step of a workflow.
type Turn struct {
	WorkflowID string `json:"workflowId"`
	Step       string `json:"step,omitempty"`
}

// turns keeps two runs of ours from racing for one model.
type turns interface {
	// take tells whether the model is the turn's now; it may be taken again by who has it.
	take(ctx context.Context, modelID string, turn Turn) (bool, error)
	give(ctx context.Context, modelID string, turn Turn) error
}

func turnID(modelID string) string { return "dpa-model:" + modelID }

type temporalTurns struct {
	client.Client
	queue     string
	converter converter.DataConverter
}

func serverTurns(dataConverter converter.DataConverter) func(context.Context) turns {
	return func(ctx context.Context) turns {
		return temporalTurns{activity.GetClient(ctx), activity.GetInfo(ctx).TaskQueue, dataConverter}
	}
}

func (t temporalTurns) take(ctx context.Context, modelID string, turn Turn) (bool, error) {
	_, err := t.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: turnID(modelID), TaskQueue: t.queue,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            "model " + modelID + " is " + turn.WorkflowID + "'s",
	}, TurnWorkflow, turn)
	var taken *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &taken):
		holder, err := t.holder(ctx, modelID, taken.RunId)
		return holder == turn, err
	default:
		return false, fmt.Errorf("take the turn on model %s: %w", modelID, err)
	}
}

// holder reads who has the turn from the input that it was started with.
func (t temporalTurns) holder(ctx context.Context, modelID, runID string) (turn Turn, err error) {
	events := t.GetWorkflowHistory(ctx, turnID(modelID), runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !events.HasNext() {
		return turn, nil
	}
	first, err := events.Next()
	if err == nil {
		err = t.converter.FromPayloads(first.GetWorkflowExecutionStartedEventAttributes().GetInput(), &turn)
	}
	if err != nil {
		return Turn{}, fmt.Errorf("read who has the turn on model %s: %w", modelID, err)
	}
	return turn, nil
}

func (t temporalTurns) give(ctx context.Context, modelID string, turn Turn) error {
	err := t.SignalWorkflow(ctx, turnID(modelID), "", TurnGive, turn)
	var ended *serviceerror.NotFound
	if err == nil || errors.As(err, &ended) {
		return nil
	}
	return fmt.Errorf("give back the turn on model %s: %w", modelID, err)
}

// HasEnded tells whether a workflow is no longer open, so that its turn on a model is over.
func (a *Activities) HasEnded(ctx context.Context, workflowID string) (bool, error) {
	described, err := activity.GetClient(ctx).DescribeWorkflowExecution(ctx, workflowID, "")
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether workflow %q has ended: %w", workflowID, err)
	}
	return described.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}
