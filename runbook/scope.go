package runbook

// Scope is what expressions know when they are evaluated.
type Scope struct {
	// Vars are the document's, bound to the values of this run.
	Vars Vars
	// Step returns what is known of a step by its id, ended or not. Nil where nothing is known of any.
	Step func(id string) (Result, bool)
	// Item is inside a step with ForEach.
	Item *Item
	// WorkflowID is of the workflow that runs the document.
	WorkflowID string
	// Status and Reason are how the runbook ended, in Finally.
	Status, Reason string
	// Preview is for a dry run: what depends on a step or item that is not there stays as it is written,
	// or is ErrNotYetKnown.
	Preview bool
}

// Item is one of the values that a step with ForEach runs for.
type Item struct {
	Value any
	Index int
}

// Result is what expressions know of a step.
type Result struct {
	// Status is SUCCESS, FAILED, SKIPPED or ABORTED, or what the step is doing.
	Status string
	// InstanceID is the platform's id of the step's last run.
	InstanceID string
	// Outputs are what the nodes of its models gave out.
	Outputs []ModelOutputs
	// Items are the results of a step with ForEach, in the order of its items.
	Items []Result
}

// steps has those that an expression names, in the form that language declares.
func (s Scope) steps(named map[string]bool) map[string]any {
	steps := make(map[string]any, len(named))
	for id := range Sorted(named) {
		if step, known := s.known(id); known {
			steps[id] = step.fields()
		}
	}
	return steps
}

func (s Scope) known(id string) (Result, bool) {
	if s.Step == nil {
		return Result{}, false
	}
	return s.Step(id)
}

func (r Result) fields() map[string]any {
	models := make(map[string]any, len(r.Outputs))
	for i := range r.Outputs {
		models[r.Outputs[i].ModelID] = map[string]any{"outputs": outputsOf(r.Outputs[i : i+1])}
	}
	items := make([]any, len(r.Items))
	for i, item := range r.Items {
		items[i] = item.fields()
	}
	return map[string]any{
		"status":     r.Status,
		"instanceId": r.InstanceID,
		"outputs":    outputsOf(r.Outputs),
		"models":     models,
		"items":      items,
	}
}
