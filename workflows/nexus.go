package workflows

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/temporalnexus"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// NexusService is the Nexus service that Register adds to a worker: plans, models and runbooks for
// workflows in other namespaces.
const NexusService = "dpa"

// The operations of NexusService. Each runs the workflow type of the same name, ends as it does, and
// cancels it when it is cancelled. A request that is wrong, or whose key has been used for another one,
// is refused as BAD_REQUEST around an error of the type InvalidInput, and nothing is started.
var (
	RunPlanOperation    = nexus.NewOperationReference[PlanRequest, PlanResult]("run-plan")
	RunModelOperation   = nexus.NewOperationReference[ModelRequest, ModelResult]("run-model")
	RunRunbookOperation = nexus.NewOperationReference[RunbookRequest, RunbookResult]("run-runbook")
)

// PlanRequest is the input of RunPlanOperation.
type PlanRequest struct {
	// IdempotencyKey names the request, at most 128 bytes. However often it is made, there is one run,
	// whose workflow id is NexusWorkflowID of the key, for as long as its namespace keeps it. Without a
	// key that holds for the retries of one operation only: a caller that is reset, or started again,
	// starts another run.
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
	PlanInput
}

// ModelRequest is the input of RunModelOperation.
type ModelRequest struct {
	// IdempotencyKey is as in PlanRequest.
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
	ModelInput
}

// RunbookRequest is the input of RunRunbookOperation.
type RunbookRequest struct {
	// IdempotencyKey is as in PlanRequest.
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
	RunbookInput
}

// NexusWorkflowID is the workflow id of the run that a key stands for. No other run of ours has an id of
// that form, so a caller cannot get at one.
func NexusWorkflowID(key string) string { return "nexus-" + key }

func nexusService() *nexus.Service {
	service := nexus.NewService(NexusService)
	service.MustRegister(
		operation(RunPlanOperation.Name(), "RunPlan", readPlanRequest),
		operation(RunModelOperation.Name(), "RunModel", readModelRequest),
		operation(RunRunbookOperation.Name(), "Runbook", readRunbookRequest),
	)
	return service
}

// operation makes the operation that runs a workflow type. It takes and gives payloads as they are: read
// is stricter than the SDK.
func operation(name, workflowType string, read func(data []byte) (key string, in any, err error)) nexus.RegisterableOperation {
	return temporalnexus.MustNewTemporalOperation(temporalnexus.TemporalOperationOptions[converter.RawValue, converter.RawValue]{
		Name: name,
		Start: func(ctx context.Context, c temporalnexus.NexusClient, raw converter.RawValue, options temporalnexus.StartTemporalOperationOptions) (outcome, error) {
			key, in, err := read(raw.Payload().GetData())
			if err != nil {
				return outcome{}, badRequest(err)
			}
			r := request{key: cmp.Or(key, options.RequestID), workflowType: workflowType, in: in}
			return r.start(ctx, c)
		},
	})
}

type outcome = temporalnexus.TemporalOperationResult[converter.RawValue]

// request is one that may be repeated.
type request struct {
	key          string
	workflowType string
	in           any
}

// memoRequest is the memo that holds the fingerprint of the request that a run was started for.
const memoRequest = "dpaNexusRequest"

// start starts the request's run, attaches to it where it has been started before, or gives its end where
// it has ended.
func (r request) start(ctx context.Context, c temporalnexus.NexusClient) (outcome, error) {
	fingerprint, err := r.fingerprint()
	if err != nil {
		return outcome{}, err
	}
	options := client.StartWorkflowOptions{
		ID:                       NexusWorkflowID(r.key),
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		Memo:                     map[string]any{memoRequest: fingerprint},
	}
	started, err := temporalnexus.StartUntypedWorkflow[converter.RawValue](ctx, c, options, r.workflowType, r.in)
	if !startedBefore(err) {
		return started, err
	}
	known, err := c.GetWorkflowClient().DescribeWorkflow(ctx, options.ID, "")
	if err != nil {
		return outcome{}, err
	}
	var other string
	if err := known.GetMemoValue(memoRequest, &other); err != nil || other != fingerprint {
		return outcome{}, badRequest(activities.InvalidInput(runbook.Faults{{
			Path: "idempotencyKey", Problem: "was used for another request, whose run is " + options.ID,
		}}))
	}
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	attached, err := temporalnexus.StartUntypedWorkflow[converter.RawValue](ctx, c, options, r.workflowType, r.in)
	if !startedBefore(err) {
		return attached, err
	}
	return ended(ctx, c.GetWorkflowClient().GetWorkflow(ctx, options.ID, ""))
}

