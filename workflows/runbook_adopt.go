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
	// Key is what it came under, where that is a key of a trigger which was sent before a reset and not yet after it.
	Key string `json:"key,omitempty"`
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
		r.takeAll(name, redirected{})
	}
}

func (r *runbookRun) takeAll(name string, as redirected) {
	for channel := workflow.GetSignalChannel(r.ctx, name); channel.ReceiveAsync(&as.Callback); as.Callback = (signals.Callback{}) {
		r.redirected = append(r.redirected, as)
	}
}

// keep takes the callbacks that nobody could take yet, since a run that continues as new takes nothing else along: those that
// came by the ids of instances which are not known yet, and after a reset those of triggers that are still to come again.
func (r *runbookRun) keep() {
	for _, address := range unreadCallbacks(r.ctx) {
		switch own := strings.HasPrefix(address, r.origin+"."); {
		case own && (wasReset(r.ctx) || len(r.all.resets) > 0):
			r.takeAll(signals.SignalName(address), redirected{Key: address})
		case !own && !execution.IsKey(address):
			r.takeAll(signals.SignalName(address), redirected{ByID: address})
		}
	}
}

// claim gives them to the executions that have adopted their instances from such a run, or whose triggers they are of.
func (r *runbookRun) claim() {
	r.redirected = slices.DeleteFunc(r.redirected, func(callback redirected) bool {
		for _, step := range r.steps {
			if event := r.claimed(step, callback); event != nil {
				step.run.redirected = append(step.run.redirected, event)
				return true
			}
		}
		return false
	})
}

// claimed is what such a callback is to an execution, nil if nothing.
func (r *runbookRun) claimed(step *stepRun, of redirected) execution.Event {
	if step.run == nil {
		return nil
	}
	if of.Key != "" {
		if !slices.Contains(step.run.state.Addresses(), of.Key) {
			return nil
		}
		return &execution.Callback{Address: of.Key, InstanceID: of.Callback.InstanceID, Status: of.Callback.Status}
	}
	id := cmp.Or(of.ByID, strings.TrimSpace(of.Callback.InstanceID))
	redirects := of.ByID != "" || step.run.state.From == workflow.GetInfo(r.ctx).WorkflowExecution.ID
	if id == "" || !redirects || step.run.state.Status.InstanceID != id {
		return nil
	}
	return &execution.Callback{Address: id, InstanceID: id, Status: of.Callback.Status}
}
