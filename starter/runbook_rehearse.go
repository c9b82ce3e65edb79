package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/starter/rehearsal"
	"github.com/dpaflow/dpaflow/workflows"
)

func (a *app) runbookRehearse() *cobra.Command {
	var vars varFlags
	var script string
	var stepByStep bool
	cmd := &cobra.Command{
		Use:   "rehearse FILE",
		Short: "Run a runbook on this machine alone: you, or a script, say how each step ends",
		Long: "Run a runbook on this machine alone, by the rules that a worker follows: without Temporal and the platform. You say\n" +
			"what happens, a sentence a line, or a script does. A script's report is printed at its end. The exit status is that\n" +
			"of the run, but 0 where the last thing in the script expects the status that the run has, and 1 where something does\n" +
			"not happen as the script has it.\n\nThese can be said:\n\n  " + strings.Join(rehearsal.Sentences(), "\n  "),
		Example: "  starter runbook rehearse switch-over.yaml --var site=shanghai\n" +
			"  starter runbook rehearse switch-over.yaml --script second-host-fails.yaml",
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := readDocument(args[0], a.in)
			if err != nil {
				return exit{exitUsage, err}
			}
			given := vars.read(doc)
			if len(given.wrong) > 0 {
				return exit{exitUsage, errors.Join(given.wrong...)}
			}
			if script != "" {
				return a.playScript(script, *doc, given.vars, stepByStep)
			}
			r, err := rehearsal.New(*doc, given.vars, engine.Options{WorkflowID: "rehearsal", StepByStep: stepByStep, StartedBy: userName()}, nil)
			if err != nil {
				return exit{exitUsage, err}
			}
			return a.converse(cmd.Context(), r)
		},
	}
	flags := cmd.Flags()
	vars.add(flags)
	flags.StringVar(&script, "script", "", "what happens, in a `FILE` (YAML or JSON)")
	flags.BoolVar(&stepByStep, "step-by-step", false, "pause before every step")
	return cmd
}

// playScript rehearses by a script, and prints the report of the run.
func (a *app) playScript(file string, doc runbook.Document, vars runbook.Vars, stepByStep bool) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return exit{exitUsage, err}
	}
	script, err := rehearsal.Parse(data)
	var wrong runbook.Faults
	if errors.As(err, &wrong) {
		return exit{exitUsage, fileFaults{file, wrong}}
	}
	script.StepByStep = script.StepByStep || stepByStep
	if script.Vars == nil {
		script.Vars = runbook.Vars{}
	}
	for name, value := range vars {
		script.Vars[name] = value
	}
	r, failed := script.Play(doc)
	if r == nil {
		return exit{exitUsage, failed}
	}
	if err := a.rehearsed(r); err != nil {
		return err
	}
	switch {
	case failed != nil:
		return fmt.Errorf("%s: %w", file, failed)
	case script.Decides():
		return nil
	}
	return outcomeOf(r.Result())
}

// converse rehearses by what somebody types, until the run has ended.
func (a *app) converse(ctx context.Context, r *rehearsal.Rehearsal) error {
	lines := bufio.NewScanner(a.in)
	for !r.Over() && ctx.Err() == nil {
		view := bookView{id: "rehearsal", result: r.Result()}
		fmt.Fprintf(a.log, "\n%s\n%s\nRuns on the platform: %s\n> ", r.Now().Format("15:04:05"),
			strings.Join(view.lines(r.Now(), 0, 0), "\n"), cmp.Or(strings.Join(r.Running(), ", "), "nothing"))
		if !lines.Scan() {
			break
		}
		switch text := strings.TrimSpace(lines.Text()); text {
		case "":
		case "help":
			fmt.Fprintln(a.log, strings.Join(rehearsal.Sentences(), "\n"))
		case "quit":
			return a.rehearsed(r)
		default:
			if err := r.Say(text); err != nil {
				fmt.Fprintln(a.log, "!", err)
			}
		}
	}
	if err := errors.Join(lines.Err(), a.rehearsed(r)); err != nil {
		return err
	}
	return outcomeOf(r.Result())
}

// rehearsed prints the report of a rehearsal.
func (a *app) rehearsed(r *rehearsal.Rehearsal) error {
	result := r.Result()
	if a.json {
		return a.print(result, nil)
	}
	told := report.Report{
		WorkflowID: "rehearsal", State: "Rehearsed", StartedAt: result.StartedAt, ClosedAt: result.FinishedAt,
		Elapsed: runbook.Duration(r.Now().Sub(result.StartedAt)), Target: result.Target, Timeline: report.Timeline(result),
		Result: report.State{Runbook: &result},
	}
	_, err := io.WriteString(a.out, told.Markdown())
	return err
}

// outcomeOf is the exit status that a run's outcome has.
func outcomeOf(result workflows.RunbookResult) error {
	switch result.Status {
	case workflows.StatusSuccess:
		return nil
	case workflows.StatusRunning, workflows.StatusPaused:
		return exit{exitInDoubt, errors.New("the run has not ended")}
	}
	return exit{exitFailed, fmt.Errorf("the run ended %s: %s", result.Status, result.Reason)}
}
