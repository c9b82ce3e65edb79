package platform

import (
	"errors"
	"net/http"
)

// Outcome is what is known about whether a trigger ran.
type Outcome int

const (
	// Unknown: nobody can know; only news of the instance can tell.
	Unknown Outcome = iota
	// Triggered: the platform named the instance that it runs, or took the scene that it was given.
	Triggered
	// Rejected: the platform refused it, so it did not run, and sending the same again is no use
	// (unless IsAuth: then a new token may be).
	Rejected
	// NotSent: it provably never left.
	NotSent
)

// String returns the outcome's name in lower case, such as "not sent".
func (o Outcome) String() string {
	switch o {
	case Triggered:
		return "triggered"
	case Rejected:
		return "rejected"
	case NotSent:
		return "not sent"
	default:
		return "unknown"
	}
}

// OutcomeOf tells what is known of a trigger by the error it returned. Whatever
// is not provable is Unknown: HTTP statuses alone prove nothing but 401 and 403,
// because a proxy may give any other after the platform went to work.
func OutcomeOf(err error) Outcome {
	var e *Error
	switch {
	case err == nil:
		return Triggered
	case !errors.As(err, &e), e.contradicts:
		return Unknown
	case errors.Is(e.Err, ErrInput), e.Auth:
		return Rejected
	case !e.Sent && e.HTTPStatus == 0 && e.Code == 0:
		return NotSent
	case isRefusal(e.HTTPStatus, e.Code):
		return Rejected
	default:
		return Unknown
	}
}

// isRefusal: the envelope says that nothing ran, and HTTP does not contradict it.
func isRefusal(status, code int) bool {
	return didNotRun[code] && (isSuccess(status) || isClientError(status))
}

// isAuthFailure: HTTP or the envelope refuses the token, and the other does not contradict it.
func isAuthFailure(status, code int) bool {
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return code == 0 || code == status || didNotRun[code]
	}
	return code == http.StatusForbidden && isRefusal(status, code)
}

func isClientError(status int) bool { return status >= 400 && status < 500 }
