package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/dpaflow/dpaflow/workflows"
)

// countAgain is how old a count may be when the metrics are read again.
const countAgain = 10 * time.Second

// census counts the open runs of the namespace, when somebody reads the metrics. Every worker counts the
// same ones: a run belongs to no worker while it waits.
type census struct {
	index *index

	mu     sync.Mutex
	at     time.Time        // when the last count began
	counts map[string]int64 // by state; none where the runs are not indexed
}

// measureRuns adds the gauge dpaflow_runs, which has no values as long as the namespace has no search
// attributes.
func measureRuns(provider metric.MeterProvider, index *index) error {
	r := &census{index: index}
	_, err := provider.Meter("github.com/dpaflow/dpaflow/worker").Int64ObservableGauge("dpaflow_runs",
		metric.WithDescription("Open runs and runbooks of the namespace that wait for an end (waiting), have had no news for long (overdue), are held by a policy (frozen), "+
			"or have a trigger in doubt (unknown); the same from every worker."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			for state, n := range r.latest() {
				o.Observe(n, metric.WithAttributes(attribute.String("state", state)))
			}
			return nil
		}))
	if err != nil {
		return fmt.Errorf("measure the open runs: %w", err)
	}
	return nil
}

// latest returns the latest count, and has a new one made where that is too old. It does not wait for it: whoever
// reads the metrics holds a lock that the SDK needs to measure the call.
func (r *census) latest() map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) >= countAgain {
		r.at = time.Now()
		go r.renew()
	}
	return r.counts
}

func (r *census) renew() {
	ctx, cancel := context.WithTimeout(context.Background(), countAgain)
	defer cancel()
	counts, err := r.count(ctx)
	if err != nil {
		r.index.log.Warn("open runs cannot be counted", "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts = counts
}

func (r *census) count(ctx context.Context) (map[string]int64, error) {
	if !r.index.Registered() {
		return nil, nil
	}
	counts := map[string]int64{}
	// What is paused is open as well: only what has ended has a close time.
	for state, status := range map[string]string{
		"waiting": workflows.IndexedWaiting, "overdue": workflows.IndexedOverdue, "unknown": workflows.IndexedUnknown,
		"paused": workflows.IndexedPaused, "approval": workflows.IndexedApproval,
		"frozen": workflows.IndexedFrozen,
	} {
		found, err := r.index.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Query: fmt.Sprintf("%s = '%s' AND CloseTime IS NULL", workflows.AttributeStatus.GetName(), status),
		})
		if err != nil {
			return nil, err
		}
		counts[state] = found.GetCount()
	}
	return counts, nil
}
