package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/platform"
)

// PreflightInput is the input of Preflight.
type PreflightInput struct {
	Jobs []PreflightJob `json:"jobs"`
	// Idle refuses models that are busy now.
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
}

// Preflight checks many plans and models at once: that they exist (P2, W6), that the inputs are exactly
// the declared ones (P3, W2), and that the secrets are there. It returns everything that it finds.
func (a *Activities) Preflight(ctx context.Context, in PreflightInput) (Faults, error) {
	check := preflight{a: a, idle: in.Idle, plans: map[string][]platform.ModelInputs{}, models: map[string][]platform.Input{}}
	found := Faults{}
	for _, job := range in.Jobs {
		err := check.job(ctx, job)
		var faults Faults
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
	var faults Faults
	switch {
	case strings.Contains(job.PlanID+job.ModelID, "${{"):
		return nil
	case job.PlanID != "":
		declared, known := p.plans[job.PlanID]
		if !known {
			var err error
			if declared, err = p.a.platform.PlanInputs(ctx, job.PlanID); refused(err) {
				return Faults{{Path: "plan", Problem: fmt.Sprintf("the platform does not describe plan %q", job.PlanID)}}
			} else if err != nil {
				return err
			}
			p.plans[job.PlanID] = declared
		}
		faults.Add("", comparePlan(job.PlanID, declared, job.PlanParams))
		_, _, err := p.a.resolvePlan(job.PlanParams)
		faults.Add("", err)
	case job.ModelID != "":
		if err := p.model(ctx, job.ModelID); err != nil {
			return err
		}
		faults.Add("params", compare(p.models[job.ModelID], job.Params))
		_, _, err := p.a.resolve("params", job.Params)
		faults.Add("", err)
	}
	return faults.Err()
}

func (p *preflight) model(ctx context.Context, id string) error {
	if p.listed == nil {
		models, err := p.a.platform.Models(ctx)
		if err != nil {
			return err
		}
		p.listed = make(map[string]string, len(models))
		for _, model := range models {
			p.listed[model.ID] = model.Status
		}
	}
	status, listed := p.listed[id]
	switch {
	case !listed:
		return Faults{{Path: "model", Problem: fmt.Sprintf("the platform lists no model %q", id)}}
	case p.idle && isBusy(status):
		return Faults{{Path: "model", Problem: fmt.Sprintf("model %q is %s", id, status)}}
	}
	if _, known := p.models[id]; known {
		return nil
	}
	declared, err := p.a.platform.ModelInputs(ctx, id)
	if refused(err) {
		return Faults{{Path: "model", Problem: fmt.Sprintf("the platform does not describe model %q", id)}}
	}
	p.models[id] = declared
	return err
}

// EarlierRun names a run of a runbook.
type EarlierRun struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId,omitempty"`
}

// EarlierRunbook reads what became of an earlier run of a runbook, as its query "status" tells.
func (a *Activities) EarlierRunbook(ctx context.Context, in EarlierRun) (json.RawMessage, error) {
	answer, err := activity.GetClient(ctx).QueryWorkflow(ctx, in.WorkflowID, in.RunID, "status")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return nil, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("there is no run %q; it may be older than the namespace keeps", in.WorkflowID), ErrorInvalidInput, nil)
	}
	var status json.RawMessage
	if err == nil {
		err = answer.Get(&status)
	}
	if err != nil {
		return nil, fmt.Errorf("ask run %q for its status: %w", in.WorkflowID, err)
	}
	return status, nil
}
