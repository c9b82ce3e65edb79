package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// starting is a run that somebody fills in: a runbook, a plan or a model, by its kind.
type starting struct {
	Kind, Name  string // a runbook's is its file
	Title       string
	Description string
	Fields      []field
	By          string
	WorkflowID  string // made with the form, so that a form that is sent twice starts one run
	Checked     bool   // a dry run found nothing wrong
	Steps       []shownStep
	Wrong       string

	document *runbook.Document
}

// dryRunLasts is how long a page waits for a dry run.
const dryRunLasts = 14 * time.Second

// form shows what a run takes.
func (c *console) form(w http.ResponseWriter, v *visit) error {
	s, err := c.starting(v)
	if err != nil {
		return err
	}
	return c.showForm(w, v, http.StatusOK, s)
}

func (c *console) showForm(w http.ResponseWriter, v *visit, status int, s starting) error {
	p := c.page(v, "", s)
	p.Name = s.Title
	return c.pages.write(w, status, "form", p)
}

// starting reads what is to be started, and what was typed for it.
func (c *console) starting(v *visit) (starting, error) {
	s := starting{Kind: v.FormValue("kind"), Name: v.FormValue("name"), By: strings.TrimSpace(v.FormValue("by")), WorkflowID: v.FormValue("workflowId")}
	if err := c.mayAct(v); err != nil {
		return s, err
	}
	var err error
	switch s.Kind {
	case "runbook":
		if s.document, err = c.readRunbook(s.Name); err != nil {
			return s, err
		}
		s.Title, s.Description = s.document.Name, s.document.Description
		for _, input := range s.document.Inputs() {
			if input.SecretRef == "" {
				s.Fields = append(s.Fields, fieldOf(input.Name, input.Var, v))
			}
		}
	case "plan":
		var models []platform.ModelInputs
		models, err = asks[[]platform.ModelInputs](v.Context(), c, "PlanInputs", s.Name)
		s.Title = "plan " + s.Name
		for _, model := range models {
			for _, input := range model.Inputs {
				s.Fields = append(s.Fields, fieldOf(model.ModelID+"."+input.Name, runbook.Var{Description: model.ModelName}, v))
			}
		}
	case "model":
		var inputs []platform.Input
		inputs, err = asks[[]platform.Input](v.Context(), c, "ModelInputs", s.Name)
		s.Title = "model " + s.Name
		for _, input := range inputs {
			s.Fields = append(s.Fields, fieldOf(input.Name, runbook.Var{}, v))
		}
	default:
		return s, failure{http.StatusBadRequest, errors.New("the address names nothing that can be started")}
	}
	if err != nil {
		return s, failure{http.StatusBadGateway, err}
	}
	if s.WorkflowID == "" {
		s.WorkflowID = strings.ToLower(s.Kind + "-" + report.Clip(strings.TrimPrefix(s.Title, s.Kind+" ")) + "-" + rand.Text()[:10])
	}
	return s, nil
}

// start checks what was filled in by a dry run, and starts it when that was found good.
func (c *console) start(w http.ResponseWriter, v *visit) error {
	s, err := c.starting(v)
	if err != nil {
		return err
	}
	if c.cfg.Issuer != "" {
		s.By = v.session.Name
	}
	input, workflow, err := s.input()
	if err == nil {
		s.Steps, err = c.dryRun(v.Context(), s)
	}
	if err != nil {
		s.Wrong = err.Error()
		return c.showForm(w, v, http.StatusUnprocessableEntity, s)
	}
	if s.Checked = true; v.FormValue("sure") == "" {
		return c.showForm(w, v, http.StatusOK, s)
	}
	err = c.begin(v.Context(), s, workflow, input)
	c.log.Info("an operator starts a run", "workflow", s.WorkflowID, "kind", s.Kind, "name", s.Name, "by", s.By, "subject", v.session.Subject, "error", err)
	if err != nil {
		s.Wrong = err.Error()
		return c.showForm(w, v, http.StatusConflict, s)
	}
	c.listed.values.Purge()
	http.Redirect(w, v.Request, link("/run", "id", s.WorkflowID, "done", "start"), http.StatusSeeOther)
	return nil
}

// input is what the workflow is started with; of a runbook the document has the values then.
func (s *starting) input() (input any, workflow string, err error) {
	if s.By == "" {
		return nil, "", errors.New("who starts it is missing: write your name")
	}
	if s.Kind == "runbook" {
		values, err := read(s.Fields)
		if err != nil {
			return nil, "", err
		}
		given := runbook.Vars{}
		for name, value := range values {
			given[name] = runbook.Literal(value)
		}
		if err := s.document.Bind(given); err != nil {
			return nil, "", err
		}
		return workflows.RunbookInput{Document: *s.document, StartedBy: s.By}, "Runbook", nil
	}
	params, err := paramsOf(s.Fields)
	if err != nil {
		return nil, "", err
	}
	step := runbook.Step{ID: "run"}
	if s.Kind == "model" {
		step.Model, step.Params = s.Name, params
		input, workflow = workflows.ModelInput{ModelID: s.Name, Params: params}, "RunModel"
	} else {
		plan := activities.PlanParams{}
		step.Plan, step.Params = s.Name, runbook.Params{}
		for path, param := range params {
			model, name, _ := strings.Cut(path, ".")
			if plan[model] == nil {
				plan[model] = activities.Params{}
			}
			plan[model][name] = param
		}
		for model, inputs := range plan {
			step.Params[model] = runbook.Param{Inputs: runbook.Params(inputs)}
		}
		input, workflow = workflows.PlanInput{PlanID: s.Name, Params: plan}, "RunPlan"
	}
	s.document = &runbook.Document{Name: s.Title, Steps: []runbook.Step{step}} // for the dry run
	return input, workflow, nil
}

// dryRun has the worker check everything against the platform, and returns the steps that would run. The error has
// everything that is wrong.
func (c *console) dryRun(ctx context.Context, s starting) ([]shownStep, error) {
	ctx, cancel := context.WithTimeout(ctx, dryRunLasts)
	defer cancel()
	run, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "dry-run-" + s.WorkflowID + "-" + strings.ToLower(rand.Text()[:6]), TaskQueue: c.cfg.TaskQueue,
		StaticSummary: "dry run of " + s.Title, WorkflowExecutionTimeout: 10 * time.Minute,
	}, "Runbook", workflows.RunbookInput{Document: *s.document, DryRun: true, StartedBy: s.By})
	if err != nil {
		return nil, fmt.Errorf("start the dry run: %w", err)
	}
	var result workflows.RunbookResult
	if err := run.Get(ctx, &result); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("the dry run has not ended within %s: check that workers run on task queue %s, and look at run %s", dryRunLasts, c.cfg.TaskQueue, run.GetID())
		}
		if findings, ok := workflows.FindingsOf(err); ok {
			return nil, findings
		}
		return nil, report.Failure(err)
	}
	return stepsOf(result.Steps), nil
}

// begin starts the run, once for each form.
func (c *console) begin(ctx context.Context, s starting, workflow string, input any) error {
	_, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: s.WorkflowID, TaskQueue: c.cfg.TaskQueue, StaticSummary: s.Title,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
	}, workflow, input)
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &running) {
		return fmt.Errorf("this form has started run %s already; to start another, open the form anew", s.WorkflowID)
	}
	return err
}
