package main

import (
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

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
					t.AppendRow(table.Row{p.ID, p.Title, p.Status, p.StepNums, p.Version, at(&p.UpdateTime)})
				}
			})
		},
	}
}

func (a *app) inputs() *cobra.Command {
	return &cobra.Command{
		Use:   "inputs PLAN",
		Short: "Show the inputs that a plan wants, as --param takes them",
		Args:  exactly("PLAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.platform()
			if err != nil {
				return err
			}
			models, err := client.PlanInputs(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(nonNil(models), func(t table.Writer) { fillInputs(t, models) })
		},
	}
}

func fillInputs(t table.Writer, models []platform.ModelInputs) {
	t.AppendHeader(table.Row{"Parameter", "Type", "Model"})
	for _, model := range models {
		for _, input := range model.Inputs {
			t.AppendRow(table.Row{model.ModelID + "." + input.Name, input.Type, model.ModelName})
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
