package workflows

import (
	"encoding/json"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
)

// Carried is the state of a runbook that continues as new.
type Carried struct {
	// Engine is what engine.Encode gave.
	Engine []byte `json:"engine"`
	// Steps are the executions under way.
	Steps []carriedStep `json:"steps,omitempty"`
	// Resets are the runs of the chain that a reset began.
	Resets []string `json:"resets,omitempty"`
	// Redirected are callbacks of instances that are not adopted yet.
	Redirected []redirected `json:"redirected,omitempty"`
	// Attention is what the run asks a person for, as it was indexed.
	Attention string `json:"attention,omitempty"`
	// Checked is true where the preflight has passed.
	Checked bool `json:"checked,omitempty"`
	// Plans, Models, Instances and Urgency are what the workflow is found by.
	Plans     []string `json:"plans,omitempty"`
	Models    []string `json:"models,omitempty"`
	Instances []string `json:"instances,omitempty"`
	Urgency   string   `json:"urgency,omitempty"`
	// Origin is the first run of the chain, whose name the triggers' keys go by.
	Origin string `json:"origin,omitempty"`
}

// maxCarried is what the document and the engine's state may have together: Temporal takes 2 MiB of all.
const maxCarried = 3 << 19

// full tells whether the run continues as new as soon as it can: until then nothing new is triggered.
func (r *runbookRun) full() bool {
	return r.continues && workflow.GetInfo(r.ctx).GetContinueAsNewSuggested() && r.engine.FinishedAt == nil
}

// quiet tells whether nothing is under way that a new run could not go on with: no trigger, no read, no update.
func (r *runbookRun) quiet() bool {
	if r.handling > 0 || len(r.queue) > 0 || r.learning() || !r.lockQuiet() {
		return false
	}
	for _, step := range r.steps {
		switch run := step.run; {
		case step.told:
		case run == nil || run.state.Sending || run.asked != nil || run.outputs != nil || run.registered != nil || run.handling > 0 || step.arrived():
			return false
		}
	}
	return true
}

func (r *runbookRun) continueAsNew() error {
	r.keep()
	kept, err := r.engine.Encode()
	if err != nil {
		return err
	}
	document, err := json.Marshal(r.in)
	for level, more := 0, true; more && err == nil && len(document)+len(kept)*4/3 > maxCarried; level++ {
		more = r.engine.LeaveOutOutputs(level)
		kept, err = r.engine.Encode()
	}
	if err != nil {
		return err
	}
	carried := &Carried{
		Engine: kept, Checked: r.checked, Plans: r.all.planIDs, Models: r.all.modelIDs, Instances: r.all.instanceIDs,
		Urgency: r.all.urgency, Origin: r.origin, Redirected: r.redirected, Resets: r.all.resets, Attention: r.attention,
	}
	if wasReset(r.ctx) {
		carried.Resets = append(carried.Resets, workflow.GetInfo(r.ctx).WorkflowExecution.RunID)
	}
	for _, step := range r.steps {
		if !step.told {
			carried.Steps = append(carried.Steps, carriedStep{
				Key: step.key, Path: step.run.step, Job: step.job, Outputs: engine.Outputs{Limit: step.run.limit, Read: step.run.read}, State: step.run.state, Last: step.last,
			})
		}
	}
	return workflow.NewContinueAsNewError(r.ctx, "Runbook", r.in, carried)
}

// takeOver goes on where the run before this one stopped.
func (r *runbookRun) takeOver(program *engine.Program, carried *Carried) error {
	loaded, err := program.Load(carried.Engine)
	if err != nil {
		return activities.InvalidInput(runbook.Faults{{Path: "carried", Problem: err.Error()}})
	}
	r.engine, r.checked, r.origin, r.redirected = loaded, carried.Checked, carried.Origin, carried.Redirected
	r.all.planIDs, r.all.modelIDs, r.all.instanceIDs, r.all.urgency = carried.Plans, carried.Models, carried.Instances, carried.Urgency
	r.all.resets, r.attention = carried.Resets, carried.Attention
	for _, of := range r.engine.Locks() {
		r.locks = append(r.locks, &heldLock{use: r.use(of)})
	}
	for _, kept := range carried.Steps {
		step, err := r.newStep(kept.Key, kept.Path, kept.Job, kept.Outputs, false)
		if err != nil {
			return err
		}
		kept.State.Rules.Reset = kept.State.Rules.Reset || step.run.state.Rules.Reset
		step.run.state, step.last = kept.State, kept.Last
	}
	return nil
}
