package workflows

import (
	"errors"
	"slices"

	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// TypeOf returns the type that a failure carries, one of the Error… constants of this package and of package activities;
// it is empty for other errors, a cancellation among them. The error may be one of ExecutePlan's, of a child workflow's
// or of a client's that waited for a run: that holds for all functions here.
func TypeOf(err error) string {
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) {
		return failed.Type()
	}
	return ""
}

// StatusOf reads from a failure or a cancellation of a plan or model how it stood: which instance it had, if any, and
// what is known of it.
func StatusOf(err error) (Status, bool) {
	switch TypeOf(err) {
	case activities.ErrorPlanFailed:
		result, ok := PlanResultOf(err)
		return result.status(Status{PlanID: result.PlanID}), ok
	case activities.ErrorModelFailed:
		result, ok := ModelResultOf(err)
		return result.status(Status{ModelID: result.ModelID}), ok
	}
	if _, isRunbook := RunbookResultOf(err); isRunbook {
		return Status{}, false
	}
	status, ok := detailsOf[Status](err)
	return status, ok && status.Phase != ""
}

// status is that of an instance that has ended.
func (e Ended) status(of Status) Status {
	of.Phase, of.InstanceID, of.Status, of.ObservedBy, of.Notes = PhaseEnded, e.InstanceID, e.Status, e.ObservedBy, e.Notes
	of.TriggeredAt, of.FinishedAt = &e.TriggeredAt, &e.FinishedAt
	return of
}

// PlanResultOf reads from PlanFailed the instance that ended FAIL, and its outputs.
func PlanResultOf(err error) (PlanResult, bool) {
	return detailsOf[PlanResult](err, activities.ErrorPlanFailed)
}

// ModelResultOf reads from ModelFailed the instance that ended FAIL, and its outputs.
func ModelResultOf(err error) (ModelResult, bool) {
	return detailsOf[ModelResult](err, activities.ErrorModelFailed)
}

// RunbookResultOf reads from a failure or a cancellation of a runbook what became of each step.
func RunbookResultOf(err error) (RunbookResult, bool) {
	result, ok := detailsOf[RunbookResult](err)
	return result, ok && len(result.Steps) > 0
}

// FindingsOf reads from InvalidInput everything that is wrong, each with its place.
func FindingsOf(err error) (findings runbook.Faults, ok bool) {
	if findings, ok = detailsOf[runbook.Faults](err, activities.ErrorInvalidInput); ok {
		return findings, ok
	}
	var failed *temporal.ApplicationError
	if TypeOf(err) != activities.ErrorInvalidInput || !errors.As(err, &failed) {
		return nil, false
	}
	return readDetails[runbook.Faults](func(second ...any) error { // a run that had begun tells first how it stood
		var status any
		return failed.Details(append([]any{&status}, second...)...)
	})
}

// detailsOf reads the details of a failure of one of the types, or of any failure and of a cancellation.
func detailsOf[T any](err error, types ...string) (details T, ok bool) {
	var failed *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	switch {
	case errors.As(err, &failed):
		if failed.HasDetails() && (len(types) == 0 || slices.Contains(types, failed.Type())) {
			return readDetails[T](failed.Details)
		}
	case errors.As(err, &cancelled):
		if cancelled.HasDetails() && len(types) == 0 {
			return readDetails[T](cancelled.Details)
		}
	}
	return details, false
}

// readDetails reads details that have come as JSON, or are still the value that they were made of. The SDK panics where
// that is of another type.
func readDetails[T any](read func(...any) error) (details T, ok bool) {
	var value any
	if read(&value) != nil {
		return details, false
	}
	switch value := value.(type) {
	case T:
		return value, true
	case map[string]any, []any:
		return details, read(&details) == nil
	}
	return details, false
}
