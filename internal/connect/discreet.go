package connect

import (
	"errors"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
)

// discreet keeps out of the SDK's log lines what is encrypted in histories. The SDK logs the errors of activities, and
// their messages may say what a run was given.
type discreet struct{ to log.Logger }

func (d discreet) Debug(message string, keyvals ...any) { d.to.Debug(message, withTypes(keyvals)...) }
func (d discreet) Info(message string, keyvals ...any)  { d.to.Info(message, withTypes(keyvals)...) }
func (d discreet) Warn(message string, keyvals ...any)  { d.to.Warn(message, withTypes(keyvals)...) }
func (d discreet) Error(message string, keyvals ...any) { d.to.Error(message, withTypes(keyvals)...) }

// With implements [log.WithLogger].
func (d discreet) With(keyvals ...any) log.Logger {
	return discreet{log.With(d.to, withTypes(keyvals)...)}
}

// withTypes puts the types of application errors in the place of the errors.
func withTypes(keyvals []any) []any {
	shown := make([]any, len(keyvals))
	for i, value := range keyvals {
		shown[i] = value
		var failed *temporal.ApplicationError
		if err, ok := value.(error); ok && errors.As(err, &failed) {
			shown[i] = failed.Type() + ": the message is encrypted, look into the history"
		}
	}
	return shown
}
