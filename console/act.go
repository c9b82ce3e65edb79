package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/runbook"
)

// action is a button: the update that it sends, and what happens then.
type action struct {
	Update string
	With   map[string]any // of its argument, besides step, by and comment
	Takes  string         // a field that it needs: instanceId, values or outputs
	Says   string         // what will happen
}

// actions are all buttons, by what is written on them.
var actions = map[string]action{
	"approve": {Update: "approve", Says: "The approval counts for you. When enough have approved, the run goes on."},
	"reject":  {Update: "reject", Says: "The step fails, and what the runbook says for failures happens."},
	"answer":  {Update: "answer", Takes: "values", Says: "These values become the step's outputs, and the run goes on."},
	"retry":   {Update: "retry", Says: "The step runs again: its plan or model is triggered once more."},
	"retry although it may run twice": {
		Update: "retry", With: map[string]any{"mayRunTwice": true},
		Says: "The step runs again, although the platform may still run what was triggered before: it may run twice.",
	},
	"skip":          {Update: "skip", Takes: "outputs", Says: "The run goes on as if the step had succeeded. Nothing is triggered for it."},
	"pause":         {Update: "pause", Says: "Nothing new is triggered until somebody resumes. What runs on the platform goes on."},
	"resume":        {Update: "resume", Says: "The run goes on."},
	"rollback":      {Update: "rollback", Says: "Nothing more starts. What runs is waited for, then everything that succeeded is undone, and the run ends as failed."},
	"abort":         {Update: "abort", Says: "The run, or the rollback of the step, ends. What runs on the platform goes on there: it cannot be cancelled."},
	"ended SUCCESS": {Update: "resolveRun", With: map[string]any{"status": "SUCCESS"}, Says: "You say that the instance ended well, as the platform shows. The run goes on by your word."},
	"ended FAIL":    {Update: "resolveRun", With: map[string]any{"status": "FAIL"}, Says: "You say that the instance failed, as the platform shows. The run goes on by your word."},
	"adopt":         {Update: "resolveTrigger", With: map[string]any{"action": "adopt"}, Takes: "instanceId", Says: "You have seen on the platform which instance the trigger started. The run waits for it."},
	"retrigger":     {Update: "resolveTrigger", With: map[string]any{"action": "retrigger"}, Says: "You have made sure on the platform that the trigger started nothing. It is sent again: if you are wrong, it runs twice."},
	"give up":       {Update: "resolveTrigger", With: map[string]any{"action": "abort"}, Says: "The run gives this trigger up. What may run on the platform goes on there."},
}

// asking is an action before it is confirmed, or after it was refused.
type asking struct {
	action
	ID, Step, Name, By, Comment string
	Instance, Outputs           string
	Fields                      []field
	Question                    string
	Refused                     string
}

func (c *console) asking(v *visit) (asking, error) {
	a := asking{
		ID: v.FormValue("id"), Step: v.FormValue("step"), Name: v.FormValue("action"), By: strings.TrimSpace(v.FormValue("by")),
		Comment: strings.TrimSpace(v.FormValue("comment")), Instance: strings.TrimSpace(v.FormValue("instanceId")), Outputs: v.FormValue("outputs"),
	}
	known, ok := actions[a.Name]
	if !ok || a.ID == "" {
		return a, failure{http.StatusBadRequest, errors.New("the form names no run, or no action that there is")}
	}
	a.action = known
	if a.Takes == "values" {
		found, err := c.report(v.Context(), a.ID)
		if err != nil {
			return a, failure{http.StatusNotFound, err}
		}
		for _, w := range waits(found) {
			if w.Step == a.Step && w.Kind == engine.ForAnswer {
				a.Question, a.Fields = w.Reason, fieldsOf(w.Fields, v)
			}
		}
	}
	return a, c.mayAct(v)
}

// confirm says what an action will do, and asks for a comment.
func (c *console) confirm(w http.ResponseWriter, v *visit) error {
	a, err := c.asking(v)
	if err != nil {
		return err
	}
	return c.showAsking(w, v, http.StatusOK, a)
}

func (c *console) showAsking(w http.ResponseWriter, v *visit, status int, a asking) error {
	return c.pages.write(w, status, "act", c.page(v, "Confirm", a))
}

