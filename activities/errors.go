package activities

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/platform"
)

// The application error types that dpaflow's activities and workflows fail with.
const (
	ErrorInvalidInput          = execution.ErrorInvalidInput
	ErrorTriggerRejected       = execution.ErrorTriggerRejected
	ErrorTriggerNotSent        = execution.ErrorTriggerNotSent
	ErrorTriggerOutcomeUnknown = execution.ErrorTriggerOutcomeUnknown
	ErrorWaitTimeout           = execution.ErrorWaitTimeout
	ErrorPlatformAuth          = execution.ErrorPlatformAuth
	ErrorPlatform              = execution.ErrorPlatform
	// ErrorPlanFailed: the plan ran and ended FAIL.
	ErrorPlanFailed = "PlanFailed"
	// ErrorModelFailed: the model ran and ended FAIL.
	ErrorModelFailed = "ModelFailed"
)

// Fault is the detail of the errors that come from talking to the platform.
type Fault struct {
	// Key names the trigger that failed; its callbacks arrive under this key.
	Key string `json:"key,omitempty"`
	// Endpoint is the platform's endpoint, such as "P5 trigger plan".
	Endpoint string `json:"endpoint,omitempty"`
	// HTTPStatus and Code are what the platform answered, 0 where it did not.
	HTTPStatus int `json:"httpStatus,omitempty"`
	Code       int `json:"code,omitempty"`
	// TokenRejected is true where the platform refused a trigger for its token: a new one may do.
	TokenRejected bool `json:"tokenRejected,omitempty"`
	// Busy is true where another run has the model, and nothing was sent for that reason.
	Busy bool `json:"busy,omitempty"`
	// Frozen is true where the worker's policy holds triggers, and nothing was sent for that reason.
	Frozen bool `json:"frozen,omitempty"`
	// Indexed is true where the namespace has dpaflow's search attributes.
	Indexed bool `json:"indexed,omitempty"`
	// Register is true where callbacks may come without a token.
	Register bool `json:"register,omitempty"`
	// OnItsWayUntil is when a request whose outcome is unknown can no longer be on its way.
	OnItsWayUntil time.Time `json:"onItsWayUntil,omitzero"`
	// Earlier is the number of the last trigger that an earlier run, before a reset, may have sent.
	Earlier int `json:"earlier,omitempty"`
}

// faultOf fills a Fault with what a platform error tells.
func faultOf(err error) Fault {
	var refused *platform.Error
	if !errors.As(err, &refused) {
		return Fault{}
	}
	return Fault{
		Endpoint:   refused.Endpoint,
		HTTPStatus: refused.HTTPStatus,
		Code:       refused.Code,
		// A call that was sent had a token; before that it was the credentials that were refused.
		TokenRejected: refused.Auth && refused.Sent,
	}
}

// readError maps the error of a read: whether it may pass decides whether Temporal repeats it.
func readError(doing string, err error) error {
	if err == nil {
		return nil
	}
	message := fmt.Sprintf("%s: %v", doing, err)
	if platform.IsAuth(err) {
		return temporal.NewNonRetryableApplicationError(
			message+"; check DPA_CLIENT_ID and the client secret", ErrorPlatformAuth, nil, faultOf(err))
	}
	if platform.OutcomeOf(err) == platform.Rejected || errors.Is(err, platform.ErrEncoding) {
		return temporal.NewNonRetryableApplicationError(message, ErrorPlatform, nil, faultOf(err))
	}
	return temporal.NewApplicationError(message, ErrorPlatform, faultOf(err))
}

// triggerError makes the error of a trigger. Temporal must never repeat it by itself.
func triggerError(errorType, message string, fault Fault) error {
	return temporal.NewNonRetryableApplicationError(message, errorType, nil, fault)
}