// fingerprint tells requests apart that have the same key.
func (r request) fingerprint() (string, error) {
	in, err := json.Marshal(r.in)
	if err != nil {
		return "", fmt.Errorf("write the input of %s: %w", r.workflowType, err)
	}
	sum := sha256.Sum256(append([]byte(r.workflowType+"\n"), in...))
	return hex.EncodeToString(sum[:]), nil
}

func startedBefore(err error) bool {
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	return errors.As(err, &exists)
}

// ended gives the end of a run that has ended: to such a one Temporal attaches nobody. Around a failure
// it puts a handler's error, behind which callers find the same type as of a run that they waited for.
func ended(ctx context.Context, run client.WorkflowRun) (outcome, error) {
	var result converter.RawValue
	err := run.Get(ctx, &result)
	var failed *temporal.WorkflowExecutionError
	switch {
	case err == nil:
		return temporalnexus.NewSyncResult(result), nil
	case !errors.As(err, &failed):
		return outcome{}, fmt.Errorf("read how run %s ended: %w", run.GetID(), err)
	}
	return outcome{}, &nexus.HandlerError{
		Type: nexus.HandlerErrorTypeInternal, RetryBehavior: nexus.HandlerErrorRetryBehaviorNonRetryable,
		Message: "run " + run.GetID() + " has ended without success", Cause: failed.Unwrap(),
	}
}

func readPlanRequest(data []byte) (key string, in any, err error) {
	var r PlanRequest
	var faults runbook.Faults
	if err := runbook.Decode(data, &r); err != nil {
		faults.Add("", err)
	} else {
		_, faults = r.withDefaults()
	}
	return r.IdempotencyKey, r.PlanInput, refuse(faults, r.IdempotencyKey)
}

func readModelRequest(data []byte) (key string, in any, err error) {
	var r ModelRequest
	var faults runbook.Faults
	if err := runbook.Decode(data, &r); err != nil {
		faults.Add("", err)
	} else {
		_, faults = r.withDefaults()
	}
	return r.IdempotencyKey, r.ModelInput, refuse(faults, r.IdempotencyKey)
}

func readRunbookRequest(data []byte) (key string, in any, err error) {
	var r RunbookRequest
	if err := runbook.ParseInto(data, &r); err != nil {
		return "", nil, invalidInput(err)
	}
	compiled, err := r.Compile()
	if err == nil {
		_, err = compiled.Vars()
	}
	if err != nil {
		return "", nil, invalidInput(err)
	}
	return r.IdempotencyKey, r.RunbookInput, refuse(nil, r.IdempotencyKey)
}

// badRequest ends an operation for good: Temporal stops calling an endpoint for a while after a few errors
// of a kind that it tries again, or does not know. The SDK logs the message, hence what is wrong is only
// in the cause.
func badRequest(cause error) error {
	return &nexus.HandlerError{Type: nexus.HandlerErrorTypeBadRequest, Message: "the request is refused", Cause: cause}
}

// refuse makes InvalidInput of faults, among them that of the key.
func refuse(faults runbook.Faults, key string) error {
	if len(key) > maxID {
		faults.Add("idempotencyKey", checkID(key))
	}
	if len(faults) == 0 {
		return nil
	}
	return activities.InvalidInput(faults)
}
