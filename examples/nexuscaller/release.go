// Package nexuscaller is a workflow of another team, in a namespace of its own, that has dpaflow run a
// model, a plan and a runbook through Nexus. Its worker has none of dpaflow's activities.
package nexuscaller

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// Input says what to release, and through which endpoint.
type Input struct {
	Endpoint string `json:"endpoint"`
	// Ticket is the change that is released. However often Release is started or reset for it, each of
	// its parts runs once.
	Ticket string `json:"ticket"`
	// Plan is what releases it.
	Plan string `json:"plan"`
}

// Result names the platform's instances.
type Result struct {
	Prepared string `json:"prepared"`
	Released string `json:"released,omitempty"`
	Verified string `json:"verified,omitempty"`
	// Failed is the instance of a release that did not succeed.
	Failed string `json:"failed,omitempty"`
}

// Release prepares a host with a model, releases with a plan and verifies with a runbook.
func Release(ctx workflow.Context, in Input) (result Result, err error) {
	dpa := workflow.NewNexusClient(in.Endpoint, workflows.NexusService)

	var prepared workflows.ModelResult
	if err := dpa.ExecuteOperation(ctx, workflows.RunModelOperation, workflows.ModelRequest{
		IdempotencyKey: in.Ticket + "-prepare",
		ModelInput: workflows.ModelInput{
			ModelID: "md1606743910508",
			Params:  activities.Params{"DPA_MODEL_WORKDIR": runbook.Text("/opt")},
		},
	}, workflow.NexusOperationOptions{}).Get(ctx, &prepared); err != nil {
		return result, fmt.Errorf("prepare: %w", err)
	}
	result.Prepared = prepared.InstanceID

	var released workflows.PlanResult
	err = dpa.ExecuteOperation(ctx, workflows.RunPlanOperation, workflows.PlanRequest{
		IdempotencyKey: in.Ticket + "-release",
		PlanInput:      workflows.PlanInput{PlanID: in.Plan},
	}, workflow.NexusOperationOptions{}).Get(ctx, &released)
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) && failed.Type() == activities.ErrorPlanFailed {
		err = failed.Details(&released) // it ran, and ended FAIL
		result.Failed = released.InstanceID
		return result, err
	}
	if err != nil {
		return result, fmt.Errorf("release: %w", err)
	}
	result.Released = released.InstanceID

	var verified workflows.RunbookResult
	if err := dpa.ExecuteOperation(ctx, workflows.RunRunbookOperation, workflows.RunbookRequest{
		IdempotencyKey: in.Ticket + "-verify",
		RunbookInput:   workflows.RunbookInput{Document: *runbook.New("verify", runbook.Plan("check", "ccf42dd5"))},
	}, workflow.NexusOperationOptions{}).Get(ctx, &verified); err != nil {
		return result, fmt.Errorf("verify: %w", err)
	}
	result.Verified = verified.Steps[0].InstanceID
	return result, nil
}
