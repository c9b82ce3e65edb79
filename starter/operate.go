package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/operators"
	"github.com/dpaflow/dpaflow/workflows"
)

func (a *app) resolve() *cobra.Command {
	var adopt, step string
	var who operator
	status := choice{words: []string{workflows.StatusSuccess, workflows.StatusFail}}
	var retrigger, abort bool
	cmd := &cobra.Command{
		Use:   "resolve WORKFLOW (--adopt INSTANCE | --retrigger | --abort | --status SUCCESS|FAIL)",
		Short: "Settle what a run cannot know: what became of its trigger, or how its instance ended",
		Example: "  starter resolve switch-over-2 --adopt in10000004 --comment 'seen on the platform'\n" +
			"  starter resolve switch-over-2 --status SUCCESS",
		Args: exactly("WORKFLOW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := 0
			for _, way := range []bool{adopt != "", retrigger, abort, status.value != ""} {
				if way {
					given++
				}
			}
			if given != 1 {
				return exit{exitUsage, fmt.Errorf("exactly one of --adopt INSTANCE, --retrigger, --abort and --status is wanted, got %d", given)}
			}
			if status.value != "" {
				return a.update(cmd.Context(), args[0], "resolveRun",
					workflows.ResolveRun{Step: step, Status: status.value, By: who.by, Comment: who.comment})
			}
			action := workflows.ActionAbort
			switch {
			case adopt != "":
				action = workflows.ActionAdopt
			case retrigger:
				action = workflows.ActionRetrigger
			}
			return a.update(cmd.Context(), args[0], "resolveTrigger",
				workflows.ResolveTrigger{Step: step, Action: action, InstanceID: adopt, By: who.by, Comment: who.comment})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&adopt, "adopt", "", "the trigger started this `instance`: take it as the run's own")
	flags.BoolVar(&retrigger, "retrigger", false, "the trigger provably started nothing: send a fresh one; if you are wrong, it runs twice")
	flags.BoolVar(&abort, "abort", false, "give the run up; what runs on the platform goes on")
	flags.Var(&status, "status", "how the instance ended, when its callbacks are lost: SUCCESS or FAIL; a timed scene's collection ends by it")
	flags.StringVar(&step, "step", "", "which execution, where the run has several: its step, its id or its instance's")
	who.add(flags)
	return cmd
}

// operator is who acts on a run, and why.
type operator struct{ by, comment string }

func (o *operator) add(flags *pflag.FlagSet) {
	flags.StringVar(&o.by, "by", userName(), "who says so")
	flags.StringVar(&o.comment, "comment", "", "why")
}

// updateTimeout bounds how long a worker may take to answer an update: long enough for one that dies over it, and another.
const updateTimeout = time.Minute

// update lets an operator act on a run and prints where it stands then.
func (a *app) update(ctx context.Context, workflowID, name string, argument any) error {
	c, cfg, err := a.temporal(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	bounded, cancel := context.WithTimeout(ctx, updateTimeout)
	defer cancel()
	options := client.UpdateWorkflowOptions{
		UpdateID: rand.Text(), WorkflowID: workflowID, UpdateName: name, Args: []any{argument}, WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	var now state
	if err = sign(bounded, c, cfg.OperatorKeys, &options); err == nil {
		now, err = sendUpdate(bounded, c, options)
	}
	err = runs.OrPaused(ctx, c, workflowID, "", err)
	var stopped runs.Paused
	var refused *temporal.ApplicationError
	var missing *serviceerror.NotFound
	switch {
	case err == nil:
		return a.show(workflowID, now)
	case errors.As(err, &stopped):
		return err
	case errors.As(err, &refused):
		return errors.New(refused.Message())
	case errors.As(err, &missing):
		return fmt.Errorf("run %q has ended, or there is none with that id: %w", workflowID, err)
	case bounded.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("no worker has answered within %s; whether one took it is not known: "+
			"check that workers run, and look at starter status %s before trying again", updateTimeout, workflowID)
	}
	return fmt.Errorf("send %s to run %q: %w", name, workflowID, err)
}

// sign puts a proof of who acts into an update, as of somebody who holds the keys; without keys it changes nothing.
func sign(ctx context.Context, c client.Client, ring keys.Ring, o *client.UpdateWorkflowOptions) error {
	if ring.None() {
		return nil
	}
	described, err := read(ctx, func(ctx context.Context) (*client.WorkflowExecutionDescription, error) {
		return c.DescribeWorkflow(ctx, o.WorkflowID, "")
	})
	if err != nil {
		return err
	}
	argument, err := json.Marshal(o.Args[0])
	if err != nil {
		return err
	}
	var who struct {
		By string `json:"by"`
	}
	if err := json.Unmarshal(argument, &who); err != nil {
		return err
	}
	on := operators.Update{
		WorkflowID: o.WorkflowID, FirstRunID: described.RawResponse.GetWorkflowExecutionInfo().GetFirstRunId(), Name: o.UpdateName, ID: o.UpdateID,
	}
	o.Args[0], err = operators.Sign(ring, on, operators.ByKeyHolder+who.By, time.Now(), o.Args[0])
	return err
}

// updateAttempts are made of an update that something else got in the way of.
const updateAttempts = 5

// sendUpdate sends an update and returns where the run stands then. News that
// comes while an update ends the run has Temporal take back the step that did
// both; the update has then not happened, and is sent again. Its id keeps it
// from happening twice.
func sendUpdate(ctx context.Context, c interface {
	UpdateWorkflow(context.Context, client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error)
}, options client.UpdateWorkflowOptions,
) (now state, err error) {
	for attempt := 1; ; attempt++ {
		handle, err := c.UpdateWorkflow(ctx, options)
		if err == nil {
			err = handle.Get(ctx, &now)
		}
		if crossed := new(serviceerror.WorkflowNotReady); !errors.As(err, &crossed) || attempt == updateAttempts {
			return now, err
		}
	}
}

// userName is who runs this program; empty where that cannot be known.
func userName() string {
	current, err := user.Current()
	if err != nil {
		return ""
	}
	return current.Username
}
