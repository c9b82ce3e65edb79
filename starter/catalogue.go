package main

import (
	"cmp"
	"errors"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/platform"
)

func (a *app) plans() *cobra.Command {
	return &cobra.Command{
		Use:   "plans",
		Short: "List the plans that the platform lets you run",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.platform()
			if err != nil {
				return err
			}
			plans, err := client.Plans(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(nonNil(plans), func(t table.Writer) {
				t.AppendHeader(table.Row{"Plan", "Title", "Status", "Steps", "Version", "Updated"})
				for _, p := range plans {
					t.AppendRow(table.Row{p.ID, p.Title, p.Status, p.StepNums, p.Version, report.At(&p.UpdateTime)})
				}
			})
		},
	}
}

func (a *app) inputs() *cobra.Command {
	var model, file string
	cmd := &cobra.Command{
		Use:   "inputs PLAN | --model MODEL | --runbook FILE",
		Short: "Show the inputs that a plan or a model takes, as --param takes them, or a runbook, as --var takes them",
		Args: func(cmd *cobra.Command, args []string) error {
			if model != "" && file != "" {
				return exit{exitUsage, errors.New("--model and --runbook exclude each other")}
			}
			if model != "" || file != "" {
				return exactly()(cmd, args)
			}
			return exactly("PLAN")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if file != "" {
				return a.runbookInputs(file)
			}
			client, err := a.platform()
			if err != nil {
				return err
			}
			if model != "" {
				inputs, err := client.ModelInputs(cmd.Context(), model)
				if err != nil {
					return err
				}
				return a.print(nonNil(inputs), func(t table.Writer) {
					fillInputs(t, []platform.ModelInputs{{ModelID: model, Inputs: inputs}}, false)
				})
			}
			models, err := client.PlanInputs(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(nonNil(models), func(t table.Writer) { fillInputs(t, models, true) })
		},
	}
	cmd.Flags().StringVar(&model, "model", "", "a model's id instead of a plan's")
	cmd.Flags().StringVar(&file, "runbook", "", "a runbook's `FILE` (YAML or JSON; - is standard input): its variables")
	return cmd
}

// runbookInputs shows the variables of a runbook.
func (a *app) runbookInputs(file string) error {
	doc, err := readDocument(file, a.in)
	if err != nil {
		return exit{exitUsage, err}
	}
	inputs := doc.Inputs()
	return a.print(inputs, func(t table.Writer) {
		t.AppendHeader(table.Row{"Variable", "Type", "Default", "Allowed", "Description"})
		for _, in := range inputs {
			value, allowed := "", in.Pattern
			switch {
			case in.Required:
				value = "(required)"
			case in.SecretRef != "":
				value = "(the secret " + in.SecretRef + ")"
			case in.Default != nil:
				value = report.Written(in.Default)
			}
			for i, one := range in.Enum {
				allowed += strings.Repeat(" | ", min(i, 1)) + report.Written(one)
			}
			t.AppendRow(table.Row{in.Name, cmp.Or(in.Type, "any"), value, allowed, in.Description})
		}
	})
}

// fillInputs shows inputs as --param takes them: withModel after the model's id and a dot, else by name alone.
func fillInputs(t table.Writer, models []platform.ModelInputs, withModel bool) {
	t.AppendHeader(table.Row{"Parameter", "Type", "Model"})
	for _, model := range models {
		prefix := ""
		if withModel {
			prefix = model.ModelID + "."
		}
		for _, input := range model.Inputs {
			t.AppendRow(table.Row{prefix + input.Name, input.Type, cmp.Or(model.ModelName, model.ModelID)})
		}
	}
}

// nonNil keeps an empty list from being null in JSON.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
