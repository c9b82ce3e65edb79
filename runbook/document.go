package runbook

// Document is a runbook. Its JSON is the document's own form; YAML has the same fields.
type Document struct {
	// Name is what people call the runbook.
	Name string `json:"name"`
	// Description says what it is for.
	Description string `json:"description,omitempty"`
	// Vars are values that expressions know as vars: declarations, see Var, or defaults, where a null must be given at the
	// start. They may use other variables by expressions of their own, but not in a circle.
	// A nested runbook's may hold expressions of the runbook around it instead, unless the step has With.
	Vars Vars `json:"vars,omitempty"`
	// MaxParallel is how many plans, models and nested runbooks may run side by side; 0 is no limit. People
	// and waits do not count.
	MaxParallel int `json:"maxParallel,omitempty"`
	// OnFailure is for the steps that do not say it themselves: pause if empty.
	OnFailure OnFailure `json:"onFailure,omitempty"`
	// Target is how long the runbook should take. It is reported, not enforced.
	Target Duration `json:"target,omitzero"`
	// Timeout is how long the runbook may take: then it ends as after a failure with onFailure: abort, and
	// begins no rollbacks.
	Timeout Duration `json:"timeout,omitzero"`
	// Lock keeps two runbooks of a namespace that name the same from running at a time. A nested runbook that names one which a
	// runbook around it has, has it already; another it takes when it begins, and gives back when it ends.
	Lock *Lock `json:"lock,omitempty"`
	// Steps are in the order in which they are written.
	Steps []Step `json:"steps"`
	// Finally are the steps that run last, whatever happened: after failures, rollbacks, aborts, time-outs and
	// cancellations too. Without needs each comes after the end of the one written before it. They ask nobody. Their
	// expressions know runbook.status and runbook.reason.
	Finally []Step `json:"finally,omitempty"`
}

// Len is how many steps the document has, those of Finally included.
func (d *Document) Len() int { return len(d.Steps) + len(d.Finally) }

// Step returns a step by its index: those of Finally come after the others.
func (d *Document) Step(i int) *Step {
	if d.Final(i) {
		return &d.Finally[i-len(d.Steps)]
	}
	return &d.Steps[i]
}

// Final reports whether a step is one of Finally.
func (d *Document) Final(i int) bool { return i >= len(d.Steps) }

// Place is where a step is written, such as steps[3] or finally[0].
func (d *Document) Place(i int) string {
	if d.Final(i) {
		return index("finally", i-len(d.Steps))
	}
	return index("steps", i)
}

// Lock is what no two runbooks have at a time.
type Lock struct {
	// Name is what it goes by in the namespace; expressions in it are replaced, which may use vars.
	Name string `json:"name"`
	// OnBusy says what to do while another runbook has it: wait if empty.
	OnBusy OnBusy `json:"onBusy,omitempty"`
}

