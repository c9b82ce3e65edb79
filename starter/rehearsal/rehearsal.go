// Package rehearsal runs a runbook without a server: the same engine, to which a person or a script says how each
// execution ends, what operators do and how much time passes.
package rehearsal

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
)

// Rehearsal is a run of a runbook that only happens here.
type Rehearsal struct {
	doc     runbook.Document
	vars    runbook.Vars // that were given
	options engine.Options
	e       *engine.Engine
	now     time.Time
	running []*execution      // in the order in which they were started
	number  int               // of instances
	stopped bool              // from outside
	busy    map[string]string // locks that other runs have: name → who
	waiting []engine.Acquire  // for those
}

// execution is one that the engine has started.
type execution struct {
	engine.Start
	instance string // empty until it is known
}

// begins is when every rehearsal does: its times are the same whenever it is made.
var begins = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// New begins a rehearsal of a document. Busy are the locks that other runs have: name → who. The error is
// runbook.Faults.
func New(doc runbook.Document, vars runbook.Vars, options engine.Options, busy map[string]string) (*Rehearsal, error) {
	r := &Rehearsal{doc: doc, vars: maps.Clone(vars), options: options, now: begins, busy: maps.Clone(busy)}
	if err := r.open(r.vars, nil); err != nil {
		return nil, err
	}
	return r, nil
}

// open begins a run, which may continue an earlier one.
func (r *Rehearsal) open(vars runbook.Vars, prepare func(*engine.Engine) error) error {
	doc := r.doc
	if err := doc.Bind(vars); err != nil {
		return err
	}
	program, err := engine.Compile(&doc)
	if err != nil {
		return err
	}
	e := program.New(r.now, r.options)
	if prepare != nil {
		if err := prepare(e); err != nil {
			return err
		}
	}
	r.e, r.running, r.stopped, r.waiting = e, nil, false, nil
	r.carryOut(e.TakeLock(r.now))
	r.next()
	return nil
}

// Result returns the run as it stands.
func (r *Rehearsal) Result() engine.Result { return r.e.Result() }

// Now is what time it is in the rehearsal.
func (r *Rehearsal) Now() time.Time { return r.now }

// Over reports whether the run has ended.
func (r *Rehearsal) Over() bool { return r.stopped || r.e.FinishedAt != nil }

// Running are the paths of what runs on the platform now, in order; a rollback's begin with "rollback of".
func (r *Rehearsal) Running() []string {
	paths := []string{}
	for _, x := range r.running {
		if x.Rollback {
			paths = append(paths, "rollback of "+x.Path)
		} else {
			paths = append(paths, x.Path)
		}
	}
	slices.Sort(paths)
	return paths
}

// Say has happen what a sentence says. The error says why it cannot, and then nothing has happened.
func (r *Rehearsal) Say(text string) error {
	s, err := parse(text)
	if err != nil {
		return err
	}
	switch {
	case r.Over():
		return errors.New("the run has ended")
	case s.passes > 0:
		r.triggered(nil)
		r.pass(s.passes)
	case s.freed != "":
		r.triggered(nil)
		return r.free(s.freed)
	case s.terminated:
		r.triggered(nil)
		r.stopped = true
	case s.canceled:
		r.triggered(nil)
		r.next(engine.Cancelled{})
	case s.rest:
		for len(r.running) > 0 {
			r.triggered(nil)
			r.end(r.running[0], engine.Ended{Outcome: engine.Success, ObservedBy: "callback"})
		}
	case s.action != nil:
		return r.act(s)
	default:
		return r.happen(s)
	}
	return nil
}

// triggered lets the platform accept every trigger that it has not answered, but that of one execution.
func (r *Rehearsal) triggered(but *execution) {
	var events []engine.Event
	for _, x := range r.running {
		if x != but && x.instance == "" {
			r.number++
			x.instance = fmt.Sprintf("rehearsed%d", r.number)
			events = append(events, engine.Progress{Key: x.Key, Phase: "WAITING", InstanceID: x.instance})
		}
	}
	if len(events) > 0 {
		r.next(events...)
	}
}

