package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dpaflow/dpaflow/workflows"
)

// answers are the commands by which operators answer a runbook, and steer it.
func (a *app) answers() []*cobra.Command {
	return []*cobra.Command{
		a.answerStep("approve", "Approve what a step of a runbook asks"),
		a.answerStep("reject", "Reject what a step of a runbook asks: the step has failed"),
		a.answer(),
		a.retry(),
		a.skip(),
		a.steer("pause", "Start no new steps of a runbook; those that run go on"),
		a.steer("resume", "Let a paused runbook go on, or the next step of one that goes step by step start"),
		a.steer("rollback", "Start nothing more in a runbook, and undo what succeeded"),
		a.abort(),
	}
}

// answerStep is a command that sends the update of its name, about one step.
func (a *app) answerStep(name, short string) *cobra.Command {
	var who operator
	cmd := &cobra.Command{
		Use:     name + " WORKFLOW STEP",
		Short:   short,
		Example: "  starter " + name + " switch-over-1 confirm --comment 'seen in the control room'",
		Args:    exactly("WORKFLOW", "STEP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.update(cmd.Context(), args[0], name, workflows.StepAction{Step: args[1], By: who.by, Comment: who.comment})
		},
	}
	who.add(cmd.Flags())
	return cmd
}

func (a *app) retry() *cobra.Command {
	var twice bool
	var who operator
	cmd := &cobra.Command{
		Use:     "retry WORKFLOW STEP",
		Short:   "Run a step of a runbook again that has failed and waits for a decision",
		Example: "  starter retry switch-over-1 'probe[2]' --comment 'the host is back'",
		Args:    exactly("WORKFLOW", "STEP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.update(cmd.Context(), args[0], "retry",
				workflows.StepAction{Step: args[1], By: who.by, Comment: who.comment, MayRunTwice: twice})
		},
	}
	who.add(cmd.Flags())
	cmd.Flags().BoolVar(&twice, "may-run-twice", false, "run it again also where the platform may still run what was triggered before")
	return cmd
}

func (a *app) abort() *cobra.Command {
	var who operator
	cmd := &cobra.Command{
		Use:   "abort WORKFLOW [STEP]",
		Short: "End a runbook, or the rollback of a step; what runs on the platform goes on there, as it cannot be cancelled",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return exactly("WORKFLOW")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			in := workflows.RunAction{By: who.by, Comment: who.comment}
			if len(args) > 1 {
				in.Step = args[1]
			}
			return a.update(cmd.Context(), args[0], "abort", in)
		},
	}
	who.add(cmd.Flags())
	return cmd
}

func (a *app) skip() *cobra.Command {
	var who operator
	outputs := outputsFlag{format: newFormat("table"), values: map[string]string{}}
	cmd := &cobra.Command{
		Use:     "skip WORKFLOW STEP",
		Short:   "Let a runbook go on as if a step had succeeded that has failed or not started",
		Example: "  starter skip switch-over-1 freeze --output delay=0 --comment 'frozen by hand'",
		Args:    exactly("WORKFLOW", "STEP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.update(cmd.Context(), args[0], "skip",
				workflows.StepAction{Step: args[1], By: who.by, Comment: who.comment, Outputs: outputs.values})
		},
	}
	who.add(cmd.Flags())
	cmd.Flags().VarP(&outputs, "output", "o", "`NAME=VALUE`, an output to use as the step's own, may be given again; or as everywhere table or json")
	return cmd
}

// outputsFlag is the flag -o of skip: besides the form of what is printed it takes outputs.
type outputsFlag struct {
	format *choice
	values map[string]string
}

func (f *outputsFlag) String() string {
	if f.format == nil {
		return "" // pflag asks a zero value
	}
	return f.format.String()
}

func (f *outputsFlag) Type() string { return f.format.Type() }

func (f *outputsFlag) Set(text string) error {
	name, value, output := strings.Cut(text, "=")
	if !output {
		return f.format.Set(text)
	}
	if _, twice := f.values[name]; twice || name == "" {
		return errors.New("must give every NAME=VALUE once, and a name")
	}
	f.values[name] = value
	return nil
}

// steer is a command that sends the update of its name, about a whole runbook.
func (a *app) steer(name, short string) *cobra.Command {
	var who operator
	cmd := &cobra.Command{
		Use:   name + " WORKFLOW",
		Short: short,
		Args:  exactly("WORKFLOW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.update(cmd.Context(), args[0], name, workflows.RunAction{By: who.by, Comment: who.comment})
		},
	}
	who.add(cmd.Flags())
	return cmd
}