// Step is one thing to do: exactly one of Plan, Model, Approval, Ask, Wait and Runbook.
type Step struct {
	// ID is unique in its runbook: a letter, then at most 63 letters, digits, "_" and "-".
	ID string `json:"id"`
	// Name is for people; the id if empty.
	Name string `json:"name,omitempty"`

	// Job is the plan or model to run. Timeout is for nested runbooks too.
	Job
	// Approval asks people.
	Approval *Approval `json:"approval,omitempty"`
	// Ask has people do something by hand, and fill in values.
	Ask *Task `json:"ask,omitempty"`
	// Wait lets time pass.
	Wait *Timer `json:"wait,omitempty"`
	// Runbook is run as a part of this one: its steps are known by path, such as verify/business.
	Runbook *Document `json:"runbook,omitempty"`
	// With gives the variables of Runbook their values, which may hold expressions. Runbook then knows of the one around it
	// what is in With, and nothing else.
	With Vars `json:"with,omitzero"`

	// Needs are the steps that come before: the one written before it if nil, none if empty.
	Needs []Need `json:"needs,omitzero"`
	// Join says how many of Needs it takes: all if empty.
	Join Join `json:"join,omitempty"`
	// When is an expression; the step is skipped where it gives false. It is evaluated each time the step
	// is about to run, before ForEach.
	When string `json:"when,omitempty"`
	// ForEach is an expression that gives a list; the step runs once for each of its items.
	ForEach string `json:"forEach,omitempty"`
	// MaxParallel is how many items of ForEach may run side by side; 0 is no limit.
	MaxParallel int `json:"maxParallel,omitempty"`
	// MaxFailures is how many items of ForEach may fail before the step has failed.
	MaxFailures MaxFailures `json:"maxFailures,omitzero"`
	// Retries are those after a definite failure.
	Retries Retries `json:"retries,omitzero"`
	// Until is an expression over what the step itself gave out: where it is false, the plan or model is triggered
	// again. Timeout bounds all rounds, of which there are at most 200. A round that fails counts against Retries.
	Until string `json:"until,omitempty"`
	// Every is how long to wait before the next round of Until.
	Every Duration `json:"every,omitzero"`
	// OnFailure is the document's if empty.
	OnFailure OnFailure `json:"onFailure,omitempty"`
	// Rollback undoes the step, where a runbook is rolled back. Its expressions know the step itself, and item
	// and index where the step has ForEach.
	Rollback *Rollback `json:"rollback,omitempty"`
}

// Rollback is the plan or model that undoes a step.
type Rollback struct {
	Job
	// When says how far the step must have come to be undone: succeeded if empty.
	When RollbackWhen `json:"when,omitempty"`
}

// Job is one run of a plan or a model: what RunPlan and RunModel take.
type Job struct {
	// Plan is a plan's id.
	Plan string `json:"plan,omitempty"`
	// Model is a model's id.
	Model string `json:"model,omitempty"`
	// Params are the inputs: of a plan by model and name, of a model by name.
	Params Params `json:"params,omitempty"`
	// Timeout bounds the run from its start to the end of its instance.
	Timeout Duration `json:"timeout,omitzero"`
	// PollAfter is how long to go without news before asking the platform; at least 1s.
	PollAfter Duration `json:"pollAfter,omitzero"`
	// OnUnknown says what to do when nobody can know whether the trigger ran: wait if empty.
	OnUnknown OnUnknown `json:"onUnknown,omitempty"`

	// ExecutePath is the model's own path of execution (W3).
	ExecutePath string `json:"executePath,omitempty"`
	// Sync has the platform answer a model's trigger when the instance has ended.
	Sync bool `json:"sync,omitempty"`
	// SyncTimeout is how long the platform waits with its answer where Sync is set.
	SyncTimeout Duration `json:"syncTimeout,omitzero"`
	// DesignatedOutputsOnly leaves out the outputs of a model's nodes that are not designated.
	DesignatedOutputsOnly bool `json:"designatedOutputsOnly,omitempty"`
	// OnBusy says what to do while the model is busy: wait if empty.
	OnBusy OnBusy `json:"onBusy,omitempty"`
}

// Approval is a question to people.
type Approval struct {
	// Message is what they are asked; expressions in it are replaced.
	Message string `json:"message"`
	// Approvers are who may answer; anyone if empty. Expressions in them are replaced; one that is nothing
	// but an expression may give a list of people.
	Approvers []string `json:"approvers,omitempty"`
	// Quorum is how many must approve; 1 if 0. One who rejects is enough to reject.
	Quorum int `json:"quorum,omitempty"`
	// Timeout is how long to wait for them; for ever if 0.
	Timeout Duration `json:"timeout,omitzero"`
	// OnTimeout is what the answer is then: reject if empty.
	OnTimeout OnTimeout `json:"onTimeout,omitempty"`
}

// Need is a step that comes before another. In JSON it is the step's id, or {"step": id, "on": "end"}.
type Need struct {
	// Step is the id of the step that is needed.
	Step string `json:"step"`
	// On is the end that it takes. If empty the step must have succeeded, or failed with
	// onFailure: continue.
	On On `json:"on,omitempty"`
}
