package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/lock"
	"github.com/dpaflow/dpaflow/runbook"
)

// Lock is how a runbook stands with its lock.
type Lock struct {
	Name string `json:"name"`
	// Status is WAITING, HELD or RELEASED; Since is since when.
	Status string    `json:"status"`
	Since  time.Time `json:"since"`
	// By has it while this one waits, as far as is known; Ahead is how many come before it, By included.
	By    *lock.Holder `json:"by,omitempty"`
	Ahead int          `json:"ahead,omitempty"`
}

// How a runbook stands with its lock.
const (
	LockWaiting  = runbook.StatusWaiting
	LockHeld     = "HELD"
	LockReleased = "RELEASED"
)

// Waits reports whether the lock is still to come.
func (l *Lock) Waits() bool { return l != nil && l.Status == LockWaiting }

// Acquire asks for a lock; LockAnswered says what became of that, as often as it changes.
type Acquire struct {
	// Key names the runbook, within this run and all that continue it as new.
	Key  string `json:"key"`
	Name string `json:"name"`
	// Path is of the step or item that runs the runbook; empty for the outermost. Runbook is its name.
	Path    string `json:"path,omitempty"`
	Runbook string `json:"runbook"`
}

// Release gives a lock back, or up.
type Release struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	// Left names what the platform may still run.
	Left []string `json:"left,omitempty"`
}

// LockAnswered is how a runbook stands with its lock.
type LockAnswered struct {
	Key string `json:"key"`
	lock.Answer
}

func (LockAnswered) rank() int { return 0 }
func (Acquire) command()       {}
func (Release) command()       {}

// TakeLock asks for the lock of the run, where it has one: before Begin, and not in a dry run. Nothing starts before
// the run has it.
func (e *Engine) TakeLock(now time.Time) (commands []Command) {
	e.now, e.commands = now, nil
	if e.Lock = newLock(e.top.lock, now); e.Lock != nil {
		e.do(Acquire{Name: e.Lock.Name, Runbook: e.top.doc.Name})
	}
	return e.commands
}

// GiveLockBack is for a run that was refused before it began.
func (e *Engine) GiveLockBack(now time.Time) (commands []Command) {
	e.now, e.commands = now, nil
	e.giveBack("", &e.Run, nil)
	return e.commands
}

func newLock(written *runbook.Lock, now time.Time) *Lock {
	if written == nil {
		return nil
	}
	return &Lock{Name: written.Name, Status: LockWaiting, Since: now}
}

// lockInside takes the lock of a nested runbook that is about to begin.
func (e *Engine) lockInside(p part, run *Run) error {
	written, err := p.inner[p.i].program.Lock(runbook.Scope{Vars: run.Vars})
	if err != nil || written == nil || slices.Contains(p.locks, written.Name) {
		return err
	}
	if err := inOrder(p.locks, written); err != nil {
		return err
	}
	run.Lock = newLock(written, e.now)
	e.do(Acquire{Key: p.key(false), Name: run.Lock.Name, Path: p.path, Runbook: p.inner[p.i].doc.Name})
	return nil
}

// Locks are those that the run has, or waits for, as it asked for them.
func (e *Engine) Locks() (list []Acquire) {
	note := func(of *Lock, key, path, name string) {
		if of != nil && of.Status != LockReleased {
			list = append(list, Acquire{Key: key, Name: of.Name, Path: path, Runbook: name})
		}
	}
	note(e.Lock, "", "", e.top.doc.Name)
	e.each(e.root(), func(p part) {
		if p.of.Runbook != nil {
			note(p.of.Runbook.Lock, p.key(false), p.path, p.inner[p.i].doc.Name)
		}
	})
	return list
}

// inOrder refuses to wait for a lock while one is held that comes after it: two runbooks that wait for each other would
// wait for ever, and in one order nobody can.
func inOrder(held []string, wanted *runbook.Lock) error {
	for _, name := range held {
		if wanted.OnBusy != runbook.FailOnBusy && name > wanted.Name {
			return fmt.Errorf("lock %q comes before %q in the alphabet, which a runbook around it has: two runbooks could wait for each other; name them the other way round, or say onBusy: fail",
				wanted.Name, name)
		}
	}
	return nil
}

