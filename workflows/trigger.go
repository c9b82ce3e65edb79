package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
)

const (
	// triggerHeartbeat notices a dead worker within seconds; the activity beats every 3 s.
	triggerHeartbeat = 10 * time.Second
	// triggerLimit bounds one trigger with its preflight, far above what the HTTP time-outs allow.
	triggerLimit = 15 * time.Minute
	// Between triggers that were provably not sent.
	firstRetrigger = time.Second
	lastRetrigger  = time.Minute
)

// trigger gets the instance triggered, or learns that it will not be. A trigger is sent again only
// where it provably did not run: it was not sent, or rejected for its token (once).
func (e *execution) trigger(ctx workflow.Context) error {
	renewed, pause := false, firstRetrigger
	for {
		e.enter(ctx, PhaseTriggering)
		triggered, err := e.send(ctx)
		count(ctx, "dpaflow_triggers", "kind", e.job.kind(), "outcome", cmp.Or(typeOf(err), "Triggered"))
		if err == nil {
			e.accept(ctx, triggered)
			return nil
		}
		e.status.Reason = cause(err).Error()
		switch outcome := typeOf(err); {
		case outcome == activities.ErrorTriggerOutcomeUnknown:
			again, err := e.settle(ctx, err)
			if err != nil || !again {
				return err
			}
			renewed, pause = false, firstRetrigger
		case outcome == activities.ErrorPlatformAuth && !renewed && faultOf(err).TokenRejected:
			renewed = true
		case faultOf(err).Busy && !e.job.waitsForBusy():
			return fail(activities.ErrorTriggerRejected, e.status, err, "")
		case outcome == activities.ErrorTriggerNotSent && e.remaining(ctx) > pause:
			if faultOf(err).Busy {
				e.checked = true // or it would not have got as far as that
				e.enter(ctx, PhaseBusy)
			}
			if err := workflow.Sleep(ctx, pause); err != nil {
				return temporal.NewCanceledError(e.status)
			}
			pause = min(2*pause, spaced(lastRetrigger, workflow.Now(ctx).Sub(e.status.StartedAt)))
		default:
			return fail(outcome, e.status, err, "")
		}
	}
}

// send schedules one trigger activity and waits for its outcome, also when the run is cancelled: only
// the outcome tells whether there is an instance. Its error is one of the contract's types.
func (e *execution) send(ctx workflow.Context) (activities.Triggered, error) {
	e.status.Triggers++
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToStartTimeout: max(e.remaining(ctx), time.Second),
		StartToCloseTimeout:    triggerLimit,
		HeartbeatTimeout:       triggerHeartbeat,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                "trigger " + e.job.name(),
	})
	var triggered activities.Triggered
	label := e.label
	if label != "" {
		label = fmt.Sprintf("%s.%d", label, len(e.keys)+1)
	}
	in := activities.Trigger{
		Origin: workflow.GetInfo(ctx).OriginalRunID, Label: label, Step: cmp.Or(e.step, e.label), Scene: e.scene,
		Preflight: *e.policy.Preflight && !e.checked,
	}
	err := e.job.trigger(ctx, in).Get(ctx, &triggered)
	if err == nil {
		e.keys = append(e.keys, triggered.Key)
		e.indexed, e.registers = triggered.Indexed, triggered.Register
		return triggered, nil
	}
	fault := faultOf(err)
	e.indexed, e.registers = e.indexed || fault.Indexed, e.registers || fault.Register
	var failed *temporal.ActivityError
	lost := errors.As(err, &failed)
	if err = classify(e.job.name(), err); lost && typeOf(err) == activities.ErrorTriggerOutcomeUnknown {
		e.keys = append(e.keys, activities.TriggerKey(in, failed.ActivityID()))
	}
	return triggered, err
}

// classify sorts the errors that do not come from the activity itself. Without the activity's mark
// nothing was sent: it leaves the mark first, and stops if it cannot.
func classify(name string, err error) error {
	switch typeOf(err) {
	case activities.ErrorInvalidInput, activities.ErrorTriggerRejected, activities.ErrorTriggerNotSent,
		activities.ErrorTriggerOutcomeUnknown, activities.ErrorPlatformAuth:
		return err
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		switch {
		case timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START:
			return triggerFailure(activities.ErrorTriggerNotSent, err, "trigger %s: no worker took it in time; nothing was sent", name)
		case !timeout.HasLastHeartbeatDetails():
			return triggerFailure(activities.ErrorTriggerNotSent, err, "trigger %s: the worker was lost before it sent anything", name)
		}
	}
	return triggerFailure(activities.ErrorTriggerOutcomeUnknown, err,
		"trigger %s: it was cut off while it was sent (%v); find out on the platform whether it runs", name, cause(err))
}

func triggerFailure(errorType string, err error, format string, args ...any) error {
	return temporal.NewApplicationErrorWithOptions(fmt.Sprintf(format, args...), errorType,
		temporal.ApplicationErrorOptions{NonRetryable: true, Cause: err})
}

// accept takes over the instance that the trigger's answer named.
func (e *execution) accept(ctx workflow.Context, triggered activities.Triggered) {
	e.status.Reason = ""
	e.status.InstanceID, e.status.TriggeredAt = triggered.InstanceID, &triggered.At
	e.platformTime = triggered.PlatformTime
	if status, ended := e.job.end(strings.ToUpper(triggered.Status)); ended {
		e.finish(ctx, status, ObservedByPoll)
	} else {
		e.status.Status = status
	}
}

// settle waits until evidence leads out of an unknown outcome: news on the trigger's own address, or
// an operator's word. again is true where an operator wants a fresh trigger.
func (e *execution) settle(ctx workflow.Context, unknown error) (again bool, err error) {
	e.enter(ctx, PhaseUnknown)
	if e.policy.OnUnknown == FailOnUnknown {
		return false, fail(activities.ErrorTriggerOutcomeUnknown, e.status, unknown, "")
	}
	e.index(ctx)
	count(ctx, "dpaflow_runs_unknown", "kind", e.job.kind())
	e.log(ctx).Warn("nobody can know whether the trigger ran; a callback or an operator settles it")
	for e.status.InstanceID == "" && e.verdict == "" {
		if e.remaining(ctx) <= 0 {
			return false, fail(activities.ErrorTriggerOutcomeUnknown, e.status, unknown, "")
		}
		if err := e.next(ctx, e.status.Deadline); err != nil {
			return false, err
		}
	}
	verdict := e.verdict
	e.verdict = ""
	e.status.Reason = ""
	if verdict == ActionAbort {
		return false, fail(activities.ErrorTriggerOutcomeUnknown, e.status, unknown, "an operator gave up this run")
	}
	return verdict == ActionRetrigger, nil
}

func (e *execution) remaining(ctx workflow.Context) time.Duration {
	return e.status.Deadline.Sub(workflow.Now(ctx))
}