// act does what was confirmed, or shows why not where it was asked for.
func (c *console) act(w http.ResponseWriter, v *visit) error {
	a, err := c.asking(v)
	if err != nil {
		return err
	}
	if c.cfg.Issuer != "" {
		a.By = v.session.Name
	}
	argument, err := a.argument()
	if err == nil {
		err = runs.Act(v.Context(), c.temporal, runs.Action{
			WorkflowID: a.ID, Name: a.Update, Argument: argument, Keys: c.cfg.OperatorKeys, Subject: v.session.Subject,
		}, new(report.State))
	}
	outcome := "done"
	if err != nil {
		outcome = "refused"
	}
	c.acted.Add(v.Context(), 1, metric.WithAttributes(attribute.String("action", a.Update), attribute.String("outcome", outcome)))
	c.log.Info("an operator acts", "workflow", a.ID, "action", a.Update, "step", a.Step, "by", a.By, "subject", v.session.Subject, "outcome", outcome)
	c.reports.forget(a.ID)
	c.listed.values.Purge()
	if err != nil {
		a.Refused = err.Error()
		return c.showAsking(w, v, http.StatusConflict, a)
	}
	http.Redirect(w, v.Request, link("/run", "id", a.ID, "done", a.Name), http.StatusSeeOther)
	return nil
}

// argument is that of the update.
func (a asking) argument() (map[string]any, error) {
	if a.By == "" {
		return nil, errors.New("who acts is missing: write your name")
	}
	in := map[string]any{"by": a.By}
	maps.Copy(in, a.With)
	if a.Step != "" {
		in["step"] = a.Step
	}
	if a.Comment != "" {
		in["comment"] = a.Comment
	}
	switch a.Takes {
	case "instanceId":
		in["instanceId"] = a.Instance
	case "outputs":
		outputs := map[string]string{}
		for line := range strings.Lines(a.Outputs) {
			if line = strings.TrimRight(line, "\r\n"); line == "" {
				continue
			}
			name, value, found := strings.Cut(line, "=")
			if !found || name == "" {
				return nil, fmt.Errorf("each line of outputs must be NAME=value, got %q", line)
			}
			outputs[name] = value
		}
		if len(outputs) > 0 {
			in["outputs"] = outputs
		}
	case "values":
		values, err := read(a.Fields)
		if err != nil {
			return nil, err
		}
		in["values"] = values
	}
	return in, nil
}

// field is an input of a form, made from a variable.
type field struct {
	Name string
	runbook.Var
	Typed string
	Given bool
	Wrong string
}

// fieldsOf makes the inputs of variables, with what was typed into them.
func fieldsOf(declared map[string]runbook.Var, v *visit) (fields []field) {
	for name := range runbook.Sorted(declared) {
		fields = append(fields, fieldOf(name, declared[name], v))
	}
	return fields
}

func fieldOf(name string, declared runbook.Var, v *visit) field {
	f := field{Name: name, Var: declared}
	if f.Default != nil {
		f.Typed = report.Written(f.Default)
	}
	if typed, given := v.Form["value:"+name]; given {
		f.Typed, f.Given = strings.ReplaceAll(typed[0], "\r\n", "\n"), true
	}
	return f
}

// read reads what was typed by its type, and notes on each field what is wrong with it. What is left empty is not given.
func read(fields []field) (map[string]any, error) {
	values, wrong := map[string]any{}, []error(nil)
	for i := range fields {
		f := &fields[i]
		if !f.Given || f.Typed == "" {
			continue
		}
		value, err := f.Read(f.Typed)
		if err != nil {
			f.Wrong = err.Error()
			wrong = append(wrong, fmt.Errorf("%s: %w", f.Name, err))
			continue
		}
		values[f.Name] = value
	}
	return values, errors.Join(wrong...)
}

// Options are the values that a field may have, as they are typed; none where it may have any.
func (f field) Options() (options []string) {
	if f.Type == runbook.BooleanVar && len(f.Enum) == 0 {
		return []string{"true", "false"}
	}
	for _, value := range f.Enum {
		options = append(options, report.Written(value))
	}
	return options
}
