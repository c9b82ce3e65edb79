package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// Phase is where a run stands.
type Phase string

// The phases of a run.
const (
	PhaseLocked      Phase = "LOCKED"   // another runbook has the lock; nothing has started
	PhaseChecking    Phase = "CHECKING" // nothing has started
	PhaseRunning     Phase = "RUNNING"
	PhasePaused      Phase = "PAUSED" // an operator decides, or resumes
	PhaseRollingBack Phase = "ROLLING_BACK"
	PhaseEnding      Phase = "ENDING" // nothing new starts but handlers and finally
	PhaseEnded       Phase = "ENDED"
)

// Result is a run as it stands, and in the end what became of it.
type Result struct {
	Name string `json:"name"`
	// Status is how it ended; RUNNING or PAUSED before.
	Status string `json:"status"`
	Phase  Phase  `json:"phase"`
	// Reason says why it is paused or ending, or ended as it did.
	Reason     string       `json:"reason,omitempty"`
	StartedBy  string       `json:"startedBy,omitempty"`
	Vars       runbook.Vars `json:"vars,omitempty"`
	StartedAt  time.Time    `json:"startedAt"`
	FinishedAt *time.Time   `json:"finishedAt,omitempty"`
	// Target is how long it should take.
	Target runbook.Duration `json:"target,omitzero"`
	// Lock is how it stands with its lock.
	Lock *Lock `json:"lock,omitempty"`
	// WaitsFor is what the run waits for a person for.
	WaitsFor []WaitsFor `json:"waitsFor,omitempty"`
	// Steps are in the order in which they are written.
	Steps []Step `json:"steps"`
	// StillRunning are executions that are not waited for any more, though the platform may run them.
	StillRunning []StillRunning `json:"stillRunning,omitempty"`
	// Actions are what operators did.
	Actions []Action `json:"actions,omitempty"`
	// Notes are what an operator should know of.
	Notes []Note `json:"notes,omitempty"`
	// Cut says what was left out because the result was too large.
	Cut string `json:"cut,omitempty"`
}

