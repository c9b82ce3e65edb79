package runs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/operators"
)

// Action is what an operator does to a run: an update, and who proves it.
type Action struct {
	WorkflowID, Name string
	Argument         any
	// Keys sign who acts; without any, the name goes as it is.
	Keys keys.Ring
	// Subject is who the name in "by" is; empty: that of a holder of the keys.
	Subject string
}

// actTimeout bounds how long a worker may take to answer an update: long enough for one that dies over it, and another.
const actTimeout = time.Minute

// Act carries out an action, and reads into now where the run stands then. The error is a sentence for the operator.
func Act(ctx context.Context, c client.Client, a Action, now any) error {
	bounded, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	options := client.UpdateWorkflowOptions{
		UpdateID: rand.Text(), WorkflowID: a.WorkflowID, UpdateName: a.Name, Args: []any{a.Argument}, WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	err := a.sign(bounded, c, &options)
	if err == nil {
		err = sendUpdate(bounded, c, options, now)
	}
	err = OrPaused(ctx, c, a.WorkflowID, "", err)
	var stopped Paused
	var refused *temporal.ApplicationError
	var missing *serviceerror.NotFound
	switch {
	case err == nil, errors.As(err, &stopped):
		return err
	case errors.As(err, &refused):
		return errors.New(refused.Message())
	case errors.As(err, &missing):
		return fmt.Errorf("run %q has ended, or there is none with that id: %w", a.WorkflowID, err)
	case bounded.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("no worker has answered within %s; whether one took it is not known: "+
			"check that workers run, and look at starter status %s before trying again", actTimeout, a.WorkflowID)
	}
	return fmt.Errorf("send %s to run %q: %w", a.Name, a.WorkflowID, err)
}

// sign puts a proof of who acts into an update.
func (a Action) sign(ctx context.Context, c client.Client, o *client.UpdateWorkflowOptions) error {
	if a.Keys.None() {
		return nil
	}
	described, err := c.DescribeWorkflow(ctx, a.WorkflowID, "")
	if err != nil {
		return err
	}
	subject := a.Subject
	if subject == "" {
		var who struct {
			By string `json:"by"`
		}
		argument, err := json.Marshal(a.Argument)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(argument, &who); err != nil {
			return err
		}
		subject = operators.ByKeyHolder + who.By
	}
	on := operators.Update{
		WorkflowID: a.WorkflowID, FirstRunID: described.RawResponse.GetWorkflowExecutionInfo().GetFirstRunId(), Name: a.Name, ID: o.UpdateID,
	}
	o.Args[0], err = operators.Sign(a.Keys, on, subject, time.Now(), a.Argument)
	return err
}

// actAttempts are made of an update that something else got in the way of.
const actAttempts = 5

// sendUpdate sends an update and reads where the run stands then. What comes while an update ends the run has Temporal
// take back the step that did both; the update has then not happened, and is sent again. Its id keeps it from happening
// twice.
func sendUpdate(ctx context.Context, c interface {
	UpdateWorkflow(context.Context, client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error)
}, options client.UpdateWorkflowOptions, now any,
) error {
	for attempt := 1; ; attempt++ {
		handle, err := c.UpdateWorkflow(ctx, options)
		if err == nil {
			err = handle.Get(ctx, now)
		}
		if crossed := new(serviceerror.WorkflowNotReady); !errors.As(err, &crossed) || attempt == actAttempts {
			return err
		}
	}
}
