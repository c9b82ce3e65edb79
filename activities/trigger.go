package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"

	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/lock"
	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
)

// Trigger is what the inputs of all triggers have in common.
type Trigger struct {
	// Origin is the workflow's original run id, the same in every reset of a run.
	Origin string `json:"origin"`
	// Label names the execution within its workflow, in every reset of it too. Number counts the triggers of the
	// execution.
	Label  string `json:"label,omitempty"`
	Number int    `json:"number,omitempty"`
	// Resets are earlier runs of the workflow's chain that a reset began: what was sent before those may be this trigger.
	Resets []string `json:"resets,omitempty"`
	// Step tells apart the executions of one plan or model in one workflow.
	Step string `json:"step,omitempty"`
	// Scene is true for a timed scene (P4), whose address brings callbacks of ever new instances.
	Scene bool `json:"scene,omitempty"`
	// Preflight reads the declared inputs first and refuses Params that differ from them, unless that was Checked, and
	// sends nothing while a model is busy.
	Preflight bool `json:"preflight,omitempty"`
	Checked   bool `json:"checked,omitempty"`
	// Locks are those that the execution is under, in a run that was reset: it may have given them away since.
	Locks []lock.Use `json:"locks,omitempty"`
	// Exempt triggers undo or finish what has begun: they are sent also while the policy is frozen.
	Exempt bool `json:"exempt,omitempty"`
}

