package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
)

// maxInbox bounds what a stranger can fill one inbox with; a platform has a handful of statuses. An end
// is always kept.
const maxInbox = 20

// Inbox is the workflow type "DpaInbox": it brings together the news of one instance that came without a token, or to the
// address of the closed run that triggered it, and the run that waits for it, whichever comes first. It ends when it has handed over the end of
// the instance, or when its time to live, and after that the run's time, is over.
func Inbox(ctx workflow.Context, in signals.InboxInput) error {
	ttl, err := time.ParseDuration(in.TTL)
	if err != nil {
		return activities.InvalidInput(runbook.Faults{{Path: "ttl", Problem: err.Error()}})
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
	in    signals.InboxInput
	run   signals.Registration // of the run that waits; empty until there is one
	until time.Time
	news  []signals.News
	sent  int // of news
	done  bool
}

// receive waits for news, for the run, or for the end of its time.
func (b *inbox) receive(ctx workflow.Context) {
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	workflow.NewSelector(ctx).
		AddReceive(workflow.GetSignalChannel(ctx, signals.InboxNews), func(c workflow.ReceiveChannel, _ bool) {
			var news signals.News
			if !c.ReceiveAsync(&news) {
				return
			}
			if (len(b.news) < maxInbox || isEnd(news.Callback.Status)) && (len(b.news) == 0 || b.news[len(b.news)-1] != news) {
				b.news = append(b.news, news)
			}
		}).
		AddReceive(workflow.GetSignalChannel(ctx, signals.InboxRegister), func(c workflow.ReceiveChannel, _ bool) {
			var run signals.Registration
			if !c.ReceiveAsync(&run) {
				return
			}
			if b.run.WorkflowID != run.WorkflowID {
				b.sent = 0
			}
			b.run, b.until = run, run.Until
		}).
		AddFuture(workflow.NewTimer(timerCtx, b.until.Sub(workflow.Now(ctx))), func(workflow.Future) {}).
		Select(ctx)
}

// forward hands over what the run has not got yet.
func (b *inbox) forward(ctx workflow.Context) error {
	for b.run.WorkflowID != "" && b.sent < len(b.news) {
		news := b.news[b.sent]
		b.sent++
		if news.From != "" && news.From != b.run.From {
			continue
		}
		err := workflow.SignalExternalWorkflow(ctx, b.run.WorkflowID, "", signals.SignalName(b.in.InstanceID), news.Callback).Get(ctx, nil)
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("hand over news of instance %s: %w", b.in.InstanceID, err)
		}
		if err != nil { // the run has ended: nobody is left to tell
			workflow.GetLogger(ctx).Info("the run for this news has ended", "instanceId", b.in.InstanceID, "target", b.run.WorkflowID)
			b.done = true
			return nil
		}
		b.done = b.done || isEnd(news.Callback.Status)
	}
	return nil
}

// isEnd tells whether a status ends an instance, in the words of plans and of models.
func isEnd(status string) bool { return status == "SUCCESS" || status == "FINISH" || status == "FAIL" }
