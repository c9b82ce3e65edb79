package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/signals"
)

// job is what differs between plans and models.
type job interface {
	kind() string // "plan"
	id() string
	name() string // for messages: "plan acf42dd3"
	describe(*Status)
	// waitsForBusy tells whether the run waits when another has what it wants to trigger.
	waitsForBusy() bool
	// trigger starts the trigger's activity; its result is activities.Triggered.
	trigger(ctx workflow.Context, in activities.Trigger) workflow.Future
	// end translates a status of the platform, and tells whether it ends an instance.
	end(status string) (string, bool)
	// ask asks the platform how the instance is, once; it may not know.
	ask(ctx workflow.Context, e *execution) (answer, error)
	// fetch reads the outputs of the instance and keeps them.
	fetch(ctx workflow.Context, e *execution) error
}

// answer is what the platform says of an instance when it is asked.
type answer struct {
	status string
	text   string // for people
	counts bool   // it cannot be mistaken
}

// execution is the story of one instance: trigger, wait for news, fetch outputs.
type execution struct {
	job          job
	policy       Policy
	desk         *desk
	step         string // of a runbook
	limit        int    // of its outputs, in bytes of JSON
	label        string // names the execution within its workflow, also after a reset; may be empty
	status       Status
	outputsError string
	indexed      bool
	scene        bool      // it is a timed scene, of many instances
	checked      bool      // the inputs have passed the preflight
	registers    bool      // callbacks may come by the instance id alone
	platformTime time.Time // of the trigger, by the platform's clock; zero if not known
	keys         []string  // of the triggers that may have run; the last one is current
	verdict      string    // an operator's, on a trigger in doubt
	wake         workflow.Channel
}

// Ended is what is known of an instance that has ended.
type Ended struct {
	InstanceID string `json:"instanceId"`
	// Status is SUCCESS or FAIL.
	Status string `json:"status"`
	// ObservedBy is callback, poll or operator: who told that it ended.
	ObservedBy  string    `json:"observedBy"`
	TriggeredAt time.Time `json:"triggeredAt"`
	FinishedAt  time.Time `json:"finishedAt"`
	// OutputsError says why there are no outputs, where a failed instance's could not be fetched.
	OutputsError string `json:"outputsError,omitempty"`
	// Notes are what an operator should know of.
	Notes []Note `json:"notes,omitempty"`
}

// execute tells the story of one job. An instance that ended FAIL is no error here.
func execute(ctx workflow.Context, job job, policy Policy) (Ended, error) {
	e := newExecution(ctx, job, policy)
	err := e.tell(ctx)
	if err != nil {
		return Ended{}, err
	}
	return e.ended(), nil
}

func (e *execution) ended() Ended {
	return Ended{
		InstanceID:   e.status.InstanceID,
		Status:       e.status.Status,
		ObservedBy:   e.status.ObservedBy,
		TriggeredAt:  *e.status.TriggeredAt,
		FinishedAt:   *e.status.FinishedAt,
		OutputsError: e.outputsError,
		Notes:        e.status.Notes,
	}
}

func newExecution(ctx workflow.Context, job job, policy Policy) *execution {
	return newStepExecution(ctx, job, policy, "", "", outputsLimit)
}

// newStepExecution is newExecution for a step of a runbook, whose label names this attempt at it.
func newStepExecution(ctx workflow.Context, job job, policy Policy, step, label string, limit int) *execution {
	ctx, desk := openDesk(ctx, false)
	now := workflow.Now(ctx)
	e := &execution{
		job: job, policy: policy, desk: desk, step: step, label: label, limit: limit,
		wake: workflow.NewBufferedChannel(ctx, 1),
	}
	e.status = Status{
		Phase:     PhaseTriggering,
		StartedAt: now,
		Deadline:  now.Add(time.Duration(policy.Timeout)),
	}
	job.describe(&e.status)
	desk.add(e)
	return e
}

// tell tells the story to its end.
func (e *execution) tell(ctx workflow.Context) error {
	defer e.end(ctx)
	if err := e.trigger(ctx); err != nil {
		return err
	}
	e.enter(ctx, PhaseWaiting)
	e.index(ctx)
	if err := e.register(ctx); err != nil {
		return err
	}
	if err := e.await(ctx); err != nil {
		return err
	}
	count(ctx, "dpaflow_runs_ended", "kind", e.job.kind(), "status", e.status.Status, "observed_by", e.status.ObservedBy)
	e.enter(ctx, PhaseFetching)
	err := e.fetch(ctx)
	e.drain(ctx)
	return err
}

// await waits until the instance has ended. It asks the platform only after a while without news.
func (e *execution) await(ctx workflow.Context) error {
	heard := workflow.Now(ctx)
	for e.status.FinishedAt == nil {
		now := workflow.Now(ctx)
		if e.status.LastNewsAt != nil && e.status.LastNewsAt.After(heard) {
			heard = *e.status.LastNewsAt
		}
		ask := heard.Add(spaced(time.Duration(e.policy.PollAfter), now.Sub(*e.status.TriggeredAt)))
		if !now.Before(e.status.Deadline) {
			return fail(activities.ErrorWaitTimeout, e.status, nil, fmt.Sprintf(
				"no end of %s, instance %s, within %s; look at it on the platform, it may still run",
				e.job.name(), e.status.InstanceID, time.Duration(e.policy.Timeout)))
		}
		if !now.Before(ask) {
			if err := e.poll(ctx); err != nil {
				return err
			}
			heard = workflow.Now(ctx)
			continue
		}
		if err := e.next(ctx, earlier(ask, e.status.Deadline)); err != nil {
			return err
		}
	}
	return nil
}

// next waits for one thing to happen: news, an operator's decision, the time, or a cancellation,
// which alone is an error.
func (e *execution) next(ctx workflow.Context, until time.Time) error {
	var cancelled error
	selector := workflow.NewSelector(ctx)
	for _, key := range e.addresses() {
		selector.AddReceive(workflow.GetSignalChannel(ctx, signals.SignalName(key)), func(c workflow.ReceiveChannel, _ bool) {
			var news signals.Callback
			if !c.ReceiveAsync(&news) {
				return
			}
			e.hear(ctx, key, news)
		})
	}
	selector.AddReceive(e.wake, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
	selector.AddFuture(e.desk.ring(until), func(workflow.Future) {})
	selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {
		cancelled = temporal.NewCanceledError(e.status)
	})
	selector.Select(ctx)
	return cancelled
}

// fetch reads the outputs. Those of a failed instance are for the operator: it has failed without
// them too.
func (e *execution) fetch(ctx workflow.Context) error {
	err := e.job.fetch(ctx, e)
	if err == nil || temporal.IsCanceledError(err) {
		return err
	}
	if e.status.Status == StatusFail {
		e.outputsError = cause(err).Error()
		return nil
	}
	return fail(typeOf(err), e.status, err, fmt.Sprintf(
		"%s ended %s as instance %s, but its outputs could not be fetched", e.job.name(), e.status.Status, e.status.InstanceID))
}

func (e *execution) end(ctx workflow.Context) {
	e.enter(ctx, PhaseEnded)
	e.allClear(ctx)
}

func (e *execution) enter(ctx workflow.Context, phase Phase) {
	e.status.Phase = phase
	e.desk.show()
}