// WaitsFor is something that only a person can bring about.
type WaitsFor struct {
	// Kind is approval, answer, decision, doubt or resume.
	Kind string `json:"kind"`
	Step string `json:"step,omitempty"`
	// Reason is the question, the failure or the doubt.
	Reason string     `json:"reason,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	// Who may answer; anyone if empty.
	Who []string `json:"who,omitempty"`
	// Have is how many have answered, of Need.
	Have int `json:"have,omitempty"`
	Need int `json:"need,omitempty"`
	// Fields are what to fill in.
	Fields map[string]runbook.Var `json:"fields,omitempty"`
	// MayRun is true where the platform may still run something of what failed here.
	MayRun bool `json:"mayRun,omitempty"`
	// Command is what to type.
	Command string `json:"command"`
}

// The kinds of WaitsFor.
const (
	ForApproval = "approval"
	ForAnswer   = "answer"
	ForDecision = "decision"
	ForDoubt    = "doubt"
	ForResume   = "resume"
)

// StillRunning is an execution that nobody waits for any more.
type StillRunning struct {
	Step string `json:"step"`
	// InstanceID is empty where it is not known.
	InstanceID string `json:"instanceId,omitempty"`
	// Rollback is true where it undoes the step.
	Rollback bool `json:"rollback,omitempty"`
}

// Result returns the run as it stands.
func (e *Engine) Result() Result {
	r := Result{
		Name: e.top.doc.Name, Status: e.Status, Phase: e.Phase(), Reason: e.Reason, StartedBy: e.StartedBy, Vars: e.Vars,
		StartedAt: e.StartedAt, FinishedAt: e.FinishedAt, Target: e.top.doc.Target,
		Lock: e.Lock, WaitsFor: e.WaitsFor(), Steps: e.Steps, StillRunning: e.stillRunning(), Actions: e.Actions, Notes: e.Notes,
	}
	if e.FinishedAt != nil {
		return r
	}
	r.Status = runbook.StatusRunning
	for _, waits := range r.WaitsFor {
		if waits.Kind == ForDecision || waits.Kind == ForResume {
			r.Status, r.Reason = runbook.StatusPaused, waits.Reason
			break
		}
	}
	return r
}

// Phase returns where the run stands.
func (e *Engine) Phase() Phase {
	undoing, decides := false, e.Paused != nil || e.Announced != ""
	e.each(e.root(), func(p part) {
		undoing = undoing || p.of.Rollback != nil && p.of.Rollback.Status == runbook.StatusRunning
		decides = decides || p.of.Status == runbook.StatusPaused
	})
	switch {
	case e.FinishedAt != nil:
		return PhaseEnded
	case !e.Begun && e.Lock.Waits():
		return PhaseLocked
	case !e.Begun:
		return PhaseChecking
	case undoing:
		return PhaseRollingBack
	case e.Ending != "" || e.Outcome != "":
		return PhaseEnding
	case decides:
		return PhasePaused
	}
	return PhaseRunning
}

// WaitsFor lists what only a person can bring about, nested runbooks included.
func (e *Engine) WaitsFor() (list []WaitsFor) {
	if e.FinishedAt != nil {
		return nil
	}
	command := func(format string, args ...any) string {
		return fmt.Sprintf("starter "+format, args...)
	}
	if e.Paused != nil {
		list = append(list, WaitsFor{
			Kind: ForResume, Reason: "paused by " + by(e.Paused.By), Since: &e.Paused.At, Command: command("resume %s", e.WorkflowID),
		})
	} else if e.Announced != "" {
		list = append(list, WaitsFor{
			Kind: ForResume, Step: e.Announced, Reason: "step by step: " + e.Announced + " comes next",
			Command: command("resume %s", e.WorkflowID),
		})
	}
	e.each(e.root(), func(p part) {
		for _, x := range []*Execution{&p.of.Execution, p.of.Rollback} {
			if x != nil && x.Status == runbook.StatusRunning && x.Doubt != "" {
				list = append(list, WaitsFor{
					Kind: ForDoubt, Step: p.path, Reason: x.Doubt, Since: x.DoubtSince,
					Command: command("resolve %s --step %s --adopt INSTANCE", e.WorkflowID, p.path),
				})
			}
		}
		switch q := p.of.Question; {
		case p.of.Status == runbook.StatusPaused:
			mayRun := false
			p.of.mayRun(p.path, func(string, *Execution) { mayRun = true })
			list = append(list, WaitsFor{
				Kind: ForDecision, Step: p.path, Reason: fmt.Sprintf("step %s failed: %s", p.path, p.of.Reason), Since: p.of.PausedAt,
				Command: command("retry %s %s, or skip, resolve or abort", e.WorkflowID, p.path), Who: p.who(), MayRun: mayRun,
			})
		case p.of.Status == runbook.StatusRunning && q != nil && q.Fields != nil:
			values := ""
			for name := range runbook.Sorted(q.Fields) {
				values += " " + name + "=…"
			}
			list = append(list, WaitsFor{
				Kind: ForAnswer, Step: p.path, Reason: q.Message, Since: p.of.StartedAt, Until: p.of.Until, Who: q.Approvers,
				Need: 1, Fields: q.Fields, Command: command("answer %s %s%s --by NAME", e.WorkflowID, p.path, values),
			})
		case p.of.Status == runbook.StatusRunning && q != nil:
			list = append(list, WaitsFor{
				Kind: ForApproval, Step: p.path, Reason: q.Message, Since: p.of.StartedAt, Until: p.of.Until,
				Who: q.Approvers, Have: len(p.of.Approvals), Need: q.Quorum,
				Command: command("approve %s %s --by NAME", e.WorkflowID, p.path),
			})
		}
	})
	return list
}

// who may decide about a part that failed; nil if anyone may.
func (p part) who() []string {
	if p.of.Question == nil {
		return nil
	}
	return p.of.Question.Approvers
}

// What a run asks for, the most urgent first.
const (
	AttentionUnknown  = "UNKNOWN"  // somebody must find out whether a trigger ran
	AttentionPaused   = "PAUSED"   // a decision or a resume is wanted
	AttentionApproval = "APPROVAL" // an approval or an answer is wanted
	AttentionOverdue  = "OVERDUE"  // an execution has had no callback for long
	AttentionNone     = "WAITING"
)

// Attention is the most urgent of what the run asks for.
func (e *Engine) Attention() string {
	urgent := map[string]string{ForDoubt: AttentionUnknown, ForDecision: AttentionPaused, ForResume: AttentionPaused, ForApproval: AttentionApproval, ForAnswer: AttentionApproval}
	found := map[string]bool{}
	for _, waits := range e.WaitsFor() {
		found[urgent[waits.Kind]] = true
	}
	overdue := func(x *Execution) bool { return x != nil && x.Status == runbook.StatusRunning && x.Overdue }
	e.each(e.root(), func(p part) {
		if overdue(&p.of.Execution) || overdue(p.of.Rollback) {
			found[AttentionOverdue] = true
		}
	})
	for _, word := range []string{AttentionUnknown, AttentionPaused, AttentionApproval, AttentionOverdue} {
		if found[word] {
			return word
		}
	}
	return AttentionNone
}

func (e *Engine) stillRunning() (list []StillRunning) {
	e.each(e.root(), func(p part) {
		note := func(x *Execution, undoing bool) {
			if x.MayRun && x.Status != runbook.StatusRunning {
				list = append(list, StillRunning{Step: p.path, InstanceID: x.InstanceID, Rollback: undoing})
			}
		}
		note(&p.of.Execution, false)
		for i := range p.of.Earlier {
			note(&p.of.Earlier[i], false)
		}
		if p.of.Rollback != nil {
			note(p.of.Rollback, true)
		}
	})
	return list
}

// Step returns what is known of a step or item.
func (e *Engine) Step(path string) (Step, bool) {
	p, known := e.find(path)
	if !known {
		return Step{}, false
	}
	return *p.of, true
}

// Repairable reports whether an operator may still say how the instance of an execution ended that is
// over.
func (e *Engine) Repairable(key string) bool {
	path, undoing := strings.CutSuffix(key[:max(0, strings.LastIndexByte(key, '.'))], "~rollback")
	p, known := e.find(path)
	return known && !undoing && p.key(false) == key && p.undecided()
}
