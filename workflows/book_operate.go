package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// StepAction is the argument of the updates approve, reject, retry and skip.
type StepAction struct {
	Step    string `json:"step"`
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
	// Outputs are for skip: node name → result, used as the step's own.
	Outputs map[string]string `json:"outputs,omitempty"`
}

// RunAction is the argument of the updates pause, resume and abort.
type RunAction struct {
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
}

// question is an approval under way.
type question struct {
	runbook.Approval
	approved []string
	rejected bool
}

// pending is a step that has failed and waits for an operator.
type pending struct {
	reason   string
	decision decision
}

type decision int

const (
	undecided decision = iota
	retryStep
	skipStep
	resolveStep
)

func (b *book) takeUpdates() {
	b.onStep("approve", "Approve a step", b.checkAnswer, func(step int, in StepAction) {
		q, r := b.questions[step], &b.result.Steps[step]
		q.approved = append(q.approved, in.By)
		r.Approvals = q.approved
		if len(q.approved) >= max(1, q.Quorum) {
			r.Reason = ""
		}
	})
	b.onStep("reject", "Reject a step", b.checkAnswer, func(step int, _ StepAction) { b.questions[step].rejected = true })
	b.onStep("retry", "Run a failed step again", b.checkPending, func(step int, _ StepAction) { b.pending[step].decision = retryStep })
	b.onStep("skip", "Go on as if a step had succeeded", b.checkSkip, b.skip)
	b.onRun("pause", "Start no new steps", b.checkPause, func(in RunAction) { b.paused = "paused by " + by(in.By) })
	b.onRun("resume", "Go on after a pause", b.checkResume, func(RunAction) { b.paused, b.allowed = "", b.allowed+1 })
	b.onRun("abort", "End the runbook; the platform cannot cancel what runs", b.checkAbort, func(in RunAction) {
		b.abort("by " + by(in.By))
	})
	update(b.ctx, "resolveRun", "Say how an instance ended whose callbacks are lost", b.checkResolve, func(in ResolveRun) any {
		step := b.find(in.Step)
		if step < 0 || b.pending[step] == nil {
			return b.desk.resolveRun(in)
		}
		b.record(in.Step, "resolveRun "+in.Status, in.By, in.Comment)
		run := b.result.Steps[step].run
		run.finish(b.ctx, in.Status, ObservedByOperator)
		b.pending[step].decision = resolveStep
		return run.status
	})
}

// onStep adds an update that acts on one step, onRun one that acts on the whole.
func (b *book) onStep(name, description string, check func(step int, in StepAction) error, act func(step int, in StepAction)) {
	update(b.ctx, name, description, func(in StepAction) error {
		step := b.find(in.Step)
		if step < 0 {
			return fmt.Errorf("there is no step %q", in.Step)
		}
		if len(in.Outputs) > 0 && name != "skip" {
			return errors.New("outputs are for skip only")
		}
		return check(step, in)
	}, func(in StepAction) any {
		b.record(in.Step, name, in.By, in.Comment)
		act(b.find(in.Step), in)
		b.changed = true
		b.show()
		return b.snapshot().Steps[b.find(in.Step)]
	})
}

func (b *book) onRun(name, description string, check func(RunAction) error, act func(RunAction)) {
	update(b.ctx, name, description, check, func(in RunAction) any {
		b.record("", name, in.By, in.Comment)
		act(in)
		b.changed = true
		b.show()
		return b.snapshot()
	})
}

func (b *book) record(step, name, by, comment string) {
	b.result.Actions = append(b.result.Actions, Action{At: workflow.Now(b.ctx), Step: step, Name: name, By: by, Comment: comment})
}

func (b *book) find(id string) int {
	return slices.IndexFunc(b.in.Steps, func(step runbook.Step) bool { return step.ID == id })
}

func (b *book) checkAnswer(step int, in StepAction) error {
	q := b.questions[step]
	switch {
	case q == nil:
		return fmt.Errorf("step %s asks for no approval now: it is %s", in.Step, b.result.Steps[step].Status)
	case len(q.Approvers) > 0 && !slices.Contains(q.Approvers, in.By):
		return fmt.Errorf("step %s wants the answer of %s, not of %s", in.Step, strings.Join(q.Approvers, ", "), by(in.By))
	case slices.Contains(q.approved, in.By) && (in.By != "" || q.Quorum > 1):
		return fmt.Errorf("%s has approved step %s already; it wants %d different people", by(in.By), in.Step, max(1, q.Quorum))
	}
	return nil
}

func (b *book) checkPending(step int, in StepAction) error {
	if b.pending[step] == nil {
		return fmt.Errorf("step %s waits for no decision: it is %s", in.Step, b.result.Steps[step].Status)
	}
	return nil
}

