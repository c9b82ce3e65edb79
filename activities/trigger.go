package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"

	"github.com/dpaflow/dpaflow/platform"
)

// Trigger is what the inputs of all triggers have in common.
type Trigger struct {
	// Origin is the workflow's original run id, the same in every reset of a run.
	Origin string `json:"origin"`
	// Label names the trigger within its workflow, in every reset of it too. Without one the activity's
	// id serves, which a reset changes.
	Label string `json:"label,omitempty"`
	// Step tells apart the executions of one plan or model in one workflow.
	Step string `json:"step,omitempty"`
	// Scene is true for a timed scene (P4), whose address brings news of ever new instances.
	Scene bool `json:"scene,omitempty"`
	// Preflight reads the declared inputs first and refuses Params that differ from them.
	Preflight bool `json:"preflight,omitempty"`
}

// Triggered is the result of a trigger that the platform accepted.
type Triggered struct {
	// Key names the trigger within its workflow: its callbacks arrive under it.
	Key        string `json:"key"`
	InstanceID string `json:"instanceId"`
	// Status is what the answer said of the instance, where the platform waited for it.
	Status string    `json:"status,omitempty"`
	At     time.Time `json:"at"`
	// PlatformTime is when the trigger was answered by the platform's own clock, zero if it did not say.
	PlatformTime time.Time `json:"platformTime,omitzero"`
	// Indexed is true where the namespace has dpaflow's search attributes. The workflow learns it here
	// because asking the server is no business of workflow code.
	Indexed bool `json:"indexed,omitempty"`
	// Register is true where callbacks may come without a token: the run must then register its instance.
	Register bool `json:"register,omitempty"`
}

// TriggerKey names a trigger: by the original run of its workflow, and by its label or, without one, by
// its activity, whose id the workflow still knows when the activity was lost. It is never used again.
func TriggerKey(in Trigger, activityID string) string {
	key := in.Origin + "." + cmp.Or(in.Label, activityID)
	if in.Scene {
		key = SceneKeyPrefix + key
	}
	return key
}

// SceneKeyPrefix begins the keys of timed scenes.
const SceneKeyPrefix = "scene:"

// job is what differs between the triggers of plans and of models.
type job struct {
	Trigger
	kind, id string
	// same tells whether the input of another trigger asks for the same; one that cannot be read may.
	same func(input *commonpb.Payloads) bool
	// prepare does everything that can be done before the trigger.
	prepare func(context.Context) (sendFunc, error)
}

// sendFunc sends a trigger. A status is known only where the platform waited for the instance's end.
type sendFunc func(ctx context.Context, callback string) (instanceID, status string, err error)

// trigger sends a trigger at most once: only if it could first leave a mark of its intent with the
// server, and never where it finds such a mark, or where an earlier run of a reset workflow may have
// sent it. Its errors are never retried by Temporal; their type says what is known: InvalidInput,
// TriggerRejected, PlatformAuth and TriggerNotSent mean that nothing runs, TriggerOutcomeUnknown that
// nobody can know.
func (a *Activities) trigger(ctx context.Context, job job) (Triggered, error) {
	info := activity.GetInfo(ctx)
	key := TriggerKey(job.Trigger, info.ActivityID)
	fault := Fault{Key: key, Indexed: a.indexed(), Register: a.register != nil}
	if activity.HasHeartbeatDetails(ctx) {
		return Triggered{}, triggerError(ErrorTriggerOutcomeUnknown, fmt.Sprintf(
			"trigger %s %s: an earlier attempt got as far as sending it; find out on the platform whether it runs", job.kind, job.id), fault)
	}

	mark := a.beat.start(ctx)
	defer mark.stop()
	if err := a.checkReset(ctx, job); errors.Is(err, errTriggeredBefore) {
		return Triggered{}, triggerError(ErrorTriggerOutcomeUnknown, fmt.Sprintf("trigger %s %s: %v", job.kind, job.id, err), fault)
	} else if err != nil {
		return Triggered{}, a.notSent(job, fault, err)
	}
	send, err := job.prepare(ctx)
	if err != nil {
		return Triggered{}, a.notSent(job, fault, err)
	}
	if err := mark.intend(ctx, key); err != nil {
		return Triggered{}, a.notSent(job, fault, fmt.Errorf("leave a mark of the intent with Temporal: %w", err))
	}

	// From here on a cancellation must not cut the call short: only its answer tells what happened.
	at := time.Now().UTC()
	callback := a.callback(ctx, job.kind, info.Namespace, info.WorkflowExecution.ID, key)
	instance, status, err := send(context.WithoutCancel(ctx), callback)
	if err != nil {
		return Triggered{}, a.sent(job, fault, err)
	}
	triggered := Triggered{Key: key, InstanceID: instance, Status: status, At: at, Indexed: fault.Indexed, Register: fault.Register}
	if ahead, known := a.platform.ClockAhead(); known {
		triggered.PlatformTime = time.Now().UTC().Add(ahead)
	}
	return triggered, nil
}

// checkReset looks, in a workflow that was reset, whether an earlier run may have sent this trigger.
func (a *Activities) checkReset(ctx context.Context, job job) error {
	info := activity.GetInfo(ctx)
	if job.Origin == "" || job.Origin == info.WorkflowExecution.RunID {
		return nil
	}
	past := pastRuns{
		histories: a.histories(ctx), workflowID: info.WorkflowExecution.ID, seen: map[string]bool{},
		same: func(scheduled *historypb.ActivityTaskScheduledEventAttributes) bool {
			return scheduled.GetActivityType().GetName() == info.ActivityType.Name && job.same(scheduled.GetInput())
		},
	}
	return past.check(ctx, info.WorkflowExecution.RunID)
}

// notSent maps an error from before the trigger was sent.
func (a *Activities) notSent(job job, fault Fault, err error) error {
	message := fmt.Sprintf("trigger %s %s: %v", job.kind, job.id, err)
	from := faultOf(err)
	from.Key, from.Indexed, from.Register = fault.Key, fault.Indexed, fault.Register
	var faults Faults
	switch {
	case errors.As(err, &faults):
		return InvalidInput(faults)
	case errors.Is(err, errBusy):
		from.Busy = true
		return triggerError(ErrorTriggerNotSent, message+"; nothing was sent", from)
	case platform.IsAuth(err):
		return triggerError(ErrorPlatformAuth, message+"; check DPA_CLIENT_ID and the client secret", from)
	default:
		return triggerError(ErrorTriggerNotSent, message+"; nothing was sent", from)
	}
}

// sent maps the error of the trigger itself by what the platform package knows of its outcome.
func (a *Activities) sent(job job, fault Fault, err error) error {
	message := fmt.Sprintf("trigger %s %s: %v", job.kind, job.id, err)
	from := faultOf(err)
	from.Key, from.Indexed, from.Register = fault.Key, fault.Indexed, fault.Register
	switch outcome := platform.OutcomeOf(err); {
	case errors.Is(err, platform.ErrInput):
		return InvalidInput(Faults{{Problem: err.Error()}})
	case errors.Is(err, errBusy):
		return a.notSent(job, fault, err)
	case from.TokenRejected:
		return triggerError(ErrorPlatformAuth, message+"; it did not run", from)
	case platform.IsAuth(err):
		return a.notSent(job, fault, err)
	case outcome == platform.Rejected:
		return triggerError(ErrorTriggerRejected, message+"; it did not run", from)
	case outcome == platform.NotSent:
		return triggerError(ErrorTriggerNotSent, message+"; nothing was sent", from)
	default:
		return triggerError(ErrorTriggerOutcomeUnknown, message+"; find out on the platform whether it runs", from)
	}
}
