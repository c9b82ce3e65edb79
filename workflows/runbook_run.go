package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/runbook"
)

// runbookRun is a runbook in a workflow: the shell around the engine, which gives it what arrives and does what it
// says.
type runbookRun struct {
	in        RunbookInput
	engine    *engine.Engine
	ctx, kept workflow.Context // kept is never cancelled
	all       *executions
	steps     []*stepRun          // in the order in which they were started
	over      map[string]*stepRun // by address: those that have ended
	origin    string              // the first run of the chain, which the keys of triggers go by
	continues bool                // as new, before the history is full
	checked   bool                // by the preflight

	queue      []engine.Action // that operators wait for the answer of
	answers    map[string]string
	actions    int
	handling   int
	cancelled  bool
	shown      string
	attention  string
	redirected []redirected // of instances that are or may be adopted
	locks      []*heldLock  // that the run has, or has asked for
	facts      *reading     // of the deployment
	learnt     bool
}

// openRunbook makes the run of a document, with its updates and its query.
func openRunbook(ctx workflow.Context, in RunbookInput, continues bool, carried *Carried) (*runbookRun, error) {
	all := executionsOf(ctx)
	program, err := engine.Compile(&in.Document)
	if err != nil {
		return nil, invalidInput(err)
	}
	r := &runbookRun{in: in, ctx: ctx, all: all, continues: continues, answers: map[string]string{}, over: map[string]*stepRun{}}
	r.kept, _ = workflow.NewDisconnectedContext(ctx)
	r.origin = workflow.GetInfo(ctx).OriginalRunID
	r.engine = program.New(workflow.Now(ctx), engine.Options{
		WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID, StepByStep: in.StepByStep, StartedBy: in.StartedBy,
	})
	all.runbook = in.Name[:min(len(in.Name), maxIndexed)]
	all.render = func() string { return r.shown }
	all.asks = func() string { return r.engine.Attention() }
	all.recorded = func(a Action) {
		r.engine.Record(engine.Action{Name: a.Name, Step: a.Step, By: a.By, Comment: a.Comment, Subject: a.Subject})
	}
	if carried != nil {
		if err := r.takeOver(program, carried); err != nil {
			return nil, err
		}
	}
	r.engine.Over = r.waitsUntil
	r.takeUpdates()
	err = workflow.SetQueryHandler(ctx, "status", func() (RunbookResult, error) { return r.engine.Result().Fit(), nil })
	return r, err
}

// drive carries the run on until it is over.
func (r *runbookRun) drive() (RunbookResult, error) {
	for {
		r.advance()
		if r.engine.FinishedAt != nil && len(r.queue) == 0 && r.handling == 0 && r.free() {
			return endOf(r.engine.Result().Fit())
		}
		if r.full() && r.quiet() {
			return RunbookResult{}, r.continueAsNew()
		}
		answering := r.handling > 0 // what is held until the next run goes on as soon as the update is answered
		if err := workflow.Await(r.kept, func() bool { return r.arrived() || answering && r.handling == 0 && r.full() }); err != nil {
			return RunbookResult{}, err // a context that is never cancelled
		}
	}
}

// advance gives the engine all that has arrived, and does what it says. It does not block.
func (r *runbookRun) advance() {
	r.hold(r.pausing())
	r.redirect()
	r.claim()
	var events []engine.Event
	for _, step := range r.steps {
		if step.arrived() {
			events = append(events, step.take()...)
		}
	}
	for _, step := range r.late() {
		step.run.advance()
		events = append(events, step.notes()...)
	}
	r.advanceLocks()
	events = append(events, r.lockEvents()...)
	if r.ctx.Err() != nil && !r.cancelled {
		r.cancelled = true
		events = append(events, engine.Cancelled{})
	}
	for _, action := range r.queue {
		events = append(events, action)
	}
	r.queue = nil
	for _, command := range r.engine.Next(workflow.Now(r.ctx), events...) {
		r.do(command)
	}
	r.advanceLocks()
	r.claim()
	r.forget()
	r.hold(r.full())
	for _, step := range r.steps {
		if step.fresh {
			step.fresh = false
			step.run.advance()
		}
	}
	due, _ := r.engine.Due()
	r.all.arm(due)
	r.learn()
	r.show()
}

// pausing tells whether an operator is about to pause the run: what he holds is not sent in the same moment.
func (r *runbookRun) pausing() bool {
	for _, action := range r.queue {
		if action.Name == engine.ActionPause || action.Name == engine.ActionAbort || action.Name == engine.ActionRollback {
			return true
		}
	}
	return r.full()
}

