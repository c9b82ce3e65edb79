// Package workflows runs platform executions durably — trigger, wait for callbacks, fetch outputs — and composes
// them into workflow types that can be started from anywhere.
//
// What becomes of one execution is decided by package execution. The code here gives it what arrives and carries out
// what it says. Workflow code is deterministic: no clock, randomness, map order or I/O of its own.
package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/lock"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
)

// Register adds dpaflow's workflows, activities and Nexus service to a worker.
func Register(registry worker.Registry, a *activities.Activities) {
	registerWorkflows(registry)
	registry.RegisterActivity(a)
	registry.RegisterNexusService(nexusService())
}

// StopTimeout is the WorkerStopTimeout of a worker whose calls to the platform take at most callTimeout. A trigger under
// way must get its answer, because nothing else tells what became of it, and that to a synchronous model's trigger comes
// when the model has ended. A worker that waits for none stops at once.
func StopTimeout(callTimeout time.Duration) time.Duration {
	return callTimeout + time.Duration(runbook.MaxSyncTimeout) + 5*time.Second
}

func registerWorkflows(registry worker.WorkflowRegistry) {
	register(registry, "RunPlan", strict(RunPlan))
	register(registry, "RunModel", strict(RunModel))
	register(registry, "Runbook", readRunbook)
	register(registry, "TimedPlan", readTimed)
	register(registry, signals.InboxWorkflow, Inbox)
	register(registry, WatchWorkflow, Watch)
	register(registry, lock.Workflow, Lock)
}

// register adds a workflow type. On versioned workers its open runs go over to the current version, which
// takes code that replays the histories of the one before; the recorded ones check that. Runs pinned to the
// version that they began with would keep its workers alive for as long as they wait: RunPlan and RunModel
// for a day or for an operator, Runbook for approvals, TimedPlan for ever. Inbox and Lock serve runs of every version.
func register(registry worker.WorkflowRegistry, name string, run any) {
	registry.RegisterWorkflowWithOptions(run, workflow.RegisterOptions{
		Name: name, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
}

// strict makes the form of a workflow that is registered: it reads its input strictly and fails as InvalidInput with
// every finding, where the SDK would drop an unknown field and stop at the first wrong one.
func strict[In, Out any](run func(workflow.Context, In) (Out, error)) func(workflow.Context, converter.RawValue) (Out, error) {
	return func(ctx workflow.Context, raw converter.RawValue) (out Out, err error) {
		if err := notRetried(ctx); err != nil {
			return out, err
		}
		var in In
		if err := runbook.Decode(raw.Payload().GetData(), &in); err != nil {
			return out, invalidInput(err)
		}
		return run(ctx, in)
	}
}

// notRetried refuses a run that Temporal began by itself because the one before ran out of time and was started with a
// retry policy: what that one triggered may still run, and this one would trigger it again.
func notRetried(ctx workflow.Context) error {
	info := workflow.GetInfo(ctx)
	if info.Attempt < 2 {
		return nil
	}
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(
		"Temporal tries this run again by its retry policy, after its run %s ended: what that triggered may still run, so nothing is triggered anew; look there and on the platform, and start runs without a retry policy",
		info.ContinuedExecutionRunID), activities.ErrorTriggerOutcomeUnknown, nil)
}
