package workflows

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
)

// names are what a worker registers.
type names struct {
	worker.Registry
	registered []string
}

func (n *names) RegisterWorkflowWithOptions(_ any, options workflow.RegisterOptions) {
	n.registered = append(n.registered, options.Name)
}

func (n *names) RegisterActivity(a any) {
	methods := reflect.TypeOf(a)
	for i := range methods.NumMethod() {
		n.registered = append(n.registered, methods.Method(i).Name)
	}
}

func (n *names) RegisterNexusService(*nexus.Service) {}

// The names that are promised stand as they are; all others must not meet with those of whose worker it is.
func TestWhatAWorkerRegistersIsPromisedOrHasAPrefix(t *testing.T) {
	t.Parallel()
	promised := strings.Fields(`RunPlan RunModel Runbook TimedPlan
		Plans PlanInputs PlanOutputs PlanStatus Models ModelInputs ModelOutputs ModelStatus`)
	var n names
	Register(&n, &activities.Activities{})
	require.NotEmpty(t, n.registered)
	for _, name := range n.registered {
		require.True(t, slices.Contains(promised, name) || strings.HasPrefix(name, "Dpa"), name)
	}
	for _, name := range promised {
		require.Contains(t, n.registered, name)
	}
}
