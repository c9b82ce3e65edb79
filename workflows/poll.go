package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
)

// poll asks the platform because no news came for a while. An answer that does not count, or none, is
// shown to people and changes nothing.
func (e *execution) poll(ctx workflow.Context) error {
	if !e.status.Overdue {
		e.status.Overdue = true
		e.index(ctx)
		count(ctx, "dpaflow_runs_overdue", "kind", e.job.kind())
	}
	e.status.Polls++
	answer, err := e.job.ask(ctx, e)
	switch {
	case temporal.IsCanceledError(err):
		return temporal.NewCanceledError(e.status)
	case err != nil:
		e.status.Hint = cause(err).Error()
	default:
		e.status.Hint = answer.text
	}
	// News that came while the platform was asked is worth more than its answer.
	e.drain(ctx)
	if e.status.FinishedAt == nil && answer.counts {
		status, ended := e.job.end(answer.status)
		if ended {
			e.finish(ctx, status, ObservedByPoll)
		} else {
			e.status.Status = status
		}
	}
	e.desk.show()
	return nil
}

// register makes callbacks without a token find this run, where such callbacks are taken.
func (e *execution) register(ctx workflow.Context) error {
	if !e.registers {
		return nil
	}
	var a *activities.Activities
	in := activities.Instance{Kind: e.job.kind(), InstanceID: e.status.InstanceID, Until: e.status.Deadline}
	err := read(ctx, a.RegisterInstance, in, nil)
	if err != nil && !temporal.IsCanceledError(err) {
		e.note(ctx, "callbacks without a token will not find this run: "+cause(err).Error())
		return nil
	}
	return err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// count counts one thing that happened, once however often the workflow is replayed.
func count(ctx workflow.Context, name string, tags ...string) {
	labels := make(map[string]string, len(tags)/2)
	for i := 0; i+1 < len(tags); i += 2 {
		labels[tags[i]] = tags[i+1]
	}
	workflow.GetMetricsHandler(ctx).WithTags(labels).Counter(name).Inc(1)
}