// lockAnswered takes in how a runbook stands with its lock.
func (e *Engine) lockAnswered(event LockAnswered) {
	run, doc, path := &e.Run, e.top.doc, ""
	if event.Key != "" {
		p, execution := e.execution(event.Key)
		if execution == nil || p.of.Runbook == nil {
			return
		}
		run, doc, path = p.of.Runbook, p.inner[p.i].doc, p.path
	}
	switch {
	case !run.Lock.Waits():
	case event.Held:
		run.Lock.Status, run.Lock.Since, run.Lock.By, run.Lock.Ahead = LockHeld, e.now, nil, 0
		for _, left := range event.Left {
			e.note(path, fmt.Sprintf("lock %s was given back while the platform may still run something: %s; look there", run.Lock.Name, left))
		}
		e.changed = true
	case doc.Lock.OnBusy == runbook.FailOnBusy && event.By != nil:
		e.wind(run, Failing, fmt.Sprintf("lock %s is held by %s", run.Lock.Name, holderOf(event.By)), runbook.StatusFailed)
	default:
		run.Lock.By, run.Lock.Ahead = event.By, event.Ahead
	}
}

// holderOf names who has a lock, for people.
func holderOf(by *lock.Holder) string {
	name := by.WorkflowID
	if by.Step != "" {
		name += " (step " + by.Step + ")"
	}
	return strings.TrimSpace("runbook " + by.Runbook + " of run " + name)
}

// String says for people how a runbook stands with its lock.
func (l *Lock) String() string {
	switch {
	case l.Status != LockWaiting:
		return "lock " + l.Name + " " + l.Status
	case l.By == nil:
		return "waits for lock " + l.Name
	}
	text := fmt.Sprintf("waits for lock %s, held by %s since %s", l.Name, holderOf(l.By), l.By.Since.UTC().Format(time.RFC3339))
	if l.Ahead > 1 {
		text += fmt.Sprintf(", %d more come first", l.Ahead-1)
	}
	return text
}

// giveBack gives the lock of a runbook back.
func (e *Engine) giveBack(key string, run *Run, left []string) {
	if run.Lock == nil || run.Lock.Status == LockReleased {
		return
	}
	if run.Lock.Status != LockHeld {
		left = nil
	}
	run.Lock.Status, run.Lock.Since, run.Lock.By, run.Lock.Ahead = LockReleased, e.now, nil, 0
	e.do(Release{Key: key, Name: run.Lock.Name, Left: left})
}

// Left names what the platform may still run of a run, for whoever has its lock next.
func (r Result) Left() []string { return leftOf("", r.Steps) }

func leftOf(prefix string, steps []Step) (list []string) {
	for i := range steps {
		steps[i].mayRun(prefix+steps[i].ID, func(path string, of *Execution) {
			list = append(list, fmt.Sprintf("step %s, %s", path, what(of)))
		})
	}
	return list
}

// locks gets the lock of the outermost runbook ready, and finds what is wrong with any.
func (p *Program) locks() (findings runbook.Faults) {
	var held []string
	written, err := p.top.program.Lock(runbook.Scope{Vars: p.vars})
	findings.Add("", err)
	if p.top.lock = written; err == nil && written != nil {
		held = append(held, written.Name)
	}
	return append(findings, p.top.lockFindings("", p.vars, held)...)
}

// lockFindings are what is wrong with the locks of nested runbooks, as far as their names are known.
func (n *node) lockFindings(path string, vars runbook.Vars, held []string) (findings runbook.Faults) {
	for i, inner := range n.inner {
		if inner == nil {
			continue
		}
		below, at := held, fmt.Sprintf("%s%s.runbook.", path, n.doc.Place(i))
		given, err := n.program.InnerVars(i, runbook.Scope{Vars: vars, Preview: true})
		if err != nil {
			continue // which a dry run finds, as far as it can be known
		}
		written, err := inner.program.Lock(runbook.Scope{Vars: given, Preview: true})
		switch {
		case errors.Is(err, runbook.ErrNotYetKnown), written == nil:
		case err != nil:
			findings.Add(strings.TrimSuffix(at, "."), err)
		case strings.Contains(written.Name, "${{"):
		case !slices.Contains(held, written.Name):
			findings.Add(at+"lock.name", inOrder(held, written))
			below = append(slices.Clip(held), written.Name)
		}
		findings = append(findings, inner.lockFindings(at, given, below)...)
	}
	return findings
}
