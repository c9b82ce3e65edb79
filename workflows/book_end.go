package workflows

import (
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// rollBack undoes the steps that had succeeded, the last one first. Nothing that happens to the runbook
// keeps it from that, and a rollback that fails does not keep it from the others.
func (b *book) rollBack() {
	ctx, _ := workflow.NewDisconnectedContext(b.ctx)
	for _, step := range slices.Backward(b.order) {
		if b.in.Steps[step].Rollback == nil {
			continue
		}
		r := &b.result.Steps[step]
		r.RolledBack = StatusRunning
		b.show()
		var failures []error
		if b.in.Steps[step].ForEach == "" {
			failures = append(failures, b.undo(ctx, step, r, b.scope()))
		} else {
			failures = b.undoItems(ctx, step, r)
		}
		r.RolledBack = StatusSuccess
		if err := errors.Join(failures...); err != nil {
			r.RolledBack, r.Reason = StatusFailed, "its rollback failed: "+err.Error()
		}
		b.show()
	}
}

// undoItems undoes the items that had succeeded, the last one first.
func (b *book) undoItems(ctx workflow.Context, step int, r *StepResult) (failures []error) {
	for i := range slices.Backward(r.Items) {
		if r.Items[i].Status != StatusSuccess {
			continue
		}
		scope := b.scope()
		scope.Item = &runbook.Item{Index: i}
		if items, err := b.program.ForEach(step, scope); err == nil && i < len(items) {
			scope.Item.Value = items[i]
		}
		failures = append(failures, b.undo(ctx, step, &r.Items[i], scope))
	}
	return failures
}

// undo runs one rollback to its end.
func (b *book) undo(ctx workflow.Context, step int, r *StepResult, scope runbook.Scope) error {
	job, err := b.program.Rollback(step, scope)
	if err != nil {
		return err
	}
	undone := StepResult{ID: r.ID + "~rollback"}
	if err := b.execute(ctx, undone.ID, &undone, job, minOutputs); err != nil {
		return cause(err)
	}
	return nil
}

// resume takes over the steps that ended well in an earlier run.
func (b *book) resume() error {
	var a *activities.Activities
	var earlier RunbookResult
	from := *b.in.ResumeFrom
	err := read(b.ctx, a.EarlierRunbook, activities.EarlierRun{WorkflowID: from.WorkflowID, RunID: from.RunID}, &earlier)
	if typeOf(err) == activities.ErrorInvalidInput {
		return activities.InvalidInput(activities.Faults{{Path: "resumeFrom", Problem: cause(err).Error()}})
	}
	if err != nil {
		return fail(typeOf(err), b.snapshot(), err, "the runbook was not started: the run that it resumes could not be read")
	}
	if earlier.FinishedAt == nil {
		return activities.InvalidInput(activities.Faults{{Path: "resumeFrom", Problem: fmt.Sprintf("run %q has not ended", from.WorkflowID)}})
	}
	for _, old := range earlier.Steps {
		step := b.find(old.ID)
		if step < 0 {
			continue
		}
		switch {
		case old.Status == StatusSuccess && old.RolledBack == "":
			b.states[step] = runbook.Succeeded
			b.order = append(b.order, step)
		case old.Status == StatusSkipped && old.Reason == skippedByOperator:
			b.states[step] = runbook.Skipped
		default:
			b.result.Steps[step].WorkflowID = old.WorkflowID
			b.result.Steps[step].Items = succeeded(old.Items)
			continue
		}
		old.Resumed = true
		b.result.Steps[step] = old
	}
	return nil
}

const skippedByOperator = "skipped by an operator"

// succeeded are the items of a step that are not run again; the others start anew.
func succeeded(items []StepResult) []StepResult {
	kept := make([]StepResult, len(items))
	for i, item := range items {
		kept[i] = StepResult{ID: item.ID, Status: StatusWaiting}
		if item.Status == StatusSuccess {
			item.Resumed = true
			kept[i] = item
		}
	}
	return kept
}

// finish makes the result, and the failure where there is one.
func (b *book) finish(cancelled error) (RunbookResult, error) {
	now := workflow.Now(b.ctx)
	b.endUnreachable()
	for step, state := range b.states {
		if state == runbook.Waiting {
			b.end(step, runbook.Aborted, "the runbook ended before it")
		}
	}
	b.result.FinishedAt = &now
	b.result.Status = StatusSuccess
	failed := ""
	for step, state := range b.states {
		if state == runbook.Failed && b.in.FailureOf(step) != runbook.ContinueOnFailure {
			failed = b.result.Steps[step].ID
		}
	}
	result := b.snapshot()
	b.show()
	switch {
	case cancelled != nil:
		b.result.Status, result.Status = StatusAborted, StatusAborted
		return RunbookResult{}, temporal.NewCanceledError(result)
	case b.ending == aborted:
		b.result.Status, result.Status = StatusAborted, StatusAborted
		return RunbookResult{}, fail(ErrorRunbookAborted, result, nil, fmt.Sprintf(
			"runbook %s was aborted: %s%s", b.in.Name, b.result.Reason, stillRunning(result)))
	case failed != "":
		b.result.Status, result.Status = StatusFailed, StatusFailed
		return RunbookResult{}, fail(ErrorRunbookFailed, result, nil, fmt.Sprintf(
			"runbook %s failed at step %s; what became of each step is in the details%s", b.in.Name, failed, stillRunning(result)))
	}
	return result, nil
}

func stillRunning(result RunbookResult) string {
	if len(result.StillRunning) == 0 {
		return ""
	}
	return fmt.Sprintf("; %d instances still run on the platform, which cannot cancel them", len(result.StillRunning))
}
