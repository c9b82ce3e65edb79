// Package runs lists the namespace's runs, and asks those that need somebody what they wait for.
package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/shell"
	"github.com/dpaflow/dpaflow/workflows"
)

// Run is a run as Temporal lists it, with what it waits for where it was asked.
type Run struct {
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

	// Temporal is how Temporal says that it stands; ClosedAt is zero while it is open.
	Temporal enumspb.WorkflowExecutionStatus `json:"-"`
	ClosedAt time.Time                       `json:"-"`
}

// The kinds of engine.WaitsFor of runs that are no runbooks, or that nothing can be asked.
const (
	ForOverdue = "overdue"
	ForUnpause = "unpause"
)

// askedAtOnce is how many runs are asked side by side.
const askedAtOnce = 8

// queryTimeout is how long a worker may take to answer for a run.
const queryTimeout = 10 * time.Second

// Types are dpaflow's own workflow types that run something, as a list of a visibility query.
const Types = "('RunPlan', 'RunModel', 'Runbook', 'TimedPlan')"

// Attention are the values of DpaStatus of runs that a person must look at.
func Attention() []string {
	return []string{workflows.IndexedUnknown, workflows.IndexedPaused, workflows.IndexedApproval, workflows.IndexedOverdue}
}

// Literal keeps a word within the quotes of a visibility query.
func Literal(word string) string { return strings.ReplaceAll(word, "'", "''") }

// List returns the runs that a visibility query finds, all pages of them.
func List(ctx context.Context, c client.Client, query string) ([]Run, error) {
	return list(ctx, c, &workflowservice.ListWorkflowExecutionsRequest{Query: query}, true)
}

// First returns the newest runs that a visibility query finds.
func First(ctx context.Context, c client.Client, query string, most int32) ([]Run, error) {
	return list(ctx, c, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: most}, false)
}

func list(ctx context.Context, c client.Client, request *workflowservice.ListWorkflowExecutionsRequest, all bool) ([]Run, error) {
	found := []Run{}
	for {
		listed, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, info := range listed.GetExecutions() {
			found = append(found, newRun(info))
		}
		if request.NextPageToken = listed.GetNextPageToken(); !all || len(request.NextPageToken) == 0 {
			return found, nil
		}
	}
}

// Since is how long the run has waited for somebody, or been open.
func (r Run) Since() time.Time {
	since := r.StartedAt
	for i, waits := range r.WaitsFor {
		if waits.Since != nil && (i == 0 || waits.Since.Before(since)) {
			since = *waits.Since
		}
	}
	return since
}

// Sort puts those that wait for a person first, of these the one that has waited longest first.
func Sort(listed []Run) {
	slices.SortStableFunc(listed, func(a, b Run) int {
		return cmp.Or(cmp.Compare(min(len(b.WaitsFor), 1), min(len(a.WaitsFor), 1)), a.Since().Compare(b.Since()))
	})
}

func newRun(info *workflowpb.WorkflowExecutionInfo) Run {
	attribute := func(name string) (values []string) {
		payload := info.GetSearchAttributes().GetIndexedFields()[name]
		if payload == nil {
			return nil
		}
		if converter.GetDefaultDataConverter().FromPayload(payload, &values) != nil {
			values = make([]string, 1)
			_ = converter.GetDefaultDataConverter().FromPayload(payload, &values[0]) // empty where it is no string either
		}
		return values
	}
	what := strings.Join(attribute(workflows.AttributeRunbook.GetName()), "")
	if what == "" {
		what = strings.Join(append(attribute(workflows.AttributePlanID.GetName()), attribute(workflows.AttributeModelID.GetName())...), ", ")
	}
	r := Run{
		WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(), Type: info.GetType().GetName(),
		What: what, Status: strings.Join(attribute(workflows.AttributeStatus.GetName()), ""), StartedAt: info.GetStartTime().AsTime(),
		Temporal: info.GetStatus(),
	}
	if closed := info.GetCloseTime(); closed != nil {
		r.ClosedAt = closed.AsTime()
	}
	return r
}

// Ask asks those runs what they wait for that need somebody, or that Temporal lists without a status. Its only error is
// the context's.
func Ask(ctx context.Context, c client.Client, listed []Run) error {
	var asked errgroup.Group
	asked.SetLimit(askedAtOnce)
	for i := range listed {
		r := &listed[i]
		if r.Temporal == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED || r.Status == "" || slices.Contains(Attention(), r.Status) {
			asked.Go(func() error { r.ask(ctx, c); return ctx.Err() })
		}
	}
	return asked.Wait()
}

