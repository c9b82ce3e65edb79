package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/workflows"
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
				open = slices.DeleteFunc(open, func(r openRun) bool { return !r.needs(needsMe) })
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

// openRun is a run that has not ended.
type openRun struct {
	WorkflowID string    `json:"workflowId"`
	RunID      string    `json:"runId"`
	Type       string    `json:"type"`
	What       string    `json:"what,omitempty"`   // the runbook's name, or the ids of the plans and models
	Status     string    `json:"status,omitempty"` // DpaStatus; empty where nothing has been triggered or attributes are missing
	StartedAt  time.Time `json:"startedAt"`
	// WaitsFor is what it waits for a person for.
	WaitsFor []engine.WaitsFor `json:"waitsFor,omitempty"`
	// Unanswered says why it could not be asked that.
	Unanswered string `json:"unanswered,omitempty"`
}

// The kinds of engine.WaitsFor of runs that are no runbooks, or that nothing can be asked.
const (
	forOverdue = "overdue"
	forUnpause = "unpause"
)

// askedAtOnce is how many runs are asked side by side.
const askedAtOnce = 8

// openRuns lists the open runs: those that wait for a person first, of these the one that has waited longest first.
func openRuns(ctx context.Context, c client.Client) ([]openRun, error) {
	query := "WorkflowType IN ('RunPlan', 'RunModel', 'Runbook', 'TimedPlan') AND CloseTime IS NULL"
	open := []openRun{}
	var asked errgroup.Group
	asked.SetLimit(askedAtOnce)
	var listed []*workflowpb.WorkflowExecutionInfo
	for page := []byte(nil); ; {
		found, err := read(ctx, func(ctx context.Context) (*workflowservice.ListWorkflowExecutionsResponse, error) {
			return c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: page})
		})
		if err != nil {
			return nil, fmt.Errorf("list the open runs: %w", err)
		}
		listed = append(listed, found.GetExecutions()...)
		if page = found.GetNextPageToken(); len(page) == 0 {
			break
		}
	}
	for _, info := range listed {
		open = append(open, newOpenRun(info))
	}
	for i, info := range listed {
		if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED || open[i].Status == "" || needsSomebody[open[i].Status] {
			asked.Go(func() error { open[i].ask(ctx, c); return ctx.Err() })
		}
	}
	if err := asked.Wait(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(open, func(a, b openRun) int {
		return cmp.Or(cmp.Compare(min(len(b.WaitsFor), 1), min(len(a.WaitsFor), 1)), a.since().Compare(b.since()))
	})
	return open, nil
}

// needsSomebody are the values of DpaStatus of runs that a person must look at.
var needsSomebody = map[string]bool{
	workflows.IndexedUnknown: true, workflows.IndexedPaused: true, workflows.IndexedApproval: true, workflows.IndexedOverdue: true,
}

func newOpenRun(info *workflowpb.WorkflowExecutionInfo) openRun {
	attribute := func(name string) (values []string) {
		payload := info.GetSearchAttributes().GetIndexedFields()[name]
		if payload == nil {
			return nil
		}
		if converter.GetDefaultDataConverter().FromPayload(payload, &values) != nil {
			values = make([]string, 1)
			_ = converter.GetDefaultDataConverter().FromPayload(payload, &values[0]) // empty where it is no text either
		}
		return values
	}
	what := strings.Join(attribute(workflows.AttributeRunbook.GetName()), "")
	if what == "" {
		what = strings.Join(append(attribute(workflows.AttributePlanID.GetName()), attribute(workflows.AttributeModelID.GetName())...), ", ")
	}
	return openRun{
		WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(), Type: info.GetType().GetName(),
		What: what, Status: strings.Join(attribute(workflows.AttributeStatus.GetName()), ""), StartedAt: info.GetStartTime().AsTime(),
	}
}

// ask asks the run what it waits for.
func (r *openRun) ask(ctx context.Context, c client.Client) {
	now, err := queryState(ctx, c, r.WorkflowID, r.RunID)
	stopped := new(paused)
	switch {
	case errors.As(err, stopped):
		since := stopped.info.GetPausedTime().AsTime()
		r.WaitsFor = []engine.WaitsFor{{
			Kind: forUnpause, Reason: "paused in Temporal by " + stopped.info.GetIdentity(), Since: &since,
			Command: "temporal workflow unpause --workflow-id " + quote(r.WorkflowID),
		}}
	case err != nil:
		r.Unanswered = orElse(unanswered(err), err.Error())
		if r.Status != "" {
			r.WaitsFor = []engine.WaitsFor{{Kind: strings.ToLower(r.Status), Command: "starter status " + quote(r.WorkflowID)}}
		}
	case now.book != nil:
		r.WaitsFor = now.book.WaitsFor
	case now.run != nil && now.run.Phase == workflows.PhaseUnknown:
		r.WaitsFor = []engine.WaitsFor{{
			Kind: engine.ForDoubt, Reason: now.run.Reason, Since: &now.run.StartedAt,
			Command: "starter resolve " + quote(r.WorkflowID) + " --adopt INSTANCE, or --retrigger or --abort",
		}}
	case now.scene != nil && now.scene.Phase == workflows.PhaseUnknown:
		r.WaitsFor = []engine.WaitsFor{{
			Kind: engine.ForDoubt, Reason: now.scene.Reason, Since: &r.StartedAt,
			Command: "starter resolve " + quote(r.WorkflowID) + " --retrigger or --abort",
		}}
	case now.run != nil && now.run.Overdue:
		r.WaitsFor = []engine.WaitsFor{{
			Kind: forOverdue, Reason: joined(": ", "no callback for long", now.run.Hint), Since: now.run.LastNewsAt,
			Command: "starter resolve " + quote(r.WorkflowID) + " --status SUCCESS|FAIL",
		}}
	}
}

// needs reports whether the run waits for something that somebody may answer.
func (r openRun) needs(who string) bool {
	return slices.ContainsFunc(r.WaitsFor, func(w engine.WaitsFor) bool { return len(w.Who) == 0 || slices.Contains(w.Who, who) })
}

// since is how long the run has waited for somebody, or been open.
func (r openRun) since() time.Time {
	since := r.StartedAt
	for i, waits := range r.WaitsFor {
		if waits.Since != nil && (i == 0 || waits.Since.Before(since)) {
			since = *waits.Since
		}
	}
	return since
}

// lines are the run for people, none wider than columns where that is not 0.
func (r openRun) lines(now time.Time, columns int) []string {
	lines := wrap(joined("  ", r.WorkflowID, r.Type, r.What, r.Status, "open for "+span(now.Sub(r.StartedAt))), columns, "  ")
	for _, w := range r.WaitsFor {
		answers := ""
		if w.Need > 0 {
			answers = fmt.Sprintf(" (%d of %d%s)", w.Have, w.Need, of(w.Who))
		}
		what := joined(": ", joined(" ", w.Kind, w.Step), w.Reason+answers)
		lines = append(lines, wrap("  "+joined(", ", what, sinceUntil(w, now)), columns, "    ")...)
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
		text = "for " + span(now.Sub(*w.Since))
	}
	if w.Until != nil {
		text = joined(", ", text, "until "+at(w.Until))
	}
	return text
}
