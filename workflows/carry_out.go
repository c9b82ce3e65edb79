package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/signals"
)

// do carries out one command of the core. It decides nothing.
func (r *run) do(command execution.Command) {
	switch command := command.(type) {
	case execution.Send:
		r.send(command)
	case execution.Recall:
		r.recall()
	case execution.Poll:
		r.asked, r.askedFor = r.target.poll(r), command.InstanceID
	case execution.Fetch:
		r.outputs = r.target.fetch(r)
	case execution.Register:
		var a *activities.Activities
		in := activities.Instance{Kind: r.state.Rules.Kind(), InstanceID: command.InstanceID, From: command.From, Until: command.Until}
		r.registered = readPatiently(r.ctx, a.DpaRegisterInstance, in)
	case execution.Index:
		r.all.index(r)
	case execution.Reply:
		if command.Refusal == "" && r.all.recorded != nil {
			r.all.recorded(r.state.Status.Actions[len(r.state.Status.Actions)-1])
		}
		r.replies[command.ID] = command.Refusal
	case execution.Count:
		count(r.ctx, command.Name, command.Labels...)
	case execution.Log:
		r.log().Warn(command.Text)
	}
}

// send schedules one trigger activity. It does not end with the run's context: only its outcome tells whether there
// is an instance.
func (r *run) send(command execution.Send) {
	ctx, recall := workflow.WithCancel(r.kept)
	r.recall = recall
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToStartTimeout: command.Within,
		StartToCloseTimeout:    execution.Attempt,
		HeartbeatTimeout:       execution.Heartbeat,
		WaitForCancellation:    true,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                "trigger " + r.state.Rules.Name,
	})
	r.sent = r.target.trigger(ctx, activities.Trigger{
		Origin: r.state.Rules.Origin, Label: r.state.Rules.Label, Number: command.Number, Step: cmp.Or(r.step, r.state.Rules.Label),
		Resets: r.all.resets, Scene: r.state.Rules.Target == execution.Scene, Preflight: command.Preflight, Checked: command.Checked,
		Exempt: r.state.Rules.Exempt, Locks: r.locks,
	})
}

// sentEvent says how the trigger's activity ended.
func sentEvent(name string, triggered activities.Triggered, err error) *execution.Sent {
	if err == nil {
		return &execution.Sent{
			Key: triggered.Key, InstanceID: triggered.InstanceID, Status: triggered.Status, At: triggered.At,
			PlatformTime: triggered.PlatformTime, Indexed: triggered.Indexed, Registers: triggered.Register,
		}
	}
	if TypeOf(err) != "" {
		fault := faultOf(err)
		event := &execution.Sent{
			Key: fault.Key, ErrorType: TypeOf(err), Message: cause(err).Error(), Earlier: fault.Earlier,
			TokenRejected: fault.TokenRejected, Busy: fault.Busy, Frozen: fault.Frozen, Indexed: fault.Indexed, Registers: fault.Register,
		}
		if !fault.OnItsWayUntil.IsZero() {
			event.Intent = &execution.Intent{OnItsWayUntil: fault.OnItsWayUntil}
		}
		return event
	}
	event := &execution.Sent{ErrorType: execution.ErrorLost}
	var timeout *temporal.TimeoutError
	switch {
	case !errors.As(err, &timeout):
		event.Message = fmt.Sprintf("trigger %s: it was cancelled before it was sent", name)
	case timeout.HasLastHeartbeatDetails():
		event.Intent = &execution.Intent{}
		_ = timeout.LastHeartbeatDetails(event.Intent) // what cannot be read is an intent all the same
		event.Indexed, event.Registers = event.Intent.Indexed, event.Intent.Register
		event.Key = event.Intent.Key
		event.Message = fmt.Sprintf("trigger %s: it was cut off while it was sent (%v); find out on the platform whether it runs", name, timeout)
	case timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START:
		event.Message = fmt.Sprintf("trigger %s: no worker took it in time; nothing was sent", name)
	default:
		event.Message = fmt.Sprintf("trigger %s: the worker was lost before it sent anything", name)
	}
	if !temporal.IsCanceledError(err) && timeout == nil {
		event.ErrorType = activities.ErrorTriggerOutcomeUnknown
		event.Message = fmt.Sprintf("trigger %s: it ended in an unknown way (%v); find out on the platform whether it runs", name, cause(err))
	}
	return event
}

func (r *run) channel(address string) workflow.ReceiveChannel {
	return workflow.GetSignalChannel(r.ctx, signals.SignalName(address))
}

// addresses are those that callbacks are waited for at. A scene waits for its first only, at whichever.
func (r *run) addresses() []string {
	switch {
	case r.state.Rules.Target != execution.Scene:
		return r.state.Addresses()
	case r.state.Status.TriggeredAt == nil:
		return slices.DeleteFunc(unreadCallbacks(r.ctx), func(address string) bool { return !r.state.Shows(address) })
	}
	return nil
}

// callbacks takes the callbacks that came to an address. Those of a scene stay where they are, for its collector:
// to the core it matters only that there is one.
func (r *run) callbacks(address string) (events []execution.Event) {
	if r.state.Rules.Target == execution.Scene {
		return []execution.Event{&execution.Callback{Address: address}}
	}
	for {
		var callback signals.Callback
		if !r.channel(address).ReceiveAsync(&callback) {
			return events
		}
		events = append(events, &execution.Callback{Address: address, InstanceID: callback.InstanceID, Status: callback.Status})
	}
}

// log names what a line is about; the workflow and its run are in it already.
func (r *run) log() log.Logger {
	return log.With(workflow.GetLogger(r.ctx), "target", r.state.Rules.Name, "step", r.step, "instanceId", r.state.Status.InstanceID)
}

// count counts one thing that happened, once however often the workflow is replayed.
func count(ctx workflow.Context, name string, tags ...string) {
	labels := make(map[string]string, len(tags)/2)
	for i := 0; i+1 < len(tags); i += 2 {
		labels[tags[i]] = tags[i+1]
	}
	workflow.GetMetricsHandler(ctx).WithTags(labels).Counter(name).Inc(1)
}
