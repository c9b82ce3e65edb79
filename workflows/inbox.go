package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/signals"
)

// maxInbox bounds what a stranger can fill one inbox with; a platform has a handful of statuses. An end
// is always kept.
const maxInbox = 20

// Inbox is the workflow type "Inbox": it brings together the news of one instance that came without a
// token and the run that waits for it, whichever comes first. It ends when it has handed over the end of
// the instance, or when its time to live, and after that the run's time, is over.
func Inbox(ctx workflow.Context, in signals.InboxInput) error {
	ttl, err := time.ParseDuration(in.TTL)
	if err != nil {
		return activities.InvalidInput(activities.Faults{{Path: "ttl", Problem: err.Error()}})
	}
	b := &inbox{in: in, until: workflow.Now(ctx).Add(ttl)}
	for !b.done && workflow.Now(ctx).Before(b.until) {
		b.receive(ctx)
		if err := b.forward(ctx); err != nil {
			return err
		}
	}
	return nil
}

// inbox is the state of one Inbox.
type inbox struct {
	in     signals.InboxInput
	target string // workflow id of the run; empty until it has registered
	until  time.Time
	news   []signals.Callback
	sent   int // of news
	done   bool
}

// receive waits for news, for the run, or for the end of its time.
func (b *inbox) receive(ctx workflow.Context) {
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	workflow.NewSelector(ctx).
		AddReceive(workflow.GetSignalChannel(ctx, signals.InboxNews), func(c workflow.ReceiveChannel, _ bool) {
			var news signals.Callback
			if !c.ReceiveAsync(&news) {
				return
			}
			if (len(b.news) < maxInbox || isEnd(news.Status)) && !slices.Contains(b.news, news) {
				b.news = append(b.news, news)
			}
		}).
		AddReceive(workflow.GetSignalChannel(ctx, signals.InboxRegister), func(c workflow.ReceiveChannel, _ bool) {
			var run signals.Registration
			if !c.ReceiveAsync(&run) {
				return
			}
			if b.target != run.WorkflowID {
				b.target, b.sent = run.WorkflowID, 0
			}
			b.until = run.Until
		}).
		AddFuture(workflow.NewTimer(timerCtx, b.until.Sub(workflow.Now(ctx))), func(workflow.Future) {}).
		Select(ctx)
}

// forward hands over what the run has not got yet.
func (b *inbox) forward(ctx workflow.Context) error {
	for b.target != "" && b.sent < len(b.news) {
		news := b.news[b.sent]
		err := workflow.SignalExternalWorkflow(ctx, b.target, "", signals.SignalName(b.in.InstanceID), news).Get(ctx, nil)
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("hand over news of instance %s: %w", b.in.InstanceID, err)
		}
		if err != nil { // the run has ended: nobody is left to tell
			workflow.GetLogger(ctx).Info("the run for this news has ended", "instanceId", b.in.InstanceID, "target", b.target)
			b.done = true
			return nil
		}
		b.sent++
		b.done = b.done || isEnd(news.Status)
	}
	return nil
}

// isEnd tells whether a status ends an instance, in the words of plans and of models.
func isEnd(status string) bool { return status == "SUCCESS" || status == "FINISH" || status == "FAIL" }
