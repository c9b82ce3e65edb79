package workflows

import (
	"cmp"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/signals"
)

// The callbacks of an adopted instance go to the run that triggered it. The bridge hands them to the instance's inbox
// once that run is closed, but where this one has its workflow id, or has it again, they come here, under a key of that
// run's.

// redirected is a callback that did not come under a key of this run.
type redirected struct {
	Callback signals.Callback `json:"callback"`
	// ByID is the id of its instance, where it came by that.
	ByID string `json:"byId,omitempty"`
}

// strays are the names of the signals that came under keys of a run which had this workflow's id before.
func (r *runbookRun) strays() (names []string) {
	if from := r.in.ResumeFrom; from == nil || len(from.Adopt) == 0 {
		return nil
	}
	for _, name := range workflow.GetUnhandledSignalNames(r.ctx) {
		key, callback := strings.CutPrefix(name, signals.SignalName(""))
		if callback && execution.IsKey(key) && !strings.HasPrefix(key, r.origin+".") {
			names = append(names, name)
		}
	}
	slices.Sort(names) // they come out of a map
	return names
}

// redirect takes the callbacks that came under such keys.
func (r *runbookRun) redirect() {
	for _, name := range r.strays() {
		r.takeAll(name, "")
	}
}

func (r *runbookRun) takeAll(name string, byID string) {
	var callback signals.Callback
	for channel := workflow.GetSignalChannel(r.ctx, name); channel.ReceiveAsync(&callback); {
		r.redirected = append(r.redirected, redirected{callback, byID})
	}
}

// keep takes the callbacks that came by the ids of instances which are not known yet: a run that continues as new takes
// nothing else along.
func (r *runbookRun) keep() {
	for _, address := range unreadCallbacks(r.ctx) {
		if !execution.IsKey(address) {
			r.takeAll(signals.SignalName(address), address)
		}
	}
}

// claim gives them to the executions that have adopted their instances from such a run.
func (r *runbookRun) claim() {
	self := workflow.GetInfo(r.ctx).WorkflowExecution.ID
	r.redirected = slices.DeleteFunc(r.redirected, func(callback redirected) bool {
		id := cmp.Or(callback.ByID, strings.TrimSpace(callback.Callback.InstanceID))
		for _, step := range r.steps {
			if step.run != nil && id != "" && (callback.ByID != "" || step.run.state.From == self) && step.run.state.Status.InstanceID == id {
				step.run.redirected = append(step.run.redirected, &execution.Callback{Address: id, InstanceID: id, Status: callback.Callback.Status})
				return true
			}
		}
		return false
	})
}
