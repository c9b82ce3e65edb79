package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// checkSize refuses, before anything starts, a runbook that would not fit into a history, as far as the
// lists of its steps are known by then.
func (b *book) checkSize() error {
	scope, runs := b.scope(), 0
	scope.Preview = true
	for step := range b.in.Steps {
		items, err := b.program.ForEach(step, scope)
		if err == nil && b.in.Steps[step].ForEach != "" {
			runs += len(items)
		} else {
			runs++
		}
	}
	if runs > maxRuns {
		return activities.InvalidInput(activities.Faults{{Path: "steps", Problem: tooManyRuns(runs).Error()}})
	}
	return nil
}

func tooManyRuns(runs int) error {
	return fmt.Errorf("%d runs are more than the %d that one workflow can hold; put some of them into nested runbooks", runs, maxRuns)
}

// each runs a step for its items. Those that have succeeded in an earlier attempt are not run again.
func (b *book) each(ctx workflow.Context, step int, items []any) error {
	doc := &b.in.Steps[step]
	r := &b.result.Steps[step]
	if len(r.Items) != len(items) {
		r.Items = make([]StepResult, len(items))
		for i := range items {
			r.Items[i] = StepResult{ID: fmt.Sprintf("%s[%d]", doc.ID, i), Status: StatusWaiting}
		}
	}
	if b.runs += len(items); b.runs > maxRuns {
		return fault(tooManyRuns(b.runs))
	}
	limit := max(minOutputs, b.limit/max(1, len(items)))
	failures, under := 0, 0
	tooMany := func() bool { return doc.MaxFailures.Exceeded(failures, len(items)) }
	done := workflow.NewWaitGroup(ctx)
	for i, value := range items {
		item := &r.Items[i]
		if item.Status == StatusSuccess {
			continue
		}
		err := workflow.Await(ctx, func() bool { return doc.MaxParallel == 0 || under < doc.MaxParallel || tooMany() })
		if err != nil || tooMany() {
			break
		}
		under++
		done.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer done.Done()
			if err := b.item(ctx, step, item, runbook.Item{Value: value, Index: i}, limit); err != nil {
				failures++
			}
			under--
		})
	}
	done.Wait(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if tooMany() {
		return temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("%d of %d items failed", failures, len(items)), ErrorRunbookFailed, nil)
	}
	return nil
}

func (b *book) item(ctx workflow.Context, step int, item *StepResult, value runbook.Item, limit int) error {
	now := workflow.Now(ctx)
	item.Status, item.Reason, item.StartedAt = StatusRunning, "", &now
	b.show()
	scope := b.scope()
	scope.Item = &value
	err := b.one(ctx, step, item.ID, item, scope, limit)
	end := workflow.Now(ctx)
	item.FinishedAt = &end
	switch {
	case err == nil:
		item.Status = StatusSuccess
	case ctx.Err() != nil:
		item.Status = StatusAborted
	default:
		item.Status, item.Reason = StatusFailed, cause(err).Error()
	}
	b.show()
	return err
}