func (b *book) checkSkip(step int, in StepAction) error {
	if b.states[step] == runbook.Waiting && b.ending == goingOn {
		return nil
	}
	return b.checkPending(step, in)
}

func (b *book) skip(step int, in StepAction) {
	r := &b.result.Steps[step]
	if len(in.Outputs) > 0 {
		model := activities.ModelOutputs{ModelID: r.ModelID}
		for _, name := range workflow.DeterministicKeys(in.Outputs) {
			model.Nodes = append(model.Nodes, activities.NodeOutput{Name: name, Result: in.Outputs[name]})
		}
		r.Outputs = []activities.ModelOutputs{model}
	}
	if b.states[step] == runbook.Waiting {
		b.end(step, runbook.Skipped, skippedByOperator)
		return
	}
	b.pending[step].decision = skipStep
}

func (b *book) checkPause(RunAction) error {
	switch {
	case b.ending != goingOn:
		return errors.New("the runbook is ending")
	case b.paused != "":
		return errors.New("the runbook is paused already")
	}
	return nil
}

func (b *book) checkResume(RunAction) error {
	if b.paused == "" {
		return errors.New("the runbook is not paused; a step that failed wants retry, skip or resolveRun")
	}
	return nil
}

func (b *book) checkAbort(RunAction) error {
	if b.ending == aborted || b.result.FinishedAt != nil {
		return errors.New("the runbook is ending")
	}
	return nil
}

// checkResolve allows to say how an instance ended of a step that waits for it, or that has given up.
func (b *book) checkResolve(in ResolveRun) error {
	step := b.find(in.Step)
	if step < 0 || b.pending[step] == nil {
		_, err := b.desk.checkRun(in)
		return err
	}
	run := b.result.Steps[step].run
	switch {
	case in.Status != StatusSuccess && in.Status != StatusFail:
		return fmt.Errorf("status wants %q or %q, got %q", StatusSuccess, StatusFail, in.Status)
	case run == nil || run.status.InstanceID == "":
		return fmt.Errorf("step %s has no instance; retry or skip it", in.Step)
	case run.status.FinishedAt != nil:
		return fmt.Errorf("the instance of step %s has ended %s; retry or skip it", in.Step, run.status.Status)
	}
	return nil
}

// ask has an operator decide about a step that has failed.
func (b *book) ask(ctx workflow.Context, step int, err error) decision {
	waiting := &pending{reason: cause(err).Error()}
	b.pending[step] = waiting
	r := &b.result.Steps[step]
	r.Status, r.Reason = StatusPaused, waiting.reason
	b.show()
	_ = workflow.Await(ctx, func() bool { return waiting.decision != undecided || b.ending == aborted })
	delete(b.pending, step)
	b.changed = true
	return waiting.decision
}

// fetchResolved fetches the outputs of an instance that an operator has told the end of.
func (b *book) fetchResolved(ctx workflow.Context, step int) error {
	r := &b.result.Steps[step]
	adapter := r.run.job.(stepJob)
	err := r.run.fetch(ctx)
	r.Outputs, r.ObservedBy = adapter.results(), ObservedByOperator
	if err == nil && r.run.status.Status == StatusFail {
		return temporal.NewNonRetryableApplicationError("an operator says that it ended FAIL", activities.ErrorPlanFailed, nil)
	}
	return err
}

// approval asks people, and waits for their answer.
func (b *book) approval(ctx workflow.Context, step int) error {
	approval, err := b.program.Approval(step, b.scope())
	if err != nil {
		return fault(err)
	}
	q := &question{Approval: approval}
	b.questions[step] = q
	r := &b.result.Steps[step]
	r.Reason = "waits for approval: " + approval.Message
	b.show()
	answered := func() bool { return q.rejected || len(q.approved) >= max(1, approval.Quorum) }
	inTime := true
	if approval.Timeout > 0 {
		inTime, err = workflow.AwaitWithTimeout(ctx, time.Duration(approval.Timeout), answered)
	} else {
		err = workflow.Await(ctx, answered)
	}
	delete(b.questions, step)
	switch {
	case err != nil:
		return err
	case q.rejected:
		return temporal.NewNonRetryableApplicationError("the approval was rejected", ErrorRunbookFailed, nil)
	case !inTime && approval.OnTimeout != runbook.ApproveOnTimeout:
		return temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("nobody approved within %s", approval.Timeout), ErrorRunbookFailed, nil)
	}
	return nil
}

func by(name string) string {
	if name == "" {
		return "an operator"
	}
	return name
}
