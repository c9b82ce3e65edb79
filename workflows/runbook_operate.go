package workflows

import (
	"strconv"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/operators"
)

// StepAction is the argument of the updates approve, reject, retry and skip.
type StepAction struct {
	Step    string `json:"step"`
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
	// Proof is that of By, as operators.Sign makes it.
	Proof string `json:"proof,omitempty"`
	// Outputs are for skip: node name → result, used as the step's own.
	Outputs map[string]string `json:"outputs,omitempty"`
	// MayRunTwice is for retry, where the earlier instance may still run.
	MayRunTwice bool `json:"mayRunTwice,omitempty"`
}

// StepAnswer is the argument of the update answer.
type StepAnswer struct {
	Step string `json:"step"`
	// Values are what somebody fills in, by field.
	Values  map[string]any `json:"values"`
	By      string         `json:"by,omitempty"`
	Comment string         `json:"comment,omitempty"`
	Proof   string         `json:"proof,omitempty"`
}

// RunAction is the argument of the updates pause, resume, rollback and abort.
type RunAction struct {
	// Step is for abort: it ends the step's rollback, and not the run.
	Step    string `json:"step,omitempty"`
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
	Proof   string `json:"proof,omitempty"`
}

func (r *runbookRun) takeUpdates() {
	for _, of := range [][2]string{
		{engine.ActionApprove, "Approve a step"}, {engine.ActionReject, "Reject a step"},
		{engine.ActionRetry, "Run a failed step again"}, {engine.ActionSkip, "Go on as if a step had succeeded, or end a wait"},
	} {
		takeAction(r, of[0], of[1], func(in StepAction) engine.Action {
			return engine.Action{
				Name: of[0], Step: in.Step, By: in.By, Comment: in.Comment, Outputs: in.Outputs, MayRunTwice: in.MayRunTwice,
				Subject: operators.Subject(in.Proof),
			}
		})
	}
	takeAction(r, engine.ActionAnswer, "Fill in the values of a manual task", func(in StepAnswer) engine.Action {
		return engine.Action{
			Name: engine.ActionAnswer, Step: in.Step, Values: in.Values, By: in.By, Comment: in.Comment, Subject: operators.Subject(in.Proof),
		}
	})
	for _, of := range [][2]string{
		{engine.ActionPause, "Trigger nothing new"}, {engine.ActionResume, "Go on after a pause"},
		{engine.ActionRollback, "Undo what succeeded, and end the runbook"},
		{engine.ActionAbort, "End the runbook, or a step's rollback; the platform cannot cancel what runs"},
	} {
		takeAction(r, of[0], of[1], func(in RunAction) engine.Action {
			return engine.Action{Name: of[0], Step: in.Step, By: in.By, Comment: in.Comment, Subject: operators.Subject(in.Proof)}
		})
	}
	update(r.ctx, engine.ActionResolveTrigger, "Settle a trigger whose outcome nobody knows",
		func(in ResolveTrigger) error { return r.refuse(resolves(in), in.action()) },
		func(ctx workflow.Context, in ResolveTrigger) (any, error) {
			return r.act(ctx, resolves(in), in.action())
		})
	update(r.ctx, engine.ActionResolveRun, "Say how an instance ended whose callbacks are lost, or that was repaired",
		func(in ResolveRun) error { return r.refuse(ends(in), in.action()) },
		func(ctx workflow.Context, in ResolveRun) (any, error) { return r.act(ctx, ends(in), in.action()) })
}

func resolves(in ResolveTrigger) engine.Action {
	return engine.Action{
		Name: engine.ActionResolveTrigger, Step: in.Step, By: in.By, Comment: in.Comment, Subject: operators.Subject(in.Proof),
	}
}

func ends(in ResolveRun) engine.Action {
	return engine.Action{
		Name: engine.ActionResolveRun, Step: in.Step, By: in.By, Comment: in.Comment, Status: in.Status, Subject: operators.Subject(in.Proof),
	}
}

// takeAction adds an update that the engine answers.
func takeAction[In any](r *runbookRun, name, description string, action func(In) engine.Action) {
	update(r.ctx, name, description,
		func(in In) error { return r.engine.Refuse(action(in)) },
		func(ctx workflow.Context, in In) (any, error) {
			return r.act(ctx, action(in), execution.Resolve{})
		})
}

// refuse says by what is known why an action makes no sense: the engine's, or that of an execution.
func (r *runbookRun) refuse(a engine.Action, resolve execution.Resolve) error {
	if err := r.engine.Refuse(a); err != nil {
		return err
	}
	if step := r.step(r.engine.Target(a)); step != nil && step.run != nil {
		return step.run.state.Refuse(&resolve, workflow.Now(r.ctx))
	}
	return nil
}

// act has the engine, or an execution, decide about an action and waits for the answer. What has overtaken the
// action in the same workflow task makes it fail; that stands in the history.
func (r *runbookRun) act(ctx workflow.Context, a engine.Action, resolve execution.Resolve) (any, error) {
	r.handling++
	defer func() { r.handling-- }()
	if step := r.step(r.engine.Target(a)); step != nil && step.run != nil {
		return step.run.act(ctx, resolve)
	}
	r.actions++
	a.ID = strconv.Itoa(r.actions)
	r.queue = append(r.queue, a)
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	refused, answered := "", false
	if err := workflow.Await(ctx, func() bool { refused, answered = r.answers[a.ID]; return answered }); err != nil {
		return nil, err
	}
	delete(r.answers, a.ID)
	if refused != "" {
		return nil, refusedUpdate(refusal(refused))
	}
	if step, known := r.engine.Step(a.Step); known {
		if fitted, fits := step.Fit(); fits {
			return fitted, nil
		}
	}
	return r.engine.Result().Fit(), nil
}

type refusal string

func (r refusal) Error() string { return string(r) }
