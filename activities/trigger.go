package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/dpaflow/dpaflow/platform"
)

// PlanTrigger is the input of TriggerPlan.
type PlanTrigger struct {
	PlanID string     `json:"planId"`
	Params PlanParams `json:"params,omitempty"`
	// Origin is the workflow's original run id. It is the same in every reset of a run, and so is the
	// trigger's key.
	Origin string `json:"origin"`
	// Preflight reads the plan's declared inputs (P3) first and refuses Params that differ from them.
	Preflight bool `json:"preflight,omitempty"`
}

// Triggered is the result of a trigger that the platform accepted.
type Triggered struct {
	// Key names the trigger within its workflow: its callbacks arrive under it.
	Key        string    `json:"key"`
	InstanceID string    `json:"instanceId"`
	At         time.Time `json:"at"`
	// Indexed is true where the namespace has dpaflow's search attributes. The workflow learns it here
	// because asking the server is no business of workflow code.
	Indexed bool `json:"indexed,omitempty"`
}

// TriggerKey names a trigger: by the original run of its workflow and by its activity, whose id the
// workflow still knows when the activity was lost. It survives resets and is never used again.
func TriggerKey(origin, activityID string) string { return origin + "." + activityID }

// TriggerPlan runs a plan (P5), at most once: it sends the trigger only if it could first leave a
// mark of its intent with the server, and never where it finds such a mark. Its errors are never
// retried by Temporal; their type says what is known: InvalidInput, TriggerRejected, PlatformAuth
// and TriggerNotSent mean that nothing runs, TriggerOutcomeUnknown that nobody can know.
func (a *Activities) TriggerPlan(ctx context.Context, in PlanTrigger) (Triggered, error) {
	return a.trigger(ctx, "plan", in.PlanID, in.Origin, job{
		prepare: func(ctx context.Context) (func(context.Context, string) (string, error), error) {
			if in.Preflight {
				if err := a.preflightPlan(ctx, in); err != nil {
					return nil, err
				}
			}
			params, err := a.resolve(in.Params)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context, callback string) (string, error) {
				return a.platform.TriggerPlan(ctx, platform.PlanTrigger{
					PlanID: in.PlanID, Params: params, CallbackURL: callback,
				})
			}, nil
		},
	})
}

// job is what differs between the triggers of plans and of models: everything that can be done
// before the trigger, and the sending itself, which returns the instance id.
type job struct {
	prepare func(context.Context) (send func(ctx context.Context, callback string) (string, error), err error)
}

func (a *Activities) trigger(ctx context.Context, kind, id, origin string, job job) (Triggered, error) {
	info := activity.GetInfo(ctx)
	key := TriggerKey(origin, info.ActivityID)
	fault := Fault{Key: key, Indexed: a.indexed()}
	if activity.HasHeartbeatDetails(ctx) {
		return Triggered{}, triggerError(ErrorTriggerOutcomeUnknown, fmt.Sprintf(
			"trigger %s %s: an earlier attempt got as far as sending it; find out on the platform whether it runs", kind, id), fault)
	}

	mark := a.beat.start(ctx)
	defer mark.stop()
	send, err := job.prepare(ctx)
	if err != nil {
		return Triggered{}, a.notSent(kind, id, fault, err)
	}
	if err := mark.intend(ctx, key); err != nil {
		return Triggered{}, a.notSent(kind, id, fault, fmt.Errorf("leave a mark of the intent with Temporal: %w", err))
	}

	// From here on a cancellation must not cut the call short: only its answer tells what happened.
	at := time.Now().UTC()
	callback := a.callback(kind, info.WorkflowNamespace, info.WorkflowExecution.ID, key)
	instance, err := send(context.WithoutCancel(ctx), callback)
	if err != nil {
		return Triggered{}, a.sent(kind, id, fault, err)
	}
	return Triggered{Key: key, InstanceID: instance, At: at, Indexed: fault.Indexed}, nil
}

// notSent maps an error from before the trigger was sent.
func (a *Activities) notSent(kind, id string, fault Fault, err error) error {
	message := fmt.Sprintf("trigger %s %s: %v", kind, id, err)
	from := faultOf(err)
	from.Key, from.Indexed = fault.Key, fault.Indexed
	var faults Faults
	switch {
	case errors.As(err, &faults):
		return InvalidInput(faults)
	case platform.IsAuth(err):
		return triggerError(ErrorPlatformAuth, message+"; check DPA_CLIENT_ID and the client secret", from)
	default:
		return triggerError(ErrorTriggerNotSent, message+"; nothing was sent", from)
	}
}

// sent maps the error of the trigger itself by what the platform package knows of its outcome.
func (a *Activities) sent(kind, id string, fault Fault, err error) error {
	message := fmt.Sprintf("trigger %s %s: %v", kind, id, err)
	from := faultOf(err)
	from.Key, from.Indexed = fault.Key, fault.Indexed
	switch outcome := platform.OutcomeOf(err); {
	case from.TokenRejected:
		return triggerError(ErrorPlatformAuth, message+"; it did not run", from)
	case platform.IsAuth(err):
		return a.notSent(kind, id, fault, err)
	case outcome == platform.Rejected:
		return triggerError(ErrorTriggerRejected, message+"; it did not run", from)
	case outcome == platform.NotSent:
		return triggerError(ErrorTriggerNotSent, message+"; nothing was sent", from)
	default:
		return triggerError(ErrorTriggerOutcomeUnknown, message+"; find out on the platform whether it runs", from)
	}
}
