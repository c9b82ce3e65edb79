package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
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
			found, err := findReport(cmd.Context(), temporal, args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.print(found, nil)
			}
			_, err = io.WriteString(a.out, found.markdown())
			return err
		},
	}
	cmd.Flags().VarP(newFormat("markdown"), "output", "o", "markdown for people, json for programs")
	return cmd
}

// report is all that is known of a run.
type report struct {
	WorkflowID string     `json:"workflowId"`
	RunID      string     `json:"runId"`
	State      string     `json:"state"` // Temporal's word: Running, Completed, Failed, Terminated …
	StartedAt  time.Time  `json:"startedAt"`
	ClosedAt   *time.Time `json:"closedAt,omitempty"`
	// Elapsed is how long it took, or has taken so far; Target, of a runbook, how long it should take.
	Elapsed  runbook.Duration `json:"elapsed"`
	Target   runbook.Duration `json:"target,omitzero"`
	Error    string           `json:"error,omitempty"`
	Timeline []event          `json:"timeline,omitempty"`
	// Result is what the run tells of itself; null if nothing can be learnt any more.
	Result state `json:"result"`
}

// event is one thing that happened in a runbook.
type event struct {
	At   time.Time `json:"at"`
	Step string    `json:"step,omitempty"`
	What string    `json:"what"`
}

func findReport(ctx context.Context, c client.Client, workflowID string) (report, error) {
	described, err := read(ctx, func(ctx context.Context) (*client.WorkflowExecutionDescription, error) {
		return c.DescribeWorkflow(ctx, workflowID, "")
	})
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return report{}, fmt.Errorf("there is no run %q; it may be older than the namespace keeps", workflowID)
	}
	if err != nil {
		return report{}, fmt.Errorf("look up run %q: %w", workflowID, err)
	}
	r := report{
		WorkflowID: workflowID, RunID: described.WorkflowExecution.RunID, State: described.Status.String(),
		StartedAt: described.WorkflowStartTime, ClosedAt: described.WorkflowCloseTime,
	}
	end := time.Now()
	if r.ClosedAt != nil {
		end = *r.ClosedAt
	}
	r.Elapsed = runbook.Duration(max(end.Sub(r.StartedAt), 0).Truncate(time.Second))
	if r.ClosedAt != nil {
		var result json.RawMessage
		err := c.GetWorkflow(ctx, workflowID, r.RunID).Get(ctx, &result)
		if result = orDetails(result, err); len(result) > 0 {
			err = errors.Join(err, json.Unmarshal(result, &r.Result))
		}
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if err != nil {
			r.Error = verdict(err).Error()
		}
	}
	if !r.Result.known() {
		// A run that was terminated, or refused, still knows how far it had come.
		r.Result, err = queryState(ctx, c, workflowID, r.RunID)
		if stopped := new(runs.Paused); errors.As(err, stopped) {
			r.Error = stopped.Error()
		} else if err != nil && r.ClosedAt == nil {
			return r, fmt.Errorf("ask run %q for its status: %w", workflowID, err)
		}
	}
	if book := r.Result.book; book != nil {
		r.Target, r.Timeline = book.Target, timeline(*book)
	}
	return r, nil
}

// timeline is what happened in a runbook, in the order in which it did. Steps that ended in an earlier
// run are not part of it.
func timeline(r workflows.RunbookResult) []event {
	events := []event{{At: r.StartedAt, What: joined(" by ", "started", r.StartedBy)}}
	execution := func(label, what string, x *engine.Execution) {
		if x.StartedAt != nil {
			events = append(events, event{*x.StartedAt, label, what + "started"})
		}
		if x.FinishedAt != nil {
			events = append(events, event{*x.FinishedAt, label, what + joined(", ", x.Status, x.InstanceID, x.Reason)})
		}
	}
	eachStep(r.Steps, func(step workflows.StepResult, label string) {
		if !step.Resumed {
			for what, x := range earlierOf(step) {
				execution(label, what+" ", x)
			}
			execution(label, "", &step.Execution)
		}
		if step.Rollback != nil {
			execution(label, "rollback ", step.Rollback)
		}
	})
	for _, action := range r.Actions {
		what := action.Name + " by " + orElse(action.By, "somebody")
		events = append(events, event{action.At, action.Step, joined(": ", what, action.Comment)})
	}
	for _, note := range r.Notes {
		events = append(events, event{note.At, note.Step, "note: " + note.Text})
	}
	if r.FinishedAt != nil {
		events = append(events, event{At: *r.FinishedAt, What: joined(", ", r.Status, r.Reason)})
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.At.Compare(b.At) })
	return events
}
