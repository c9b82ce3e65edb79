package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// Application error types of runbooks.
const (
	// ErrorRunbookFailed: a step failed, and its policy ended the runbook.
	ErrorRunbookFailed = "RunbookFailed"
	// ErrorRunbookAborted: an operator ended the runbook.
	ErrorRunbookAborted = "RunbookAborted"
)

// ExecuteRunbook runs a runbook from within any workflow, which from then on takes the runbook's updates
// and answers the query "status".
func ExecuteRunbook(ctx workflow.Context, in RunbookInput) (RunbookResult, error) {
	b, err := openBook(ctx, in)
	if err != nil {
		return RunbookResult{}, err
	}
	if err := b.prepare(); err != nil {
		return RunbookResult{}, err
	}
	if in.DryRun {
		return b.plan(), nil
	}
	return b.run()
}

// book is a runbook that is being run.
type book struct {
	in      RunbookInput
	program *runbook.Program
	graph   *runbook.Graph
	desk    *desk
	result  RunbookResult
	states  []runbook.State  // by step
	rows    []row            // by step, for the current details
	facts   []runbook.Result // by step, for expressions
	order   []int            // of the steps that succeeded, as they did
	limit   int              // of the outputs of one run, in bytes of JSON
	checked bool             // by the preflight
	runs    int              // of plans, models and nested runbooks so far

	ctx     workflow.Context // of the runbook
	steps   workflow.Context // of its steps: an abort ends their waiting
	stop    workflow.CancelFunc
	changed bool

	paused    string // why nothing new starts; empty if it may
	allowed   int    // steps that may start in step-by-step
	ending    ending
	questions map[int]*question // approvals under way, by step
	pending   map[int]*pending  // steps that wait for an operator after a failure
}

// ending is why a runbook starts nothing more.
type ending int

const (
	goingOn ending = iota
	failing        // a step has failed whose policy is abort
	rolling        // a step has failed whose policy is rollback
	aborted        // by an operator, or by a cancellation of the workflow
)

func openBook(ctx workflow.Context, in RunbookInput) (*book, error) {
	ctx, desk := openDesk(ctx, true)
	if err := in.Document.Validate(); err != nil {
		return nil, invalidDocument(err)
	}
	if err := in.Document.Bind(nil); err != nil {
		return nil, invalidDocument(err)
	}
	program, err := in.Document.Compile()
	if err != nil {
		return nil, invalidDocument(err)
	}
	b := &book{
		in: in, program: program, graph: in.Document.Graph(), desk: desk, ctx: ctx,
		states:    make([]runbook.State, len(in.Steps)),
		rows:      make([]row, len(in.Steps)),
		facts:     make([]runbook.Result, len(in.Steps)),
		questions: map[int]*question{}, pending: map[int]*pending{},
		limit: max(minOutputs, outputsLimit/max(1, len(in.Steps))),
	}
	if err := b.checkSize(); err != nil {
		return nil, err
	}
	b.steps, b.stop = workflow.WithCancel(ctx)
	b.result = RunbookResult{Name: in.Name, Status: StatusRunning, StartedAt: workflow.Now(ctx), Target: in.Target}
	for _, step := range in.Steps {
		b.result.Steps = append(b.result.Steps, StepResult{
			ID: step.ID, Name: step.Name, Status: StatusWaiting, PlanID: step.Plan, ModelID: step.Model,
		})
	}
	desk.recorded = func(action Action) { b.result.Actions = append(b.result.Actions, action) }
	desk.render = b.markdown
	desk.runbook = in.Name[:min(len(in.Name), maxIndexed)]
	b.takeUpdates()
	return b, workflow.SetQueryHandler(ctx, "status", func() (RunbookResult, error) { return b.snapshot(), nil })
}

const (
	// minOutputs is what the outputs of one run may take however many runs there are.
	minOutputs = 256
	// maxRuns is how many plans, models and nested runbooks a runbook may run: each costs about 13 of the
	// 51,200 events that a history may have, and a place in the result, which has to fit into 2 MB.
	maxRuns = 2000
)

