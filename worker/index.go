package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/workflows"
)

const (
	lookEvery   = time.Minute      // how soon a worker notices that search attributes were registered
	lookAgain   = 5 * time.Second  // the same when it could not be told
	lookTimeout = 10 * time.Second // of one look
)

// index knows whether the namespace has all of dpaflow's search attributes: a workflow that sets one
// which is not there would be stuck.
type index struct {
	temporal   *connect.Client
	log        *slog.Logger
	known      atomic.Bool // whether the server has ever said which there are
	registered atomic.Bool
}

func newIndex(temporal *connect.Client, logger *slog.Logger) *index {
	return &index{temporal: temporal, log: logger}
}

// Registered tells whether they were there when the server last said which there are. A look that failed says
// nothing: a run that is not indexed stays so for its whole life, and others do not see it.
func (i *index) Registered() bool { return i.registered.Load() }

// Know looks unless the server has said before which there are. Without that no run should begin here.
func (i *index) Know(ctx context.Context) error {
	if i.known.Load() {
		return nil
	}
	return i.look(ctx)
}

// look asks the server now.
func (i *index) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	listed, err := i.temporal.OperatorService().ListSearchAttributes(ctx,
		&operatorservice.ListSearchAttributesRequest{Namespace: i.temporal.Namespace})
	var denied *serviceerror.PermissionDenied
	switch {
	case errors.As(err, &denied): // which it will say again
		i.log.Warn("search attributes cannot be listed; runs are indexed only if they were when they could be", "error", err)
		i.known.Store(true)
		return nil
	case err != nil:
		return fmt.Errorf("list the search attributes of namespace %q: %w", i.temporal.Namespace, err)
	}
	all := true
	for _, key := range workflows.Attributes() {
		all = all && listed.GetCustomAttributes()[key.Name] == key.Type
	}
	if changed := i.registered.Swap(all) != all; changed || !i.known.Load() {
		i.log.Info("search attributes", "registered", all)
	}
	i.known.Store(true)
	return nil
}

// Alone reports whether no other workflow of the namespace had to do with a plan since that time. One that did not
// complete, in whatever way, may have left an instance that goes on; so may one that completed, unless it is a RunPlan,
// and an earlier run of the same workflow id, but for those that this one continues.
func (i *index) Alone(ctx context.Context, planID, workflowID, runID string, since time.Time) (bool, error) {
	query := fmt.Sprintf("%s IN ('%s', '%s') AND (WorkflowId != '%s' OR (RunId != '%s' AND ExecutionStatus != 'ContinuedAsNew'))"+
		" AND (ExecutionStatus != 'Completed' OR WorkflowType != 'RunPlan' OR CloseTime >= '%s')",
		workflows.AttributePlanID.GetName(), runs.Literal(planID), workflows.AttributeMany, runs.Literal(workflowID), runID, since.UTC().Format(time.RFC3339))
	others, err := i.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	if err != nil {
		return false, fmt.Errorf("count the other runs of plan %s: %w", planID, err)
	}
	return others.GetCount() == 0, nil
}

// Watch looks again and again until the context ends.
func (i *index) Watch(ctx context.Context) error {
	pause := lookEvery
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = lookEvery
		if err := i.look(ctx); err != nil && ctx.Err() == nil {
			i.log.Warn("search attributes are taken to be as they were", "registered", i.Registered(), "error", err)
			pause = lookAgain
		}
	}
}
