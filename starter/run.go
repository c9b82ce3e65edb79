package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

func (a *app) run() *cobra.Command {
	run := group("run", "Start a run and follow it to its end")
	for _, kind := range a.kinds() {
		run.AddCommand(a.runKind(kind))
	}
	return run
}

func (a *app) runKind(kind kind) *cobra.Command {
	var workflowID string
	var detach bool
	cmd := &cobra.Command{
		Use:     kind.name + " " + kind.argument,
		Short:   "Run a " + kind.name,
		Example: "  starter run " + kind.name + " " + kind.example,
		Args:    exactly(kind.argument),
		RunE: func(cmd *cobra.Command, args []string) error {
			job, err := kind.job(args[0])
			if err != nil {
				return exit{exitUsage, err}
			}
			return a.start(cmd.Context(), job, workflowID, detach)
		},
	}
	cmd.Flags().AddFlagSet(kind.flags)
	cmd.Flags().StringVar(&workflowID, "workflow-id", "", "id of the run in Temporal; made up if left out")
	cmd.Flags().BoolVar(&detach, "detach", false, "start the run and do not wait for its end")
	return cmd
}

// started is what -o json shows of a run that is not waited for.
type started struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// start starts a workflow and, unless detached, follows it to its end.
func (a *app) start(ctx context.Context, job job, workflowID string, detach bool) error {
	temporal, cfg, err := a.temporal(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	if workflowID == "" {
		workflowID = job.name + "-" + strings.ToLower(rand.Text()[:10])
	}
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       workflowID,
		TaskQueue:                                cfg.TaskQueue,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            job.summary,
	}, job.workflow, job.input)
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &running) {
		return fmt.Errorf("a run with the id %q is under way already; watch it with: starter watch %s", workflowID, workflowID)
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", job.summary, err)
	}
	if detach {
		now := started{WorkflowID: run.GetID(), RunID: run.GetRunID()}
		return a.print(now, func(t table.Writer) {
			t.AppendRow(table.Row{"Workflow", now.WorkflowID})
			t.AppendRow(table.Row{"Run", now.RunID})
		})
	}
	return a.follow(ctx, temporal, run)
}
