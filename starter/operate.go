package main

import (
	"context"
	"fmt"
	"os/user"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/runs"
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

// update lets an operator act on a run and prints where it stands then.
func (a *app) update(ctx context.Context, workflowID, name string, argument any) error {
	c, cfg, err := a.temporal(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	var now report.State
	if err := runs.Act(ctx, c, runs.Action{WorkflowID: workflowID, Name: name, Argument: argument, Keys: cfg.OperatorKeys}, &now); err != nil {
		return err
	}
	return a.show(workflowID, now)
}

// userName is who runs this program; empty where that cannot be known.
func userName() string {
	current, err := user.Current()
	if err != nil {
		return ""
	}
	return current.Username
}
