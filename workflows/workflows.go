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

// Register adds dpaflow's workflows and activities to a worker.
func Register(registry worker.Registry, a *activities.Activities) {
	registerWorkflows(registry)
	registry.RegisterActivity(a)
}

func registerWorkflows(registry worker.WorkflowRegistry) {
	registry.RegisterWorkflowWithOptions(strict(RunPlan), workflow.RegisterOptions{Name: "RunPlan"})
	registry.RegisterWorkflowWithOptions(strict(RunModel), workflow.RegisterOptions{Name: "RunModel"})
	registry.RegisterWorkflowWithOptions(readRunbook, workflow.RegisterOptions{Name: "Runbook"})
	registry.RegisterWorkflowWithOptions(strict(TimedPlan), workflow.RegisterOptions{Name: "TimedPlan"})
	registry.RegisterWorkflowWithOptions(ModelTurn, workflow.RegisterOptions{Name: activities.TurnWorkflow})
	registry.RegisterWorkflowWithOptions(Inbox, workflow.RegisterOptions{Name: signals.InboxWorkflow})
}
