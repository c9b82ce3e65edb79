package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/starter/graph"
	"github.com/dpaflow/dpaflow/workflows"
)

// report gathers what is known of a run.
func (c *console) report(ctx context.Context, id string) (report.Report, error) {
	return c.reports.get(ctx, id, func(ctx context.Context) (report.Report, error) { return report.Find(ctx, c.temporal, id) })
}

// named is the report of the run that an address names.
func (c *console) named(v *visit) (report.Report, error) {
	id := v.FormValue("id")
	if id == "" {
		return report.Report{}, failure{http.StatusBadRequest, errors.New("the address names no run")}
	}
	found, err := c.report(v.Context(), id)
	if err != nil {
		return found, failure{http.StatusNotFound, err}
	}
	return found, nil
}

// shownRun is a run as its page shows it.
type shownRun struct {
	report.Report
	Open     bool
	Waits    []asked
	Steps    []shownStep
	Drawn    bool
	UI       string
	Runbook  bool
	Settle   []string // actions on the run as a whole
	Together []report.Section
}

// shownStep is a line of the table of steps.
type shownStep struct {
	report.Step
	Depth int
}

func (c *console) showRun(w http.ResponseWriter, v *visit) error {
	found, err := c.named(v)
	if err != nil {
		return err
	}
	shown := shownRun{Report: found, Open: found.ClosedAt == nil, Runbook: found.Result.Runbook != nil, UI: c.temporalUI(found)}
	if shown.Runbook {
		_, err := c.document(v.Context(), found)
		shown.Drawn = err == nil
		shown.Steps = stepsOf(found.Result.Runbook.Steps)
	}
	if shown.Open {
		shown.Waits = waits(found)
		if shown.Runbook {
			shown.Settle = []string{"pause", "resume", "rollback", "abort"}
		} else {
			shown.Settle = []string{"ended SUCCESS", "ended FAIL"}
		}
	}
	for _, section := range found.Sections() {
		if section.Title == "" || section.Title == "Result" || section.Title == "Operators' actions" || section.Title == "Still running on the platform" || section.Title == "Variables" {
			shown.Together = append(shown.Together, section)
		}
	}
	p := c.page(v, "", shown)
	p.Name = found.Title()
	if shown.Open {
		p.Live = link("/run/live", "id", found.WorkflowID)
	}
	return c.pages.write(w, http.StatusOK, "run", p)
}

// asked is something that a run waits for a person for.
type asked struct {
	engine.WaitsFor
	Actions []string
}

// waits lists what a run waits for, with what can be done about it.
func waits(r report.Report) (list []asked) {
	answers := map[string][]string{
		engine.ForApproval: {"approve", "reject"}, engine.ForAnswer: {"answer"}, engine.ForDecision: {"retry", "skip", "abort"},
		engine.ForResume: {"resume", "abort"}, engine.ForDoubt: {"adopt", "retrigger", "give up"}, runs.ForOverdue: {"ended SUCCESS", "ended FAIL"},
	}
	add := func(w engine.WaitsFor) {
		actions := answers[w.Kind]
		if w.MayRun {
			actions = []string{"ended SUCCESS", "ended FAIL", "retry although it may run twice", "skip", "abort"}
		}
		list = append(list, asked{w, actions})
	}
	switch s := r.Result; {
	case s.Runbook != nil:
		for _, w := range s.Runbook.WaitsFor {
			add(w)
		}
	case s.Run != nil && s.Run.Phase == workflows.PhaseUnknown:
		add(engine.WaitsFor{Kind: engine.ForDoubt, Reason: s.Run.Reason})
	case s.Run != nil && s.Run.Overdue:
		add(engine.WaitsFor{Kind: runs.ForOverdue, Reason: report.Joined(": ", "no callback for long", s.Run.Hint), Since: s.Run.LastNewsAt})
	case s.Scene != nil && s.Scene.Phase == workflows.PhaseUnknown:
		list = append(list, asked{engine.WaitsFor{Kind: engine.ForDoubt, Reason: s.Scene.Reason}, []string{"retrigger", "give up"}})
	}
	return list
}