// Triggered is the result of a trigger that the platform accepted.
type Triggered struct {
	// Key names the trigger within its workflow: its callbacks arrive under it.
	Key        string `json:"key"`
	InstanceID string `json:"instanceId"`
	// Status is what the answer said of the instance.
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

// TriggerKey names a trigger: by the original run of its workflow, and by its label and number.
func TriggerKey(in Trigger) string { return execution.Key(in.Origin, in.Label, in.Number, in.Scene) }

// request is what differs between the triggers of plans and of models.
type request struct {
	Trigger
	kind, id string
	policy   PolicyTrigger
	// patience is how much longer than other calls the trigger may take.
	patience time.Duration
	// same tells whether the input of another trigger asks for the same, and under which number; one that cannot be
	// read may.
	same func(input *commonpb.Payloads) (number int, same bool)
	// prepare does everything that is done before the trigger, and returns what sends it.
	prepare func(context.Context) (sendFunc, error)
}

// sendFunc sends a trigger. It calls intend when nothing but writing the request is left.
type sendFunc func(ctx context.Context, callback string, intend intendFunc) (instanceID, status string, err error)

// intendFunc records the intent, and returns until when the request may begin to be written.
type intendFunc = func(context.Context) (until time.Time, err error)

// sameTrigger compares the inputs of two triggers of one plan or model.
func sameTrigger(in, other Trigger) (number int, same bool) {
	if in.Origin != other.Origin || in.Label != other.Label || in.Step != other.Step {
		return 0, false
	}
	return other.Number, true
}

// trigger sends a trigger at most once: only under a lease that the server knows of, and never where it may have been
// sent before. Its errors are never retried by Temporal; their type says what is known: InvalidInput,
// TriggerRejected, PlatformAuth and TriggerNotSent mean that nothing runs, TriggerOutcomeUnknown that nobody can know.
func (a *Activities) trigger(ctx context.Context, r request) (Triggered, error) {
	if err := refuseAlone(ctx); err != nil {
		return Triggered{}, err
	}
	info := activity.GetInfo(ctx)
	facts := Fault{Key: TriggerKey(r.Trigger), Indexed: a.indexed(), Register: a.unsigned}
	if activity.HasHeartbeatDetails(ctx) {
		var intent execution.Intent
		_ = activity.GetHeartbeatDetails(ctx, &intent) // what cannot be read is an intent all the same
		facts.OnItsWayUntil = intent.OnItsWayUntil
		return Triggered{}, r.unknown(facts, "an earlier attempt got as far as sending it")
	}

	heart := a.beat.start(ctx)
	defer heart.stop()
	past, err := a.judgePast(ctx, r)
	if err != nil {
		return Triggered{}, r.notSent(facts, err)
	}
	if past.MayHaveRun {
		facts.OnItsWayUntil, facts.Earlier = past.OnItsWayUntil, past.Number
		message := "the workflow was reset, and its earlier run has sent this trigger already or may have"
		if past.InstanceID != "" {
			message += "; the platform named instance " + past.InstanceID
		}
		return Triggered{}, r.unknown(facts, message)
	}
	if err := a.holdsLocks(ctx, r.Locks); err != nil {
		return Triggered{}, r.notSent(facts, err)
	}
	if err := a.allowed(r.policy); err != nil {
		return Triggered{}, r.notSent(facts, err)
	}
	if err := a.thawed(r.Trigger); err != nil {
		return Triggered{}, r.notSent(facts, err)
	}
	send, err := r.prepare(ctx)
	if err != nil {
		return Triggered{}, r.notSent(facts, err)
	}

	callback := a.callback(ctx, r.kind, info.Namespace, info.WorkflowExecution.ID, facts.Key)
	sending, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	follow := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	defer follow()
	var at time.Time
	instance, status, err := send(sending, callback, func(ctx context.Context) (time.Time, error) {
		if err := a.thawed(r.Trigger); err != nil { // it may have been frozen since
			return time.Time{}, err
		}
		at = time.Now().UTC()
		lease, err := execution.NewLease(at, info.Deadline, a.platform.CallTimeout()+r.patience)
		if err != nil {
			return time.Time{}, err
		}
		facts.OnItsWayUntil = lease.OnItsWayUntil
		intent := execution.Intent{Key: facts.Key, OnItsWayUntil: lease.OnItsWayUntil, Indexed: facts.Indexed, Register: facts.Register}
		if err := heart.intend(ctx, intent); err != nil {
			return time.Time{}, fmt.Errorf("record the intent with Temporal: %w", err)
		}
		if !follow() { // from here on a cancellation must not cut the call short: only its answer tells what happened
			return time.Time{}, context.Cause(ctx)
		}
		return lease.Until, nil
	})
	if err != nil {
		return Triggered{}, r.sent(facts, err)
	}
	triggered := Triggered{Key: facts.Key, InstanceID: instance, Status: status, At: at, Indexed: facts.Indexed, Register: facts.Register}
	if ahead, known := a.platform.ClockAhead(); known {
		triggered.PlatformTime = time.Now().UTC().Add(ahead)
	}
	return triggered, nil
}

func (r request) unknown(facts Fault, message string) error {
	return triggerError(ErrorTriggerOutcomeUnknown, fmt.Sprintf(
		"trigger %s %s: %s; find out on the platform whether it runs", r.kind, r.id, message), facts)
}

// with adds to the facts what an error tells of the platform's answer.
func (facts Fault) with(err error) Fault {
	fault := faultOf(err)
	fault.Key, fault.Indexed, fault.Register, fault.OnItsWayUntil = facts.Key, facts.Indexed, facts.Register, facts.OnItsWayUntil
	return fault
}

// notSent maps an error from before the trigger was sent.
func (r request) notSent(facts Fault, err error) error {
	message := fmt.Sprintf("trigger %s %s: %v", r.kind, r.id, err)
	fault := facts.with(err)
	fault.OnItsWayUntil = time.Time{}
	var faults runbook.Faults
	switch {
	case errors.As(err, &faults):
		return InvalidInput(faults)
	case errors.Is(err, errBusy), errors.Is(err, errFrozen):
		fault.Busy, fault.Frozen = errors.Is(err, errBusy), errors.Is(err, errFrozen)
		return triggerError(ErrorTriggerNotSent, message+"; nothing was sent", fault)
	case platform.IsAuth(err):
		return triggerError(ErrorPlatformAuth, message+"; check DPA_CLIENT_ID and the client secret", fault)
	default:
		return triggerError(ErrorTriggerNotSent, message+"; nothing was sent", fault)
	}
}

// sent maps the error of the trigger itself by what the platform package knows of its outcome.
func (r request) sent(facts Fault, err error) error {
	message := fmt.Sprintf("trigger %s %s: %v", r.kind, r.id, err)
	fault := facts.with(err)
	switch outcome := platform.OutcomeOf(err); {
	case errors.Is(err, platform.ErrInput):
		return InvalidInput(runbook.Faults{{Problem: err.Error()}})
	case errors.Is(err, errBusy), platform.IsAuth(err) && !fault.TokenRejected, outcome == platform.NotSent:
		return r.notSent(facts, err)
	case fault.TokenRejected:
		return triggerError(ErrorPlatformAuth, message+"; it did not run", fault)
	case outcome == platform.Rejected:
		return triggerError(ErrorTriggerRejected, message+"; it did not run", fault)
	default:
		return triggerError(ErrorTriggerOutcomeUnknown, message+"; find out on the platform whether it runs", fault)
	}
}
