package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/workflows"
)

func (a *app) status() *cobra.Command {
	return &cobra.Command{
		Use:   "status WORKFLOW",
		Short: "Show where a run stands",
		Args:  exactly("WORKFLOW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			temporal, _, err := a.temporal(cmd.Context())
			if err != nil {
				return err
			}
			defer temporal.Close()
			status, err := queryStatus(cmd.Context(), temporal, args[0], "")
			if err != nil {
				return fmt.Errorf("ask run %q for its status: %w", args[0], err)
			}
			return a.print(status, func(t table.Writer) { fillStatus(t, status) })
		},
	}
}

func queryStatus(ctx context.Context, c client.Client, workflowID, runID string) (status workflows.Status, err error) {
	answer, err := c.QueryWorkflow(ctx, workflowID, runID, "status")
	if err == nil {
		err = answer.Get(&status)
	}
	return status, err
}

func fillStatus(t table.Writer, s workflows.Status) {
	fillRows(t, [][2]string{
		{"Plan", s.PlanID}, {"Model", s.ModelID}, {"Phase", string(s.Phase)}, {"Instance", s.InstanceID}, {"Status", s.Status},
		{"Observed by", s.ObservedBy}, {"Reason", s.Reason}, {"The platform says", s.Hint}, {"Started", at(&s.StartedAt)},
		{"Triggered", at(s.TriggeredAt)}, {"Last news", at(s.LastNewsAt)}, {"Finished", at(s.FinishedAt)},
		{"Gives up", at(&s.Deadline)},
	})
	for _, note := range s.Notes {
		t.AppendRow(table.Row{"Note " + at(&note.At), note.Text})
	}
	for _, action := range s.Actions {
		t.AppendRow(table.Row{"Action " + at(&action.At), strings.Join([]string{action.Name, action.By, action.Comment}, " ")})
	}
}
