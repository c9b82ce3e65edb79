package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/workflows"
)

func (a *app) watch() *cobra.Command {
	return &cobra.Command{
		Use:   "watch WORKFLOW",
		Short: "Follow a run to its end",
		Args:  exactly("WORKFLOW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			temporal, _, err := a.temporal(cmd.Context())
			if err != nil {
				return err
			}
			defer temporal.Close()
			return a.follow(cmd.Context(), temporal, temporal.GetWorkflow(cmd.Context(), args[0], ""))
		},
	}
}

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
	for _, row := range [][2]string{
		{"Plan", s.PlanID}, {"Phase", string(s.Phase)}, {"Instance", s.InstanceID}, {"Status", s.Status},
		{"Observed by", s.ObservedBy}, {"Reason", s.Reason}, {"Started", at(&s.StartedAt)},
		{"Triggered", at(s.TriggeredAt)}, {"Last news", at(s.LastNewsAt)}, {"Finished", at(s.FinishedAt)},
		{"Gives up", at(&s.Deadline)},
	} {
		if row[1] != "" {
			t.AppendRow(table.Row{row[0], row[1]})
		}
	}
	for _, note := range s.Notes {
		t.AppendRow(table.Row{"Note " + at(&note.At), note.Text})
	}
	for _, action := range s.Actions {
		t.AppendRow(table.Row{"Action " + at(&action.At), strings.Join([]string{action.Name, action.By, action.Comment}, " ")})
	}
}

// lookEvery is how often a followed run is asked where it stands.
const lookEvery = 500 * time.Millisecond

// follow shows a run's progress until it has ended, and then its result. A break leaves the run alone.
func (a *app) follow(ctx context.Context, c client.Client, run client.WorkflowRun) error {
	var result json.RawMessage
	ended := make(chan error, 1)
	go func() { ended <- run.Get(ctx, &result) }()

	fmt.Fprintf(a.log, "run %s\n", run.GetID())
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for last := ""; ; {
		select {
		case err := <-ended:
			if ctx.Err() != nil {
				fmt.Fprintf(a.log, "no longer watching; the run goes on: starter watch %s\n", run.GetID())
				return ctx.Err()
			}
			return a.finish(run, result, err)
		case <-ticker.C:
			// A run that cannot be asked just now is followed all the same.
			status, err := queryStatus(ctx, c, run.GetID(), run.GetRunID())
			if line := progress(status); err == nil && line != last {
				fmt.Fprintln(a.log, time.Now().Format("15:04:05"), line)
				last = line
			}
		}
	}
}

func progress(s workflows.Status) string {
	line := fmt.Sprintf("%-10s", s.Phase)
	for _, part := range []string{s.InstanceID, s.Status, s.Reason} {
		if part != "" {
			line += " " + part
		}
	}
	return line
}

// finish shows how a run ended, and decides the exit status.
func (a *app) finish(run client.WorkflowRun, result json.RawMessage, err error) error {
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return fmt.Errorf("there is no run %q; it may be older than the namespace keeps", run.GetID())
	}
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) && failed.HasDetails() {
		_ = failed.Details(&result) // the error says enough where its details are of another form
	}
	if len(result) > 0 {
		if err := a.showResult(result); err != nil {
			return err
		}
	}
	switch {
	case err == nil:
		return nil
	case failed == nil:
		return exit{exitFailed, err}
	}
	code := exitFailed
	switch failed.Type() {
	case activities.ErrorTriggerOutcomeUnknown, activities.ErrorWaitTimeout:
		code = exitInDoubt
	}
	return exit{code, fmt.Errorf("%s: %s", failed.Type(), failed.Message())}
}

// showResult prints a run's result, or a failure's details, which have the same form.
func (a *app) showResult(raw json.RawMessage) error {
	if a.json {
		return a.print(raw, nil)
	}
	var r workflows.PlanResult
	if err := json.Unmarshal(raw, &r); err != nil || r.PlanID == "" {
		return nil // the details of InvalidInput, which its message tells as well
	}
	return a.print(r, func(t table.Writer) {
		t.AppendRow(table.Row{"Plan", r.PlanID})
		t.AppendRow(table.Row{"Instance", r.InstanceID})
		t.AppendRow(table.Row{"Status", r.Status + " (" + r.ObservedBy + ")"})
		t.AppendRow(table.Row{"Triggered", at(&r.TriggeredAt)})
		t.AppendRow(table.Row{"Finished", at(&r.FinishedAt)})
		for _, model := range r.Outputs {
			for _, node := range model.Nodes {
				t.AppendRow(table.Row{model.ModelName + " / " + node.Name, node.Result})
			}
		}
	})
}
