package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/dpaflow/dpaflow/internal/report"
)

func (a *app) report() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report WORKFLOW",
		Short: "Tell what happened in a run: times, attempts, operators' actions, outputs, failures",
		Long: "Tell what happened in a run, for the record: its timeline, how long it took and should have taken, attempts, what\n" +
			"operators did, outputs, failures, and instances that still run on the platform. A run that has not ended is told as far\n" +
			"as it has come.",
		Example: "  starter report switch-over-1 > switch-over-1.md",
		Args:    exactly("WORKFLOW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			temporal, _, err := a.temporal(cmd.Context())
			if err != nil {
				return err
			}
			defer temporal.Close()
			found, err := report.Find(cmd.Context(), temporal, args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.print(found, nil)
			}
			_, err = io.WriteString(a.out, found.Markdown())
			return err
		},
	}
	cmd.Flags().VarP(newFormat("markdown"), "output", "o", "markdown for people, json for programs")
	return cmd
}
