package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"
)

// desk is where operators find the executions of a workflow, and the alarm that they share.
type desk struct {
	ctx        workflow.Context
	shared     bool // it is the workflow's only desk
	single     bool // its workflow runs one plan or model, and ends with it
	executions []*execution
	numbers    map[string]int // by kind and id: how many executions there were
	recorded   func(Action)   // is told what operators did
	render     func() string  // the current details, where they are more than the executions
	alarm      alarm

	planIDs, modelIDs, instanceIDs values // what the workflow is found by
	runbook                        string // its name
	status                         string // AttributeStatus as it was set last; empty if it was not
}

type deskKey struct{}

// WithOperators lets operators act on every plan and model that is executed under the context: it
// adds the updates "resolveTrigger" and "resolveRun" to the workflow, whose "step" then is the plan's
// or model's id. A workflow that executes several calls it once, first: without it, operators reach
// only the one that was executed last, and after a reset no callback finds what is in doubt.
func WithOperators(ctx workflow.Context) workflow.Context {
	ctx, _ = openDesk(ctx, true)
	return ctx
}

// openDesk returns the context's desk, a new one if it has none.
func openDesk(ctx workflow.Context, shared bool) (workflow.Context, *desk) {
	if open, ok := ctx.Value(deskKey{}).(*desk); ok {
		return ctx, open
	}
	d := &desk{shared: shared, numbers: map[string]int{}}
	ctx = workflow.WithValue(ctx, deskKey{}, d)
	// The alarm outlives the cancellation of whoever set it first.
	d.ctx, _ = workflow.NewDisconnectedContext(ctx)
	d.takeUpdates()
	return ctx, d
}

// answerStatus adds the query "status" for the desk's only execution.
func (d *desk) answerStatus(ctx workflow.Context) error {
	d.single = true
	return workflow.SetQueryHandlerWithOptions(ctx, "status", func() (Status, error) {
		if len(d.executions) == 0 {
			return Status{}, errors.New("the run has not started yet, or its input is wrong")
		}
		return d.executions[0].status, nil
	}, workflow.QueryHandlerOptions{Description: "Phase, instance, platform status and times of this run"})
}

// add puts an execution on the desk, in the place of those that have ended.
func (d *desk) add(e *execution) {
	if e.step != "" {
		// A runbook names its steps, and shows all of them.
		d.executions = slices.DeleteFunc(d.executions, func(other *execution) bool { return other.step == e.step })
		d.executions = append(d.executions, e)
		return
	}
	d.executions = slices.DeleteFunc(d.executions, func(e *execution) bool { return e.status.Phase == PhaseEnded })
	d.executions = append(d.executions, e)
	if d.shared {
		name := e.job.name()
		d.numbers[name]++
		e.label = fmt.Sprintf("%s.%d", e.job.id(), d.numbers[name])
	}
}

// show puts the executions where the Temporal UI shows them.
func (d *desk) show() {
	if d.render != nil {
		workflow.SetCurrentDetails(d.ctx, d.render())
		return
	}
	parts := make([]string, len(d.executions))
	for i, e := range d.executions {
		parts[i] = e.status.markdown()
	}
	workflow.SetCurrentDetails(d.ctx, strings.Join(parts, "\n"))
}

// runsTwice tells whether the workflow itself runs the same plan or model side by side.
func (d *desk) runsTwice(e *execution) bool {
	return slices.ContainsFunc(d.executions, func(other *execution) bool {
		return other != e && other.status.Phase != PhaseEnded && other.job.kind() == e.job.kind() && other.job.id() == e.job.id()
	})
}

// find returns the execution that an operator means.
func (d *desk) find(step string) (*execution, error) {
	var found []*execution
	for _, e := range d.executions {
		if e.status.Phase != PhaseEnded && (step == "" || step == e.step || step == e.job.id() || step == e.status.InstanceID) {
			found = append(found, e)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, errors.New(`several are running; name one of them as "step", by its id or its instance id`)
	case step != "":
		return nil, fmt.Errorf("nothing called %q is running here", step)
	default:
		return nil, errors.New("nothing is running here")
	}
}

// alarm wakes whoever waits, with as few timers as possible: one that rings sooner serves too, as who
// wakes looks at the time and asks again. Timers are not cancelled, since an event that cancels costs
// more than a timer that finds nobody.
type alarm struct {
	at    time.Time
	timer workflow.Future
}

// ring returns a future that is ready at that time, or earlier.
func (d *desk) ring(at time.Time) workflow.Future {
	a := &d.alarm
	if a.timer == nil || a.timer.IsReady() || a.at.After(at) {
		a.at = at
		a.timer = workflow.NewTimerWithOptions(d.ctx, at.Sub(workflow.Now(d.ctx)), workflow.TimerOptions{
			Summary: "look again at " + at.UTC().Format(time.RFC3339),
		})
	}
	return a.timer
}

// spaced returns the pause before something is tried again: the least one at first, and then so that
// what is tried for days does not fill the history.
func spaced(least, waited time.Duration) time.Duration { return max(least, waited/50) }
