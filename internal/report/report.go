// Package report gathers what is known of a run, and writes it down for people.
package report

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// Report is all that is known of a run.
type Report struct {
	WorkflowID string     `json:"workflowId"`
	RunID      string     `json:"runId"`
	State      string     `json:"state"` // Temporal's word: Running, Completed, Failed, Terminated …
	StartedAt  time.Time  `json:"startedAt"`
	ClosedAt   *time.Time `json:"closedAt,omitempty"`
	// Elapsed is how long it took, or has taken so far; Target, of a runbook, how long it should take.
	Elapsed  runbook.Duration `json:"elapsed"`
	Target   runbook.Duration `json:"target,omitzero"`
	Error    string           `json:"error,omitempty"`
	Timeline []Event          `json:"timeline,omitempty"`
	// Result is the run's own answer; null if it can give none any more.
	Result State `json:"result"`
}

// Event is one thing that happened in a runbook.
type Event struct {
	At   time.Time `json:"at"`
	Step string    `json:"step,omitempty"`
	What string    `json:"what"`
}

// Find gathers what is known of the latest run of a workflow. The error says that there is none, or that it cannot be
// asked now.
func Find(ctx context.Context, c client.Client, workflowID string) (Report, error) {
	described, err := Read(ctx, func(ctx context.Context) (*client.WorkflowExecutionDescription, error) {
		return c.DescribeWorkflow(ctx, workflowID, "")
	})
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return Report{}, fmt.Errorf("there is no run %q; it may be older than the namespace keeps", workflowID)
	}
	if err != nil {
		return Report{}, fmt.Errorf("look up run %q: %w", workflowID, err)
	}
	r := Report{
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
		if result = OrDetails(result, err); len(result) > 0 {
			err = errors.Join(err, json.Unmarshal(result, &r.Result))
		}
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if err != nil {
			r.Error = Failure(err).Error()
		}
	}
	if !r.Result.Known() {
		// A run that was terminated, or refused, still knows how far it had come.
		r.Result, err = Query(ctx, c, workflowID, r.RunID)
		if stopped := new(runs.Paused); errors.As(err, stopped) {
			r.Error = stopped.Error()
		} else if err != nil && r.ClosedAt == nil {
			return r, fmt.Errorf("ask run %q for its status: %w", workflowID, err)
		}
	}
	if book := r.Result.Runbook; book != nil {
		r.Target, r.Timeline = book.Target, Timeline(*book)
	}
	return r, nil
}

// Timeline is what happened in a runbook, in the order in which it did. Steps that ended in an earlier
// run are not part of it.
func Timeline(r workflows.RunbookResult) []Event {
	events := []Event{{At: r.StartedAt, What: Joined(" by ", "started", r.StartedBy)}}
	execution := func(label, what string, x *engine.Execution) {
		if x.StartedAt != nil {
			events = append(events, Event{*x.StartedAt, label, what + "started"})
		}
		if x.FinishedAt != nil {
			events = append(events, Event{*x.FinishedAt, label, what + Joined(", ", x.Status, x.InstanceID, x.Reason)})
		}
	}
	EachStep(r.Steps, func(step Step, label string) {
		if !step.Resumed {
			for what, x := range EarlierOf(step.StepResult) {
				execution(label, what+" ", x)
			}
			execution(label, "", &step.Execution)
		}
		if step.Rollback != nil {
			execution(label, "rollback ", step.Rollback)
		}
	})
	for _, action := range r.Actions {
		what := action.Name + " by " + cmp.Or(action.By, "somebody")
		events = append(events, Event{action.At, action.Step, Joined(": ", what, action.Comment)})
	}
	for _, note := range r.Notes {
		events = append(events, Event{note.At, note.Step, "note: " + note.Text})
	}
	if r.FinishedAt != nil {
		events = append(events, Event{At: *r.FinishedAt, What: Joined(", ", r.Status, r.Reason)})
	}
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	return events
}

// OrDetails is a run's result, or the details of its failure, which have the same form.
func OrDetails(result json.RawMessage, err error) json.RawMessage {
	var detailed interface {
		error
		HasDetails() bool
		Details(into ...any) error
	}
	if errors.As(err, &detailed) && detailed.HasDetails() {
		_ = detailed.Details(&result) // the error says enough where its details are of another form
	}
	return result
}

// Failure is a run's failure for people: its type and its message.
func Failure(err error) error {
	var failed *temporal.ApplicationError
	if !errors.As(err, &failed) {
		return err
	}
	return fmt.Errorf("%s: %s", failed.Type(), failed.Message())
}
