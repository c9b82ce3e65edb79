package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/lock"
)

// Lock is the workflow type "DpaLock": it keeps one lock, from the first runbook that asks for it until nobody has it.
// While somebody waits, it looks whether who has the lock is still open. It answers the query "status".
func Lock(ctx workflow.Context, state lock.State) error {
	l := &keptLock{ctx: ctx, state: state}
	if err := workflow.SetQueryHandler(ctx, "status", func() (lock.State, error) { return l.state, nil }); err != nil {
		return err
	}
	for {
		events := l.take()
		for _, reply := range l.state.Next(workflow.Now(ctx), events...) {
			l.send(reply)
		}
		l.watch()
		switch {
		case l.state.Idle() && len(l.sent) == 0:
			return nil
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested() && len(l.sent) == 0 && l.left == nil:
			return workflow.NewContinueAsNewError(ctx, lock.Workflow, l.state)
		}
		if err := workflow.Await(ctx, l.arrived); err != nil {
			return err
		}
	}
}

// keptLock is the shell around a lock's state.
type keptLock struct {
	ctx   workflow.Context
	state lock.State
	sent  []delivery

	watched lock.Holder
	seen    *reading        // whether who has the lock is open now
	over    workflow.Future // the same, as soon as it is not
	forget  workflow.CancelFunc
	left    *reading // the state of one that is gone
}

// delivery is an answer on its way.
type delivery struct {
	to   lock.Holder
	done workflow.Future
}

func (l *keptLock) requests() workflow.ReceiveChannel {
	return workflow.GetSignalChannel(l.ctx, lock.Request)
}

func (l *keptLock) arrived() bool {
	if l.requests().Len() > 0 || l.over != nil && l.over.IsReady() {
		return true
	}
	for _, read := range []*reading{l.seen, l.left} {
		if read != nil && read.ready() {
			return true
		}
	}
	for _, d := range l.sent {
		if d.done.IsReady() {
			return true
		}
	}
	return false
}

// take takes everything that has arrived.
func (l *keptLock) take() (events []lock.Event) {
	for request := (lock.Requested{}); l.requests().ReceiveAsync(&request); request = (lock.Requested{}) {
		events = append(events, request.Event())
	}
	events = append(events, l.delivered()...)
	var holder activities.LockHolder
	if l.seen.done() {
		if err := l.seen.get(&holder); err == nil && !holder.Open {
			events = append(events, l.gone(holder)...)
		} else { // who cannot be looked up now is looked for all the time
			events = append(events, lock.Seen{Holder: l.watched})
		}
		l.seen = nil
	}
	if l.over != nil && l.over.IsReady() {
		if l.over.Get(l.ctx, &holder) == nil {
			events = append(events, l.gone(holder)...)
		}
		l.over = nil
	}
	if l.left.done() {
		events = append(events, lock.Gone{Holder: l.watched, Left: l.remains()})
		l.left = nil
	}
	return events
}

// delivered finds the answers that nobody was there for.
func (l *keptLock) delivered() (events []lock.Event) {
	var open []delivery
	for _, d := range l.sent {
		switch {
		case !d.done.IsReady():
			open = append(open, d)
		case d.done.Get(l.ctx, nil) != nil:
			events = append(events, lock.Unreachable{Holder: d.to})
		}
	}
	l.sent = open
	return events
}

func (l *keptLock) send(reply lock.Reply) {
	done := workflow.SignalExternalWorkflow(l.ctx, reply.To.WorkflowID, "", lock.Signal(reply.To.Key), reply.Answer)
	l.sent = append(l.sent, delivery{reply.To, done})
}

// gone reads what one left that has closed without giving the lock back, where anybody can know.
func (l *keptLock) gone(holder activities.LockHolder) []lock.Event {
	switch {
	case l.left != nil:
	case holder.RunID == "":
		return []lock.Event{lock.Gone{Holder: l.watched, Left: []string{l.ended("nobody knows what runs")}}}
	default:
		var a *activities.Activities
		l.left = readPatiently(l.ctx, a.DpaEarlierRunbook, activities.EarlierRun{WorkflowID: l.watched.WorkflowID, RunID: holder.RunID})
	}
	return nil
}

// remains are what it left running, or may have.
func (l *keptLock) remains() (list []string) {
	var earlier RunbookResult
	if err := l.left.get(&earlier); err != nil {
		return []string{l.ended(fmt.Sprintf("what runs is not known (%s)", cause(err)))}
	}
	for _, what := range earlier.Left() {
		list = append(list, l.ended(what))
	}
	return list
}

func (l *keptLock) ended(what string) string {
	return fmt.Sprintf("%s, of workflow %s, which ended without giving it back", what, l.watched.WorkflowID)
}

// watch looks whether who has the lock is open, while that matters.
func (l *keptLock) watch() {
	var a *activities.Activities
	holder, any := l.state.Holder()
	if (!any || !l.watched.Is(holder) || !l.state.Contended()) && l.left == nil {
		if l.over != nil {
			l.forget()
		}
		l.seen, l.over, l.watched = nil, nil, holder
	}
	if !l.state.Contended() || l.left != nil {
		return
	}
	if l.state.Unsure && l.seen == nil {
		l.seen = readQuickly(l.ctx, a.DpaLockHolder, activities.LockQuestion{Holder: holder})
	}
	if l.over == nil {
		ctx, forget := workflow.WithCancel(l.ctx)
		l.forget = forget
		l.over = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute,
			Summary:             "who waits for workflow " + holder.WorkflowID,
			RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1.5, MaximumInterval: 10 * time.Second},
		}), a.DpaLockHolder, activities.LockQuestion{Holder: holder, Wait: true})
	}
}