func stepsOf(steps []workflows.StepResult) (all []shownStep) {
	var add func([]workflows.StepResult, string, int)
	add = func(steps []workflows.StepResult, around string, depth int) {
		for _, step := range steps {
			line := report.Step{StepResult: step, Around: around}
			all = append(all, shownStep{line, depth})
			if step.Runbook != nil {
				add(step.Runbook.Steps, line.Path()+"/", depth+1)
			}
			add(slices.DeleteFunc(slices.Clone(step.Items), func(item workflows.StepResult) bool { return item.Runbook == nil }), around, depth+1)
		}
	}
	add(steps, "", 0)
	return all
}

// shownOne is a step as its page shows it.
type shownOne struct {
	report.Report
	Step    report.Step
	Path    string
	Open    bool
	Earlier []attempt
	Items   []report.Step
	Actions []string
}

type attempt struct {
	What string
	engine.Execution
}

func (c *console) showStep(w http.ResponseWriter, v *visit) error {
	found, err := c.named(v)
	if err != nil {
		return err
	}
	one := shownOne{Report: found, Path: v.FormValue("step"), Open: found.ClosedAt == nil}
	known := false
	if found.Result.Runbook != nil {
		report.EachStep(found.Result.Runbook.Steps, func(step report.Step, _ string) {
			if step.Path() == one.Path {
				one.Step, known = step, true
			}
		})
	}
	if !known {
		return failure{http.StatusNotFound, fmt.Errorf("the run has no step %q", one.Path)}
	}
	for what, x := range report.EarlierOf(one.Step.StepResult) {
		one.Earlier = append(one.Earlier, attempt{what, *x})
	}
	for _, item := range one.Step.Items {
		one.Items = append(one.Items, report.Step{StepResult: item, Around: one.Step.Around})
	}
	if one.Open {
		one.Actions = []string{"retry", "skip", "ended SUCCESS", "ended FAIL"}
		if x := one.Step.Rollback; x != nil && x.Status == runbook.StatusRunning {
			one.Actions = append(one.Actions, "abort")
		}
	}
	p := c.page(v, "", one)
	p.Name = one.Step.Label()
	if one.Open {
		p.Live = link("/run/live", "id", found.WorkflowID)
	}
	return c.pages.write(w, http.StatusOK, "step", p)
}

// drawable is a runbook as it was started, checked.
type drawable struct{ *runbook.Document }

// document reads the runbook of a run from the beginning of its history.
func (c *console) document(ctx context.Context, r report.Report) (drawable, error) {
	return c.documents.get(ctx, r.RunID, func(ctx context.Context) (drawable, error) {
		history, err := c.temporal.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: c.namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: r.WorkflowID, RunId: r.RunID}, MaximumPageSize: 1,
			HistoryEventFilterType: enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
		})
		if err != nil {
			return drawable{}, fmt.Errorf("read the runbook of %s: %w", r.WorkflowID, err)
		}
		var in workflows.RunbookInput
		for _, event := range history.GetHistory().GetEvents() {
			payloads := event.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()
			if len(payloads) == 0 {
				break
			}
			if err := c.converter.FromPayload(payloads[0], &in); err != nil {
				return drawable{}, fmt.Errorf("read the runbook of %s: %w", r.WorkflowID, err)
			}
		}
		if err := in.Document.Validate(); err != nil {
			return drawable{}, err
		}
		return drawable{&in.Document}, nil
	})
}

func (c *console) showGraph(w http.ResponseWriter, v *visit) error {
	found, err := c.named(v)
	if err != nil {
		return err
	}
	if found.Result.Runbook == nil {
		return failure{http.StatusNotFound, errors.New("the run is no runbook")}
	}
	document, err := c.document(v.Context(), found)
	if err != nil {
		return failure{http.StatusNotFound, err}
	}
	statuses := map[string]string{}
	report.EachStep(found.Result.Runbook.Steps, func(step report.Step, _ string) { statuses[step.Path()] = step.Status })
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // its own style, and nothing else
	_, err = w.Write(graph.SVG(document.Document, statuses))
	return err
}

// temporalUI is where Temporal's own page shows the run.
func (c *console) temporalUI(r report.Report) string {
	if c.cfg.TemporalUI == "" {
		return ""
	}
	return c.cfg.TemporalUI + "/namespaces/" + url.PathEscape(c.namespace) + "/workflows/" + url.PathEscape(r.WorkflowID) + "/" + url.PathEscape(r.RunID)
}

// link is an address of the console with values that may be anything.
func link(path string, pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + values.Encode()
}
