package main

import (
	"context"
	"fmt"

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
			now, err := queryState(cmd.Context(), temporal, args[0], "")
			if err != nil {
				return fmt.Errorf("ask run %q for its status: %w", args[0], err)
			}
			return a.show(args[0], now)
		},
	}
}

// queryState asks a run where it stands; of its latest if runID is empty.
func queryState(ctx context.Context, c client.Client, workflowID, runID string) (now state, err error) {
	answer, err := c.QueryWorkflow(ctx, workflowID, runID, "status")
	if err == nil {
		err = answer.Get(&now)
	}
	return now, err
}

// lookAt asks a run where it stands, and the runbooks inside it that are under way.
func lookAt(ctx context.Context, c client.Client, workflowID, runID string) look {
	now, err := queryState(ctx, c, workflowID, runID)
	switch {
	case err != nil:
		return look{err: err}
	case now.book != nil:
		return look{view: lookInto(ctx, c, workflowID, *now.book)}
	case now.run != nil:
		return look{view: runView(*now.run)}
	}
	return look{err: fmt.Errorf("run %q answers in a form that this program does not know", workflowID)}
}

// lookInto asks the nested runbooks that are under way. One that does not answer, as it has only just
// begun or ended, is left out.
func lookInto(ctx context.Context, c client.Client, workflowID string, result workflows.RunbookResult) *bookView {
	view := &bookView{id: workflowID, result: result, nested: map[string]*bookView{}}
	var visit func(steps []workflows.StepResult)
	visit = func(steps []workflows.StepResult) {
		for _, step := range steps {
			if step.WorkflowID == "" {
				visit(step.Items)
				continue
			}
			if step.Status != workflows.StatusRunning {
				continue
			}
			if now, err := queryState(ctx, c, step.WorkflowID, ""); err == nil && now.book != nil {
				view.nested[step.WorkflowID] = lookInto(ctx, c, step.WorkflowID, *now.book)
			}
		}
	}
	visit(result.Steps)
	return view
}
