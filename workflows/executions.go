package workflows

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"weak"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/execution"
)

// executions are the runs of one workflow: where operators find them, with the timer and the search attributes that
// they share.
type executions struct {
	ctx       workflow.Context // is never cancelled
	single    bool             // the workflow runs one plan or model, and ends with it
	runs      []*run
	endings   map[string]time.Time // by name: when a run was over last
	left      map[string]bool      // by name: a run is over whose instance may go on
	resets    []string             // earlier runs of this one's chain that a reset began
	numbers   map[string]int       // by id: how many there were
	recorded  func(Action)         // is given what operators did
	render    func() string        // the current details, where they are more than the runs
	collector *collector           // of a timed scene: resolveRun is for it
	asks      func() string        // what a runbook asks a person for, as a value of AttributeStatus

	// Timers are not cancelled: an event that cancels costs more than a timer that finds nobody.
	timer workflow.Future
	rings time.Time

	planIDs, modelIDs, instanceIDs values // what the workflow is found by
	runbook                        string // its name
	urgency                        string // AttributeStatus as it was set last; empty if it was not
	attributes                     bool   // the namespace has them, as a worker said
}

// byRun finds the executions of a workflow from any of its contexts, because those that run side by side in somebody
// else's workflow must know of each other. It keeps nothing alive: a run's Info lives as long as the run is in memory, and
// the handlers of the run's updates hold its executions.
var byRun sync.Map // of weak.Pointer[workflow.Info] and weak.Pointer[executions]

// executionsOf returns the executions of the context's workflow. The first call adds the updates "resolveTrigger" and
// "resolveRun" to it, whose "step" is a plan's or model's id.
func executionsOf(ctx workflow.Context) *executions {
	info := workflow.GetInfo(ctx)
	if info != workflow.GetInfo(ctx) {
		panic("workflows: an interceptor of this worker copies workflow.Info, by which a workflow's executions find each other; have it return what its Next returns")
	}
	key := weak.Make(info)
	if known, ok := byRun.Load(key); ok {
		if all := known.(weak.Pointer[executions]).Value(); all != nil {
			return all
		}
		panic(`workflows: this workflow has replaced the updates "resolveTrigger" and "resolveRun", which belong to ExecutePlan and ExecuteModel; give its own other names`)
	}
	return newExecutions(ctx, nil)
}

// newExecutions adds executions to a workflow that has none, for a collector where they are those of a timed scene.
func newExecutions(ctx workflow.Context, c *collector) *executions {
	info := workflow.GetInfo(ctx)
	key := weak.Make(info)
	all := &executions{numbers: map[string]int{}, endings: map[string]time.Time{}, left: map[string]bool{}, collector: c}
	all.ctx, _ = workflow.NewDisconnectedContext(ctx)
	byRun.Store(key, weak.Make(all))
	runtime.AddCleanup(info, func(key weak.Pointer[workflow.Info]) { byRun.Delete(key) }, key)
	all.takeUpdates() // which lets other coroutines go on
	return all
}

// answerStatus adds the query "status" for the only run.
func (all *executions) answerStatus(ctx workflow.Context) error {
	all.single = true
	return workflow.SetQueryHandlerWithOptions(ctx, "status", func() (Status, error) {
		if len(all.runs) == 0 {
			return Status{}, errors.New("the run has not started yet, or its input is wrong")
		}
		return all.runs[0].state.Status, nil
	}, workflow.QueryHandlerOptions{Description: "Phase, instance, platform status and times of this run"})
}

// label names the next execution of a plan or model within the workflow, in every reset of it too.
func (all *executions) label(rules execution.Rules) string {
	all.numbers[rules.ID]++ // a plan and a model may have one id, and must not have one label: keys are made of it
	return fmt.Sprintf("%s.%d", rules.ID, all.numbers[rules.ID])
}

// add puts a run in the place of those that are over; a runbook, which names its steps, shows all of them.
func (all *executions) add(r *run) {
	all.runs = append(slices.DeleteFunc(all.runs, func(other *run) bool {
		if r.step != "" {
			return other.step == r.step
		}
		return other.state.Over
	}), r)
}

// arm sees to it that the workflow wakes when the first of its runs must, or at a time of its own if that is not zero.
func (all *executions) arm(first time.Time) {
	if all.rang() {
		all.timer = nil
	}
	for _, r := range all.runs {
		if wake := r.state.Wake(); !wake.IsZero() && (first.IsZero() || wake.Before(first)) {
			first = wake
		}
	}
	if !first.IsZero() {
		all.wakeAt(first)
	}
}

// rang tells whether the timer has fired and none was started since: whoever sees that looks when to wake next.
func (all *executions) rang() bool { return all.timer != nil && all.timer.IsReady() }

// wakeAt starts a timer for that time, unless there is one that fires by then: whoever wakes looks at the time.
func (all *executions) wakeAt(at time.Time) workflow.Future {
	if all.timer == nil || all.timer.IsReady() || all.rings.After(at) {
		all.rings = at
		all.timer = workflow.NewTimerWithOptions(all.ctx, at.Sub(workflow.Now(all.ctx)), workflow.TimerOptions{
			Summary: "look again at " + at.UTC().Format(time.RFC3339),
		})
	}
	return all.timer
}

// show puts the runs where the Temporal UI shows them.
func (all *executions) show() {
	if all.render != nil {
		workflow.SetCurrentDetails(all.ctx, all.render())
		return
	}
	parts := make([]string, len(all.runs))
	for i, r := range all.runs {
		parts[i] = markdown(r.state.Status)
	}
	workflow.SetCurrentDetails(all.ctx, strings.Join(parts, "\n"))
}

// outputs is how much the open runs can give out, in bytes.
func (all *executions) outputs() (bytes int) {
	for _, r := range all.runs {
		if !r.state.Over {
			bytes += r.limit
		}
	}
	return bytes
}

// runsTwice tells whether the workflow itself runs the same plan or model side by side, or may.
func (all *executions) runsTwice(r *run) bool {
	name, since := r.state.Rules.Name, r.state.Status.TriggeredAt
	if all.left[name] || since != nil && all.endings[name].After(*since) { // the plan's status may be of the one that is over
		return true
	}
	return slices.ContainsFunc(all.runs, func(other *run) bool {
		return other != r && !other.state.Over && other.state.Rules.Name == name
	})
}

// find returns the run that an operator means.
func (all *executions) find(step string) (*run, error) {
	var found []*run
	for _, r := range all.runs {
		if !r.state.Over && (step == "" || slices.Contains([]string{r.step, r.state.Rules.ID, r.state.Rules.Label, r.state.Status.InstanceID}, step)) {
			found = append(found, r)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		labels := make([]string, len(found))
		for i, r := range found {
			labels[i] = r.state.Rules.Label
		}
		return nil, fmt.Errorf(`several are running; name one of them as "step", by its instance id or as one of %s`, strings.Join(labels, ", "))
	case step != "":
		return nil, fmt.Errorf("nothing called %q is running here", step)
	default:
		return nil, errors.New("nothing is running here")
	}
}
