package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
)

// fail makes the error that a run ends with: one of the contract's types, with details for the
// operator. Without a message it takes over that of its cause.
func fail(errorType string, details any, err error, message string) error {
	switch {
	case err == nil:
	case message == "":
		message = cause(err).Error()
	default:
		message += ": " + cause(err).Error()
	}
	return temporal.NewApplicationErrorWithOptions(message, errorType, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{details},
	})
}

// readErrorType returns the contract's error type of a read that failed: one that no worker took has none of its own,
// and what is no error of the platform's has one of Go's.
func readErrorType(err error) string {
	switch errorType := TypeOf(err); errorType {
	case activities.ErrorInvalidInput, activities.ErrorPlatformAuth:
		return errorType
	}
	return activities.ErrorPlatform
}

// cause strips what Temporal wraps around an activity's own error.
func cause(err error) error {
	var application *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	switch {
	case errors.As(err, &application):
		return errors.New(application.Message())
	case errors.As(err, &timeout):
		return fmt.Errorf("no worker has done it in time (%s); see that workers run, and that they reach the platform", timeout.TimeoutType())
	}
	return err
}

// faultOf returns what an activity's error tells of the platform's answer.
func faultOf(err error) (fault activities.Fault) {
	var application *temporal.ApplicationError
	if errors.As(err, &application) && application.HasDetails() {
		_ = application.Details(&fault) // other details than a Fault leave it empty
	}
	return fault
}
