package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// answer is the command by which people fill in the values of a manual task.
func (a *app) answer() *cobra.Command {
	var who operator
	cmd := &cobra.Command{
		Use:     "answer WORKFLOW STEP NAME=VALUE...",
		Short:   "Fill in the values that a manual task of a runbook asks for",
		Example: "  starter answer switch-over-1 lag lag=0.3 ticket=FZ-1",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 3 {
				return exit{exitUsage, fmt.Errorf("%s takes [WORKFLOW STEP NAME=VALUE...], got %d arguments; see --help", cmd.CommandPath(), len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			typed, err := pairs(args[2:])
			if err != nil {
				return exit{exitUsage, err}
			}
			values, err := a.valuesOf(cmd.Context(), args[0], args[1], typed)
			if err != nil {
				return err
			}
			return a.update(cmd.Context(), args[0], engine.ActionAnswer,
				workflows.StepAnswer{Step: args[1], Values: values, By: who.by, Comment: who.comment})
		},
	}
	who.add(cmd.Flags())
	return cmd
}

// pairs reads NAME=VALUE arguments.
func pairs(args []string) (map[string]string, error) {
	typed := map[string]string{}
	for _, arg := range args {
		name, value, found := strings.Cut(arg, "=")
		if _, twice := typed[name]; !found || name == "" || twice {
			return nil, fmt.Errorf("%q must be NAME=VALUE, each name once", report.Clip(arg))
		}
		typed[name] = value
	}
	return typed, nil
}

// valuesOf gives what somebody typed the types that the step asks for. What it does not ask for, the run refuses.
func (a *app) valuesOf(ctx context.Context, workflowID, step string, typed map[string]string) (map[string]any, error) {
	c, _, err := a.temporal(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	fields, err := fieldsOf(ctx, c, workflowID, step)
	if err != nil {
		return nil, err
	}
	values, err := runbook.ReadFields(fields, typed)
	if err != nil {
		return nil, exit{exitUsage, err}
	}
	return values, nil
}

func fieldsOf(ctx context.Context, c client.Client, workflowID, step string) (map[string]runbook.Var, error) {
	now, err := report.Query(ctx, c, workflowID, "")
	if err != nil {
		return nil, fmt.Errorf("ask run %q what it asks for: %w", workflowID, err)
	}
	if now.Runbook == nil {
		return nil, errors.New("only a runbook asks for values")
	}
	for _, waits := range now.Runbook.WaitsFor {
		if waits.Kind == engine.ForAnswer && waits.Step == step {
			return waits.Fields, nil
		}
	}
	return nil, nil
}
