package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/runs"
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
			now, err := report.Query(cmd.Context(), temporal, args[0], "")
			if stopped := new(runs.Paused); errors.As(err, stopped) {
				return *stopped
			} else if err != nil {
				return fmt.Errorf("ask run %q for its status: %w", args[0], err)
			}
			return a.show(args[0], now)
		},
	}
}

// lookAt asks a run where it stands.
func lookAt(ctx context.Context, c client.Client, workflowID, runID string) look {
	now, err := report.Query(ctx, c, workflowID, runID)
	switch {
	case err != nil:
		return look{err: err}
	case now.Runbook != nil:
		return look{view: &bookView{id: workflowID, result: *now.Runbook}}
	case now.Run != nil:
		return look{view: runView(*now.Run)}
	case now.Scene != nil:
		return look{view: runView{Phase: now.Scene.Phase, Status: string(now.Scene.Runs) + " runs have ended", Reason: now.Scene.Reason}}
	}
	return look{err: fmt.Errorf("run %q answers in a form that this program does not know", workflowID)}
}