// hold keeps what may not be triggered now from being triggered.
func (r *runbookRun) hold(all bool) {
	for _, step := range r.steps {
		if step.run == nil {
			continue
		}
		held := all || !r.engine.MaySend(step.key)
		step.fresh = step.fresh || step.run.state.Held && !held
		step.run.state.Held = held
	}
}

// arrived tells whether there is anything for the engine to take in.
func (r *runbookRun) arrived() bool {
	if len(r.queue) > 0 || r.all.rang() || r.ctx.Err() != nil && !r.cancelled {
		return true
	}
	if r.lockArrived() {
		return true
	}
	if r.engine.FinishedAt != nil {
		return r.handling == 0 && r.free()
	}
	if r.learning() && r.facts.ready() || len(r.strays()) > 0 || len(r.late()) > 0 {
		return true
	}
	for _, step := range r.steps {
		if step.arrived() {
			return true
		}
	}
	due, any := r.engine.Due()
	return any && !workflow.Now(r.ctx).Before(due)
}

// do carries out one command of the engine. It decides nothing.
func (r *runbookRun) do(command engine.Command) {
	switch command := command.(type) {
	case engine.Start:
		r.start(command)
	case engine.Cancel:
		if step := r.step(command.Key); step != nil {
			step.cancel()
		}
	case engine.Fetch:
		r.fetch(command)
	case engine.Acquire:
		r.acquire(command)
	case engine.Release:
		r.release(command)
	case engine.Answer:
		r.answers[command.ID] = command.Refused
	}
}

func (r *runbookRun) step(key string) *stepRun {
	for _, step := range r.steps {
		if step.key == key {
			return step
		}
	}
	return nil
}

// start starts an execution, with an instance that there is already or without.
func (r *runbookRun) start(command engine.Start) {
	preflight := r.in.Preflight == nil || *r.in.Preflight
	step, err := r.newStep(command.Key, command.Path, command.Job, command.Outputs, preflight)
	if err != nil {
		r.steps = append(r.steps, &stepRun{key: command.Key, refused: err})
		return
	}
	step.run.state.Rules.Exempt, step.run.state.Checked = command.Rollback || command.Finally, r.checked
	if command.Adopt != "" {
		step.run.state.Adopt(command.Adopt, command.From, workflow.Now(r.ctx))
	}
}

// fetch tells an execution that is over how an operator says that its instance ended.
func (r *runbookRun) fetch(command engine.Fetch) {
	step := r.step(command.Key)
	if step == nil {
		var err error
		if step, err = r.newStep(command.Key, command.Key, command.Job, command.Outputs, false); err != nil {
			return
		}
		step.run.state.Adopt(command.InstanceID, "", workflow.Now(r.ctx))
	}
	step.told = false
	step.run.actions = append(step.run.actions, &execution.Resolve{Status: StatusSuccess})
}

func (r *runbookRun) newStep(key, path string, job runbook.Job, outputs engine.Outputs, preflight bool) (*stepRun, error) {
	target, policy, err := targetOf(job, preflight)
	if err != nil {
		return nil, err
	}
	ctx, cancel := workflow.WithCancel(r.kept) // the runbook's cancellation is the engine's business
	step := &stepRun{key: key, job: job, fresh: true, cancel: cancel, run: newRun(ctx, target, policy, runOptions{step: path, label: key, limit: outputs.Limit})}
	step.run.read = outputs.Read
	step.run.state.Rules.Origin = r.origin
	if step.run.state.Rules.Reset {
		step.run.locks = r.usesAround(path)
	}
	r.steps = append(r.steps, step)
	return step, nil
}

// waitsUntil says when a wait is over. What a window says is recorded, since a later release may know the time zones better.
func (r *runbookRun) waitsUntil(timer runbook.Timer, now time.Time) (until time.Time) {
	if timer.Window == "" {
		return timer.Over(now)
	}
	recorded := workflow.SideEffect(r.kept, func(workflow.Context) any { return timer.Over(now) })
	if err := recorded.Get(&until); err != nil {
		panic(err) // which fails the workflow task, and not the run: what this program has written it can read
	}
	return until
}

// since is the time from a start, for people.
func since(start *time.Time, end time.Time) string {
	if start == nil {
		return ""
	}
	return end.Sub(*start).Round(time.Second).String()
}