// run runs the steps to their end, and then, if that is the policy, their rollbacks.
func (b *book) run() (RunbookResult, error) {
	for {
		b.startReady()
		if b.over() {
			break
		}
		b.changed = false
		if err := workflow.Await(b.ctx, func() bool { return b.changed }); err != nil {
			b.abort("the workflow was cancelled")
			ended, _ := workflow.NewDisconnectedContext(b.ctx)
			_ = workflow.Await(ended, func() bool { return b.running() == 0 }) // a context that is never cancelled
			return b.finish(err)
		}
	}
	if b.ending == rolling {
		b.rollBack()
	}
	return b.finish(nil)
}

// startReady starts what may start now, and ends what never can.
func (b *book) startReady() {
	for _, step := range b.endUnreachable() {
		switch {
		case b.ending != goingOn || b.paused != "" || len(b.pending) > 0:
			return
		case b.in.MaxParallel > 0 && b.running() >= b.in.MaxParallel:
			return
		case b.in.StepByStep && b.allowed == 0:
			b.paused = fmt.Sprintf("step by step: %s comes next; resume starts it", b.in.Steps[step].ID)
			b.show()
			return
		}
		b.allowed = max(0, b.allowed-1)
		b.start(step)
	}
}

// endUnreachable ends the steps that never can start, and returns those that may.
func (b *book) endUnreachable() (ready []int) {
	ready, unreachable := b.graph.Next(b.states)
	for _, step := range unreachable {
		b.end(step, runbook.Unreachable, "what it needs can no longer happen")
	}
	return ready
}

func (b *book) start(step int) {
	now := workflow.Now(b.ctx)
	b.states[step] = runbook.Running
	r := &b.result.Steps[step]
	r.Status, r.StartedAt = StatusRunning, &now
	b.show()
	workflow.Go(b.steps, func(ctx workflow.Context) { b.runStep(ctx, step) })
}

func (b *book) running() (n int) {
	for _, state := range b.states {
		if state == runbook.Running {
			n++
		}
	}
	return n
}

// over tells whether nothing runs and nothing will start by itself or by an operator.
func (b *book) over() bool {
	if b.running() > 0 {
		return false
	}
	ready, _ := b.graph.Next(b.states)
	return b.ending != goingOn || len(ready) == 0
}

// end puts a step into the state that it ends in.
func (b *book) end(step int, state runbook.State, reason string) {
	now := workflow.Now(b.ctx)
	b.states[step] = state
	r := &b.result.Steps[step]
	r.Status, r.Reason, r.FinishedAt = wordOf(state), reason, &now
	if state == runbook.Succeeded {
		b.order = append(b.order, step)
	}
	delete(b.pending, step)
	delete(b.questions, step)
	b.changed = true
	b.show()
}

func wordOf(state runbook.State) string {
	switch state {
	case runbook.Succeeded:
		return StatusSuccess
	case runbook.Skipped, runbook.Unreachable:
		return StatusSkipped
	case runbook.Failed:
		return StatusFailed
	case runbook.Aborted:
		return StatusAborted
	case runbook.Running:
		return StatusRunning
	default:
		return StatusWaiting
	}
}

func (b *book) abort(reason string) {
	b.ending, b.result.Reason, b.changed = aborted, reason, true
	b.stop()
}

// since is the time from a start, for people.
func since(start *time.Time, end time.Time) string {
	if start == nil {
		return ""
	}
	return end.Sub(*start).Round(time.Second).String()
}

// prepare checks the runbook against the platform, and takes over what an earlier run has done.
func (b *book) prepare() error {
	if b.in.ResumeFrom != nil {
		if err := b.resume(); err != nil {
			return err
		}
	}
	if b.in.Preflight != nil && !*b.in.Preflight && !b.in.DryRun {
		return nil
	}
	var a *activities.Activities
	var findings activities.Faults
	if err := read(b.ctx, a.Preflight, b.preflight(), &findings); err != nil {
		return fail(typeOf(err), b.snapshot(), err, "the runbook was not started: its preflight could not be made")
	}
	if len(findings) > 0 {
		return activities.InvalidInput(findings)
	}
	b.checked = true
	return nil
}
