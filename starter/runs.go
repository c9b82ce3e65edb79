package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/runs"
)

func (a *app) runs() *cobra.Command {
	var needsMe string
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List the runs that are open, first those that wait for a person",
		Long: "List the runs that are open, first those that wait for a person: what for, since when, until when and who may answer.\n" +
			"Only runs that need somebody, and those that Temporal lists without a status, are asked; what is known of the others is " +
			"what Temporal lists.",
		Example: "  starter runs\n  starter runs --needs-me=li -o json",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			temporal, _, err := a.temporal(cmd.Context())
			if err != nil {
				return err
			}
			defer temporal.Close()
			open, err := openRuns(cmd.Context(), temporal)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("needs-me") {
				open = slices.DeleteFunc(open, func(r openRun) bool { return !r.Needs(needsMe) })
			}
			if a.json {
				return a.print(open, nil)
			}
			for _, r := range open {
				fmt.Fprintln(a.out, strings.Join(r.lines(time.Now(), columnsOf(a.out)), "\n"))
			}
			switch {
			case len(open) > 0:
			case cmd.Flags().Changed("needs-me"):
				fmt.Fprintf(a.out, "No open run is known to wait for %s.\n", needsMe)
			default:
				fmt.Fprintln(a.out, "No run is open.")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&needsMe, "needs-me", "", "only runs that wait for somebody whom `NAME` may be; you if it is left out")
	cmd.Flags().Lookup("needs-me").NoOptDefVal = userName()
	return cmd
}

// openRuns lists the open runs: those that wait for a person first, of these the one that has waited longest first.
func openRuns(ctx context.Context, c client.Client) ([]openRun, error) {
	listed, err := report.Read(ctx, func(ctx context.Context) ([]runs.Run, error) {
		return runs.List(ctx, c, "WorkflowType IN "+runs.Types+" AND CloseTime IS NULL")
	})
	if err != nil {
		return nil, fmt.Errorf("list the open runs: %w", err)
	}
	if err := runs.Ask(ctx, c, listed); err != nil {
		return nil, err
	}
	runs.Sort(listed)
	open := []openRun{}
	for _, r := range listed {
		open = append(open, openRun{r})
	}
	return open, nil
}

// openRun is a run that has not ended, as it is shown.
type openRun struct{ runs.Run }

// lines are the run for people, none wider than columns where that is not 0.
func (r openRun) lines(now time.Time, columns int) []string {
	lines := wrap(report.Joined("  ", r.WorkflowID, r.Type, r.What, r.Status, "open for "+report.Span(now.Sub(r.StartedAt))), columns, "  ")
	for _, w := range r.WaitsFor {
		answers := ""
		if w.Need > 0 {
			answers = fmt.Sprintf(" (%d of %d%s)", w.Have, w.Need, of(w.Who))
		}
		what := report.Joined(": ", report.Joined(" ", w.Kind, w.Step), w.Reason+answers)
		lines = append(lines, wrap("  "+report.Joined(", ", what, sinceUntil(w, now)), columns, "    ")...)
		lines = append(lines, wrapCommand(w.Command, columns, "    ")...)
	}
	if r.Unanswered != "" {
		lines = append(lines, wrap("  "+r.Unanswered, columns, "    ")...)
	}
	return lines
}

func sinceUntil(w engine.WaitsFor, now time.Time) string {
	text := ""
	if w.Since != nil {
		text = "for " + report.Span(now.Sub(*w.Since))
	}
	if w.Until != nil {
		text = report.Joined(", ", text, "until "+report.At(w.Until))
	}
	return text
}
