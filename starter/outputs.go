package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/workflows"
)

func (a *app) outputs() *cobra.Command {
	var rollback bool
	cmd := &cobra.Command{
		Use:   "outputs WORKFLOW STEP",
		Short: "Fetch all outputs of a runbook's step from the platform, also those that the run has cut or left out",
		Long: "Fetch all outputs of a runbook's step from the platform, also those that the run has cut or left out. A step is named by\n" +
			"its path, such as switch, probe[2] or verify/business. What the platform holds is shown as it is, the values of secrets\n" +
			"included where a plan gives them out.",
		Args: exactly("WORKFLOW", "STEP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			temporal, _, err := a.temporal(cmd.Context())
			if err != nil {
				return err
			}
			defer temporal.Close()
			now, err := report.Query(cmd.Context(), temporal, args[0], "")
			if err != nil {
				return fmt.Errorf("ask run %q for its status: %w", args[0], err)
			}
			if now.Runbook == nil {
				return fmt.Errorf("run %q is no runbook: its outputs are in its result", args[0])
			}
			of, err := executionOf(*now.Runbook, args[1], rollback)
			if err != nil {
				return err
			}
			client, err := a.platform()
			if err != nil {
				return err
			}
			var models []platform.ModelOutputs
			if of.PlanID != "" {
				models, err = client.PlanOutputs(cmd.Context(), of.PlanID, of.InstanceID)
			} else {
				models = []platform.ModelOutputs{{ModelID: of.ModelID}}
				models[0].Nodes, err = client.ModelOutputs(cmd.Context(), of.ModelID, of.InstanceID, false)
			}
			if err != nil {
				return fmt.Errorf("fetch the outputs of instance %s: %w", of.InstanceID, err)
			}
			return a.print(nonNil(models), func(t table.Writer) { fillOutputs(t, models) })
		},
	}
	cmd.Flags().BoolVar(&rollback, "rollback", false, "those of the step's rollback")
	return cmd
}

func fillOutputs(t table.Writer, models []platform.ModelOutputs) {
	t.AppendHeader(table.Row{"Model", "Node", "Result"})
	for _, model := range models {
		for _, node := range model.Nodes {
			t.AppendRow(table.Row{strings.TrimSpace(model.ModelName + " " + model.ModelID), node.Name, node.Result})
		}
	}
}

// executionOf finds what ran at a path of a runbook.
func executionOf(book workflows.RunbookResult, path string, rollback bool) (of engine.Execution, err error) {
	step := stepAt(book.Steps, path)
	switch {
	case step == nil && book.Cut != "":
		return of, fmt.Errorf("step %s is not in the status of the run: %s; look for its instance on the platform", path, book.Cut)
	case step == nil:
		return of, fmt.Errorf("there is no step %q, or it is part of a runbook that has not started", path)
	case step.Items != nil && !rollback:
		return of, fmt.Errorf("step %s has %d items: name one, such as %s[0]", path, len(step.Items), path)
	case rollback && step.Rollback == nil:
		return of, fmt.Errorf("step %s was not rolled back", path)
	case rollback:
		of = *step.Rollback
	default:
		of = step.Execution
	}
	switch {
	case of.InstanceID == "":
		return of, fmt.Errorf("no instance of step %s is known", path)
	case of.PlanID+of.ModelID == "":
		return of, errors.New("what ran is not in the status of the run, which was too large: look for instance " + of.InstanceID + " on the platform")
	}
	return of, nil
}

// stepAt finds a step or item by its path.
func stepAt(steps []workflows.StepResult, path string) *workflows.StepResult {
	name, inside, deeper := strings.Cut(path, "/")
	for i := range steps {
		step := &steps[i]
		for k := range step.Items {
			if step.Items[k].ID == name {
				step = &step.Items[k]
				break
			}
		}
		switch {
		case step.ID != name:
		case !deeper:
			return step
		case step.Runbook != nil:
			return stepAt(step.Runbook.Steps, inside)
		}
	}
	return nil
}
