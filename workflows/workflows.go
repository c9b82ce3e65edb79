// Package workflows tells the one story of every platform execution — trigger, wait for news, fetch
// outputs — durably, and composes it into workflow types that can be started from anywhere.
//
// Workflow code is deterministic: no clock, randomness, map order or I/O of its own.
package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/signals"
)

// Register adds dpaflow's workflows, activities and Nexus service to a worker.
func Register(registry worker.Registry, a *activities.Activities) {
	registerWorkflows(registry)
	registry.RegisterActivity(a)
	registry.RegisterNexusService(nexusService())
}

func registerWorkflows(registry worker.WorkflowRegistry) {
	register(registry, "RunPlan", strict(RunPlan))
	register(registry, "RunModel", strict(RunModel))
	register(registry, "Runbook", readRunbook)
	register(registry, "TimedPlan", strict(TimedPlan))
	register(registry, activities.TurnWorkflow, ModelTurn)
	register(registry, signals.InboxWorkflow, Inbox)
}

// register adds a workflow type. On versioned workers its open runs go over to the current version, which
// takes code that replays the histories of the one before; the recorded ones check that. Runs pinned to the
// version that they began with would keep its workers alive for as long as they wait: RunPlan and RunModel
// for a day or for an operator, Runbook for approvals, TimedPlan for ever. ModelTurn and Inbox serve runs
// of every version.
func register(registry worker.WorkflowRegistry, name string, run any) {
	registry.RegisterWorkflowWithOptions(run, workflow.RegisterOptions{
		Name: name, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
}
