package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"

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
		all = all && listed.GetCustomAttributes()[key.GetName()] == enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	if i.registered.Swap(all) != all {
		i.log.Info("search attributes", "registered", all)
	}
}

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
