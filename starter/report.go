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
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

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
	// Nested are the runbooks inside it that are under way: of those that have ended it knows itself.
	Nested []report `json:"nested,omitempty"`
}

// event is one thing that happened in a runbook.
type event struct {
	At   time.Time `json:"at"`
	Step string    `json:"step,omitempty"`
	What string    `json:"what"`
}

func findReport(ctx context.Context, c client.Client, workflowID string) (report, error) {
	described, err := c.DescribeWorkflowExecution(ctx, workflowID, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return report{}, fmt.Errorf("there is no run %q; it may be older than the namespace keeps", workflowID)
	}
	if err != nil {
		return report{}, fmt.Errorf("look up run %q: %w", workflowID, err)
	}
	info := described.WorkflowExecutionInfo
	r := report{
		WorkflowID: workflowID, RunID: info.Execution.RunId, State: info.Status.String(), StartedAt: info.StartTime.AsTime(),
	}
	end := time.Now()
	if info.CloseTime != nil {
		end = info.CloseTime.AsTime()
		r.ClosedAt = &end
	}
	r.Elapsed = runbook.Duration(max(end.Sub(r.StartedAt), 0).Truncate(time.Second))
	if info.Status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
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
		if err != nil && r.ClosedAt == nil {
			return r, fmt.Errorf("ask run %q for its status: %w", workflowID, err)
		}
	}
	if book := r.Result.book; book != nil {
		r.Target, r.Timeline = book.Target, timeline(*book)
		for _, id := range underWay(book.Steps) {
			if inner, err := findReport(ctx, c, id); err == nil { // one that has only just begun is left out
				r.Nested = append(r.Nested, inner)
			}
		}
	}
	return r, nil
}

// underWay are the ids of the runbooks inside that have not ended.
func underWay(steps []workflows.StepResult) (ids []string) {
	for _, step := range steps {
		switch {
		case step.WorkflowID == "":
			ids = append(ids, underWay(step.Items)...)
		case step.Status == workflows.StatusRunning:
			ids = append(ids, step.WorkflowID)
		}
	}
	return ids
}

// timeline is what happened in a runbook, in the order in which it did. Steps that ended in an earlier
// run are not part of it.
func timeline(r workflows.RunbookResult) []event {
	events := []event{{At: r.StartedAt, What: "started"}}
	var add func(steps []workflows.StepResult, path string)
	add = func(steps []workflows.StepResult, path string) {
		for _, step := range steps {
			if step.Resumed {
				continue
			}
			label := path + title(step)
			if step.StartedAt != nil {
				events = append(events, event{*step.StartedAt, label, "started"})
			}
			add(step.Items, label+" / ")
			if step.FinishedAt != nil {
				events = append(events, event{*step.FinishedAt, label, joined(", ", step.Status, step.InstanceID, step.Reason)})
			}
		}
	}
	add(r.Steps, "")
	for _, action := range r.Actions {
		what := action.Name + " by " + orElse(action.By, "somebody")
		events = append(events, event{action.At, action.Step, joined(": ", what, action.Comment)})
	}
	if r.FinishedAt != nil {
		events = append(events, event{At: *r.FinishedAt, What: joined(", ", r.Status, r.Reason)})
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.At.Compare(b.At) })
	return events
}
