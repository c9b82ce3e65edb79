package workflows

import (
	"errors"

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

// typeOf returns the application error type of err, "" if it has none.
func typeOf(err error) string {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return application.Type()
	}
	return ""
}

// cause strips what Temporal wraps around an activity's own error.
func cause(err error) error {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return errors.New(application.Message())
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
