package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/workflows"
)

// lookEvery is how soon a worker notices that search attributes were registered.
const lookEvery = time.Minute

// index knows whether the namespace has all of dpaflow's search attributes: a workflow that sets one
// which is not there would be stuck.
type index struct {
	temporal   *connect.Client
	log        *slog.Logger
	registered atomic.Bool
}

func newIndex(temporal *connect.Client, logger *slog.Logger) *index {
	return &index{temporal: temporal, log: logger}
}

// Registered tells whether they were there when last looked for.
func (i *index) Registered() bool { return i.registered.Load() }

// Look asks the server now.
func (i *index) Look(ctx context.Context) {
	listed, err := i.temporal.OperatorService().ListSearchAttributes(ctx,
		&operatorservice.ListSearchAttributesRequest{Namespace: i.temporal.Namespace})
	if err != nil {
		i.log.Warn("search attributes cannot be listed; runs are not indexed", "error", err)
		i.registered.Store(false)
		return
	}
	all := true
	for _, key := range workflows.Attributes() {
		all = all && listed.GetCustomAttributes()[key.Name] == key.Type
	}
	if i.registered.Swap(all) != all {
		i.log.Info("search attributes", "registered", all)
	}
}

// Alone tells whether no other workflow of the namespace had to do with a plan since that time.
func (i *index) Alone(ctx context.Context, planID, workflowID string, since time.Time) (bool, error) {
	query := fmt.Sprintf("%s IN ('%s', '%s') AND WorkflowId != '%s' AND (ExecutionStatus = 'Running' OR CloseTime >= '%s')",
		workflows.AttributePlanID.GetName(), quote(planID), workflows.AttributeMany, quote(workflowID), since.UTC().Format(time.RFC3339))
	others, err := i.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	if err != nil {
		return false, fmt.Errorf("count the other runs of plan %s: %w", planID, err)
	}
	return others.GetCount() == 0, nil
}

// quote keeps a text within the quotes of a visibility query.
func quote(text string) string { return strings.ReplaceAll(text, "'", "''") }

// Watch looks again and again until the context ends.
func (i *index) Watch(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			i.Look(ctx)
		}
	}
}
