package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/signals"
)

// drain takes in the news that came after the end, so that none is left unseen.
func (e *execution) drain(ctx workflow.Context) {
	for _, address := range e.addresses() {
		var news signals.Callback
		for workflow.GetSignalChannel(ctx, signals.SignalName(address)).ReceiveAsync(&news) {
			e.hear(ctx, address, news)
			news = signals.Callback{}
		}
	}
}

// addresses are the names under which news of this execution may come: its triggers' keys, and its
// instance's id, for callbacks without a token and those delivered by hand.
func (e *execution) addresses() []string {
	addresses := slices.Clone(e.keys)
	if e.status.InstanceID != "" {
		addresses = append(addresses, e.status.InstanceID)
	}
	return addresses
}

// hear takes in one piece of news. The first end wins; whatever does not fit is noted, never obeyed.
func (e *execution) hear(ctx workflow.Context, address string, news signals.Callback) {
	if news.InstanceID == "" && address == e.status.InstanceID {
		news.InstanceID = address
	}
	status, ended := e.job.end(strings.ToUpper(news.Status))
	switch {
	case news.InstanceID == "":
		e.note(ctx, fmt.Sprintf("news %s without an instance id was ignored", status))
		return
	case e.status.InstanceID == "" && address == e.keys[len(e.keys)-1]:
		// Only the platform knows this trigger's address: that it calls there shows that the trigger ran.
		e.adopt(ctx, news.InstanceID)
	case news.InstanceID != e.status.InstanceID:
		e.note(ctx, fmt.Sprintf("news %s of another instance, %s, came to this run's address; look at it on the platform", status, news.InstanceID))
		return
	}
	switch {
	case e.status.FinishedAt != nil:
		if ended && status != e.status.Status {
			count(ctx, "dpaflow_contradictions", "kind", e.job.kind())
			e.note(ctx, fmt.Sprintf("a callback says %s after the end %s; the first end stands", status, e.status.Status))
		}
	case ended:
		e.finish(ctx, status, ObservedByCallback)
	default:
		e.status.Status = status
		e.desk.show()
	}
	now := workflow.Now(ctx)
	e.status.LastNewsAt = &now
}

// adopt takes an instance as this run's own.
func (e *execution) adopt(ctx workflow.Context, instanceID string) {
	now := workflow.Now(ctx)
	e.status.InstanceID, e.status.TriggeredAt = instanceID, &now
	e.status.Phase, e.status.Reason = PhaseWaiting, ""
	e.desk.show()
}

func (e *execution) finish(ctx workflow.Context, status, observedBy string) {
	now := workflow.Now(ctx)
	e.status.Status, e.status.ObservedBy, e.status.FinishedAt = status, observedBy, &now
	e.desk.show()
}

// log names what a line is about; the workflow and its run are in it already.
func (e *execution) log(ctx workflow.Context) log.Logger {
	return log.With(workflow.GetLogger(ctx), "job", e.job.name(), "step", e.step, "instanceId", e.status.InstanceID)
}

func (e *execution) note(ctx workflow.Context, text string) {
	e.log(ctx).Warn(text)
	if len(e.status.Notes) < maxNotes {
		e.status.Notes = append(e.status.Notes, Note{At: workflow.Now(ctx), Text: text})
	}
	e.desk.show()
}
