package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
)

// PreflightInput is the input of DpaPreflight.
type PreflightInput struct {
	Jobs []PreflightJob `json:"jobs"`
	// Idle refuses models that are busy now (W6).
	Idle bool `json:"idle,omitempty"`
}

// PreflightJob is a plan or a model that is to be run, with what it will be given. An id that is not
// known yet holds "${{".
type PreflightJob struct {
	// Path is its place in the document.
	Path       string     `json:"path"`
	PlanID     string     `json:"planId,omitempty"`
	PlanParams PlanParams `json:"planParams,omitempty"`
	ModelID    string     `json:"modelId,omitempty"`
	Params     Params     `json:"params,omitempty"`
	// ExecutePath is the model's own; the policy may not allow it.
	ExecutePath string `json:"executePath,omitempty"`
}

// DpaPreflight checks many plans and models at once: that the platform describes them and
// declares exactly those inputs (P3, W2), that the secrets are there, and that the policy allows all of it. It returns everything that it finds.
func (a *Activities) DpaPreflight(ctx context.Context, in PreflightInput) (runbook.Faults, error) {
	check := preflight{a: a, idle: in.Idle, plans: map[string][]platform.ModelInputs{}, models: map[string][]platform.Input{}}
	found := runbook.Faults{}
	for _, job := range in.Jobs {
		err := check.job(ctx, job)
		var faults runbook.Faults
		if err != nil && !errors.As(err, &faults) {
			return nil, readError("check "+job.Path, err)
		}
		found.Add(job.Path, err)
	}
	return found, nil
}

// preflight asks the platform for each plan and model once.
type preflight struct {
	a      *Activities
	idle   bool
	listed map[string]string // model → status
	plans  map[string][]platform.ModelInputs
	models map[string][]platform.Input
}

func (p *preflight) job(ctx context.Context, job PreflightJob) error {
	var faults runbook.Faults
	switch {
	case strings.Contains(job.PlanID+job.ModelID, "${{"):
		return nil
	case job.PlanID != "":
		declared, known := p.plans[job.PlanID]
		if !known {
			var err error
			if declared, err = p.a.platform.PlanInputs(ctx, job.PlanID); refused(err) {
				return runbook.Faults{{Path: "plan", Problem: fmt.Sprintf("the platform does not describe plan %q", job.PlanID)}}
			} else if err != nil {
				return err
			}
			p.plans[job.PlanID] = declared
		}
		faults.Add("", p.allowed(planPolicy(job.PlanID, job.PlanParams)))
		faults.Add("", comparePlan(job.PlanID, declared, job.PlanParams))
		_, _, err := p.a.resolvePlan(job.PlanParams)
		faults.Add("", err)
	case job.ModelID != "":
		if err := p.model(ctx, job.ModelID); err != nil {
			return err
		}
		faults.Add("", p.allowed(modelPolicy(job.ModelID, job.ExecutePath, job.Params)))
		faults.Add("params", compare(p.models[job.ModelID], job.Params))
		_, _, err := p.a.resolve("params", job.Params)
		faults.Add("", err)
	}
	return faults.Err()
}

// allowed names what the policy does not allow as a document does.
func (p *preflight) allowed(t PolicyTrigger) error {
	err := p.a.allowed(t)
	var faults runbook.Faults
	if errors.As(err, &faults) {
		for i := range faults {
			if path := faults[i].Path; path == "planId" || path == "modelId" {
				faults[i].Path = strings.TrimSuffix(path, "Id")
			}
		}
	}
	return err
}

func (p *preflight) model(ctx context.Context, id string) error {
	if p.idle && p.listed == nil {
		models, err := p.a.platform.Models(ctx)
		if err != nil {
			return err
		}
		p.listed = make(map[string]string, len(models))
		for _, model := range models {
			p.listed[model.ID] = model.Status
		}
	}
	if status := p.listed[id]; isBusy(status) {
		return runbook.Faults{{Path: "model", Problem: fmt.Sprintf("model %q is %s", id, status)}}
	}
	if _, known := p.models[id]; known {
		return nil
	}
	declared, err := p.a.platform.ModelInputs(ctx, id)
	if refused(err) {
		return runbook.Faults{{Path: "model", Problem: fmt.Sprintf("the platform does not describe model %q", id)}}
	}
	p.models[id] = declared
	return err
}

// EarlierRun names a run of a runbook.
type EarlierRun struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId,omitempty"`
}

// queryPatience bounds the question to a run that did not say itself what became of it.
const queryPatience = 10 * time.Second

// DpaEarlierRunbook reads what became of an earlier run of a runbook, which must have closed: as it ended, or where it was
// terminated or timed out as its query "status" tells.
func (a *Activities) DpaEarlierRunbook(ctx context.Context, in EarlierRun) (json.RawMessage, error) {
	c := activity.GetClient(ctx)
	described, err := c.DescribeWorkflow(ctx, in.WorkflowID, in.RunID)
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		return nil, notResumable("there is no run %q; it may be older than the namespace keeps", in.WorkflowID)
	case err != nil:
		return nil, fmt.Errorf("look up run %q: %w", in.WorkflowID, err)
	case described.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || described.Status == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:
		return nil, notResumable("run %q has not ended", in.WorkflowID)
	}
	runID := described.WorkflowExecution.RunID
	var state json.RawMessage
	err = c.GetWorkflow(ctx, in.WorkflowID, runID).Get(ctx, &state)
	var failed *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	switch {
	case err == nil:
		return state, nil
	case errors.As(err, &failed) && failed.HasDetails():
		err = failed.Details(&state)
	case errors.As(err, &cancelled) && cancelled.HasDetails():
		err = cancelled.Details(&state)
	default: // it was terminated, or timed out
		ctx, cancel := context.WithTimeout(ctx, queryPatience)
		defer cancel()
		answer, failed := c.QueryWorkflow(ctx, in.WorkflowID, runID, "status")
		if failed == nil {
			failed = answer.Get(&state)
		}
		err = failed
	}
	if err != nil {
		return nil, notResumable("run %q cannot say what became of it (%s)", in.WorkflowID, err)
	}
	return state, nil
}

func notResumable(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), ErrorInvalidInput, nil)
}