// Query asks a run where it stands, of its latest if runID is empty. One that is paused in Temporal is a [Paused] error.
func Query(ctx context.Context, c client.Client, workflowID, runID string, into any) error {
	bounded, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	answer, err := c.QueryWorkflow(bounded, workflowID, runID, "status")
	if err == nil {
		err = answer.Get(into)
	}
	return OrPaused(ctx, c, workflowID, runID, err)
}

// answer is what is read of any run's status.
type answer struct {
	Phase      workflows.Phase   `json:"phase"`
	Reason     string            `json:"reason"`
	Hint       string            `json:"hint"`
	SceneName  string            `json:"sceneName"`
	LastNewsAt *time.Time        `json:"lastNewsAt"`
	DoubtSince *time.Time        `json:"doubtSince"`
	Overdue    bool              `json:"overdue"`
	WaitsFor   []engine.WaitsFor `json:"waitsFor"`
	Steps      []step            `json:"steps"`
}

// step is a step of a runbook, an item or a rollback.
type step struct {
	ID        string     `json:"id"`
	Status    string     `json:"status"`
	Overdue   bool       `json:"overdue"`
	StartedAt *time.Time `json:"startedAt"`
	Rollback  *step      `json:"rollback"`
	Items     []step     `json:"items"`
	Runbook   *answer    `json:"runbook"`
}

// ask asks the run what it waits for.
func (r *Run) ask(ctx context.Context, c client.Client) {
	var now answer
	err := Query(ctx, c, r.WorkflowID, r.RunID, &now)
	var stopped Paused
	switch {
	case errors.As(err, &stopped):
		since := stopped.Info.GetPausedTime().AsTime()
		r.WaitsFor = []engine.WaitsFor{{
			Kind: ForUnpause, Reason: "paused in Temporal by " + stopped.Info.GetIdentity(), Since: &since, Command: stopped.command(),
		}}
	case err != nil:
		r.Unanswered = cmp.Or(Unanswered(err), err.Error())
		if r.Status != "" {
			r.WaitsFor = []engine.WaitsFor{{Kind: strings.ToLower(r.Status), Command: r.command("status")}}
		}
	default:
		r.WaitsFor = now.waits(r)
	}
}

func (now answer) waits(r *Run) []engine.WaitsFor {
	since := cmp.Or(now.DoubtSince, &r.StartedAt)
	switch {
	case now.Steps != nil:
		return append(now.WaitsFor, overdue(r, "", now.Steps)...)
	case now.Phase == workflows.PhaseUnknown && now.SceneName != "":
		return []engine.WaitsFor{{
			Kind: engine.ForDoubt, Reason: now.Reason, Since: since, Command: r.command("resolve") + " --retrigger or --abort",
		}}
	case now.Phase == workflows.PhaseUnknown:
		return []engine.WaitsFor{{
			Kind: engine.ForDoubt, Reason: now.Reason, Since: since,
			Command: r.command("resolve") + " --adopt INSTANCE, or --retrigger or --abort",
		}}
	case now.Overdue:
		reason := "no callback for long"
		if now.Hint != "" {
			reason += ": " + now.Hint
		}
		return []engine.WaitsFor{{
			Kind: ForOverdue, Reason: reason, Since: now.LastNewsAt, Command: r.command("resolve") + " --status SUCCESS|FAIL",
		}}
	}
	return nil
}

// overdue lists the steps whose executions have had no callback for long.
func overdue(r *Run, path string, steps []step) (list []engine.WaitsFor) {
	for _, s := range steps {
		for _, x := range []*step{&s, s.Rollback} {
			if x != nil && x.Overdue && x.Status == workflows.StatusRunning {
				list = append(list, engine.WaitsFor{
					Kind: ForOverdue, Step: path + s.ID, Reason: "no callback for long", Since: x.StartedAt,
					Command: r.command("resolve") + " --step " + shell.Quote(path+s.ID) + " --status SUCCESS|FAIL",
				})
			}
		}
		list = append(list, overdue(r, path, s.Items)...)
		if s.Runbook != nil {
			list = append(list, overdue(r, path+s.ID+"/", s.Runbook.Steps)...)
		}
	}
	return list
}

func (r *Run) command(verb string) string {
	return fmt.Sprintf("starter %s %s", verb, shell.Quote(r.WorkflowID))
}

// Needs reports whether the run waits for something that somebody may answer.
func (r Run) Needs(who string) bool {
	return slices.ContainsFunc(r.WaitsFor, func(w engine.WaitsFor) bool { return len(w.Who) == 0 || slices.Contains(w.Who, who) })
}