// happen lets an execution end, or be in doubt.
func (r *Rehearsal) happen(s sentence) error {
	x := r.find(s.step, s.undoing)
	if x == nil {
		return fmt.Errorf("%s does not run now; these do: %s", s.step, orNone(r.Running()))
	}
	unanswered := s.doubt || s.outcome == engine.Broken && !s.mayRun
	if !unanswered {
		r.triggered(nil)
	} else if r.triggered(x); x.instance != "" && x.Adopt == "" {
		return fmt.Errorf("the trigger of %s was accepted, as instance %s", s.step, x.instance)
	}
	if s.doubt {
		r.next(engine.Progress{Key: x.Key, Phase: "UNKNOWN", Doubt: s.reason})
		return nil
	}
	ended := engine.Ended{Outcome: s.outcome, MayRun: s.mayRun, Outputs: nodes(x.Job, s.outputs)}
	if s.outcome != engine.Success {
		ended.Reason = s.reason
	}
	if s.outcome != engine.Broken {
		ended.ObservedBy = "callback"
	}
	r.end(x, ended)
	return nil
}

func (r *Rehearsal) find(path string, undoing bool) *execution {
	for _, x := range r.running {
		if x.Path == path && x.Rollback == undoing {
			return x
		}
	}
	return nil
}

// end ends an execution.
func (r *Rehearsal) end(x *execution, ended engine.Ended) {
	r.running = slices.DeleteFunc(r.running, func(other *execution) bool { return other == x })
	ended.Key, ended.InstanceID = x.Key, x.instance
	r.now = r.now.Add(time.Second) // so that the record tells what ended first
	r.next(ended)
}

// pass lets time pass, and everything happen that only time brings about.
func (r *Rehearsal) pass(d time.Duration) {
	until := r.now.Add(d)
	for due, any := r.e.Due(); any && !due.After(until); due, any = r.e.Due() {
		if due.After(r.now) {
			r.now = due
		}
		r.next()
	}
	r.now = until
	r.next()
}

// next has the engine take in what has happened, and returns what is left to do beside what is done here.
func (r *Rehearsal) next(events ...engine.Event) (left []engine.Command) {
	if !r.e.Begun && !r.e.Lock.Waits() {
		r.e.Begin()
	}
	return r.carryOut(r.e.Next(r.now, events...))
}

func (r *Rehearsal) carryOut(commands []engine.Command) (left []engine.Command) {
	for _, command := range commands {
		switch command := command.(type) {
		case engine.Start:
			r.running = append(r.running, &execution{Start: command, instance: command.Adopt})
		case engine.Cancel:
			if i := slices.IndexFunc(r.running, func(x *execution) bool { return x.Key == command.Key }); i >= 0 {
				r.end(r.running[i], engine.Ended{Outcome: engine.GivenUp, MayRun: true})
			}
		case engine.Acquire:
			r.waiting = append(r.waiting, command)
			left = append(left, r.answer(command)...)
		case engine.Release:
			r.waiting = slices.DeleteFunc(r.waiting, func(other engine.Acquire) bool { return other.Key == command.Key })
			left = append(left, r.answerAll(command.Name)...)
		default:
			left = append(left, command)
		}
	}
	return left
}

// resume begins a new run that continues the one that has ended.
func (r *Rehearsal) resume(resume Resume) error {
	if !r.Over() {
		return errors.New("the run has not ended")
	}
	earlier := r.e.Result()
	vars := runbook.Vars{}
	maps.Copy(vars, r.vars)
	maps.Copy(vars, resume.Vars)
	err := r.open(vars, func(e *engine.Engine) error { return e.Resume(r.options.WorkflowID, earlier, resume.Choices) })
	if err == nil {
		r.vars = vars
	}
	return err
}

// nodes are outputs as the platform gives them.
func nodes(job runbook.Job, outputs map[string]string) []runbook.ModelOutputs {
	if len(outputs) == 0 {
		return nil
	}
	model := runbook.ModelOutputs{ModelID: job.Model}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		result, cut := strings.CutSuffix(outputs[name], " [cut]")
		model.Nodes = append(model.Nodes, runbook.NodeOutput{Name: name, Result: result, Cut: cut})
	}
	return []runbook.ModelOutputs{model}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}
