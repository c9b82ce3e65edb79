package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dpaflow/dpaflow/runbook"
)

// Choices say what to do with what an earlier run did, where that is not clear. They name steps by path;
// one that names a step means everything in it too.
type Choices struct {
	// Keep names what is done, though its inputs are not those that it ran with.
	Keep []string `json:"keep,omitempty"`
	// Rerun names what is run again, though it succeeded or may still run.
	Rerun []string `json:"rerun,omitempty"`
	// Adopt names what may still run, and is waited for: a step, or step=instance.
	Adopt []string `json:"adopt,omitempty"`
}

// resumption takes over what an earlier run did.
type resumption struct {
	e        *Engine
	from     string // the workflow that the earlier run was of
	choices  Choices
	used     map[string]bool
	common   bool
	findings runbook.Faults
}

// Resume takes over what an earlier run did, the workflow from: what it says it was asked for before Begin. What
// succeeded there, and was not undone, is done here too. Where that is not clear, the error is runbook.Faults.
func (e *Engine) Resume(from string, earlier Result, choices Choices) error {
	r := &resumption{e: e, from: from, choices: choices, used: map[string]bool{}}
	r.steps(e.root(), r.align(e.top, "", earlier.Steps, false), false)
	if !r.common {
		r.find("", "the earlier run, %s, has no step in common with this runbook", earlier.Name)
		return r.findings
	}
	e.each(e.root(), func(p part) {
		e.Ends, e.OutputBytes = max(e.Ends, p.of.Order), e.OutputBytes+outputsSize(p.of.Outputs)
	})
	for _, list := range [][]string{choices.Keep, choices.Rerun, choices.Adopt} {
		for _, name := range list {
			if !r.used[name] {
				r.find(name, "there is nothing of that name to decide about: leave it out")
			}
		}
	}
	return r.findings.Err()
}

func (r *resumption) find(path, problem string, args ...any) {
	at := "resumeFrom"
	if path != "" {
		at += "[" + path + "]"
	}
	r.findings = append(r.findings, runbook.Fault{Path: at, Problem: fmt.Sprintf(problem, args...)})
}

// chosen reports whether a list names a path, or something around it.
func (r *resumption) chosen(list []string, path string) (chosen bool) {
	for _, name := range list {
		rest, within := strings.CutPrefix(path, name)
		if within && (rest == "" || rest[0] == '/' || rest[0] == '[') {
			r.used[name], chosen = true, true
		}
	}
	return chosen
}

// steps takes over the steps of one runbook, which is done or not. Those that a step needs come before it.
func (r *resumption) steps(s *scope, before []Step, done bool) {
	for _, i := range s.graph.Order() {
		old := before[i]
		s.Steps[i] = newStep(s.doc.Step(i))
		switch p := r.e.part(s, i); {
		case s.doc.Final(i):
			r.last(p, old, done)
		case p.written().ForEach == "":
			r.part(p, old, old.done())
		case old.Items == nil || old.SkippedBy != "":
			r.part(p, old, old.done() && (old.Attempts > 0 || old.SkippedBy != ""))
		default:
			r.items(p, old)
		}
		s.Steps[i].Finally = s.doc.Final(i)
	}
}

// last takes over a step of finally: it runs anew, but in a nested runbook that is done.
func (r *resumption) last(p part, old Step, done bool) {
	for i := range p.doc.Steps {
		done = done && ended(p.Steps[i].Status)
	}
	if done {
		r.put(p, old)
		return
	}
	r.take(p, old, false)
	if r.chosen(r.choices.Rerun, p.path) {
		return
	}
	old.mayRun(p.path, func(path string, of *Execution) {
		r.find(path, "the platform may still run %s: look there, then say rerun to run the step again", what(of))
	})
}

// put has a part be what it was.
func (r *resumption) put(p part, old Step) {
	fresh := *p.of
	*p.of = old
	p.of.ID, p.of.Name, p.of.Item, p.of.Earlier, p.of.Resumed = fresh.ID, fresh.Name, fresh.Item, r.left(old.Earlier), true
}

// items takes over the items that the list still has.
func (r *resumption) items(p part, old Step) {
	if r.chosen(r.choices.Rerun, p.path) {
		r.take(p, old, false)
		return
	}
	values, err := p.program.ForEach(p.i, r.e.knowsEnded(p))
	if err != nil {
		if !r.chosen(r.choices.Keep, p.path) {
			r.find(p.path, "its list cannot be compared with that of the earlier run: %s; say keep or rerun", err)
		}
		values = nil
		for _, item := range old.Items {
			value, _ := runbook.ParseValue(item.Item) // which this package wrote
			values = append(values, value)
		}
	}
	was, gone, err := match(p.written(), old.Items, values)
	if err != nil {
		r.find(p.path, "%s", err)
		return
	}
	for _, item := range gone {
		r.gone(fmt.Sprintf("%s[=%s]", p.path, item.Item), item, false)
	}
	*p.step = carried(p.written(), old, true)
	if !old.done() || slices.ContainsFunc(was, func(item Step) bool { return !ended(item.Status) }) {
		again(p.step, p.written(), true)
	}
	p.step.Resumed, p.step.Earlier = p.step.done(), r.left(p.step.Earlier)
	p.step.Items = make([]Step, len(was))
	for k := range was {
		p.step.Items[k] = newStep(p.written())
		p.step.Items[k].ID, p.step.Items[k].Name, p.step.Items[k].Item = was[k].ID, "", was[k].Item
		tolerated := old.done() && ended(was[k].Status)
		r.part(p.at(k), was[k], was[k].done() || tolerated)
		if !ended(p.step.Items[k].Status) && p.step.done() {
			again(p.step, p.written(), true)
			p.step.Resumed = false
		}
	}
}

// part takes over a step or item.
func (r *resumption) part(p part, old Step, done bool) {
	rerun := r.chosen(r.choices.Rerun, p.path)
	if rerun {
		r.take(p, old, false)
		return
	}
	if p.inner[p.i] != nil && old.Runbook != nil && (old.SkippedBy == "" || !done) && old.Rollback == nil {
		r.inside(p, old, done)
		return
	}
	if done {
		r.compare(p, old)
		return
	}
	r.take(p, old, true)
	var own []*Execution
	old.mayRun(p.path, func(path string, of *Execution) {
		if path == p.path && !of.Undoing {
			own = append(own, of)
			return
		}
		r.find(path, "the platform may still run %s: look there, then say rerun to run the step again", what(of))
	})
	if len(own) > 0 && !r.adopted(p, own) {
		r.find(p.path, "the platform may still run %s: say adopt to wait for it, or rerun to run the step again", what(own...))
	}
}

// take takes over what was known of a part. It is run again; keep says whether what is done in it is
// done.
func (r *resumption) take(p part, old Step, keep bool) {
	fresh := *p.of
	if old.Adopt != "" { // and nobody has waited for it yet
		before := old.Execution
		before.Adopt = ""
		old.Earlier = append(slices.Clone(old.Earlier), before)
		old.Execution = Execution{Status: old.Status, PlanID: old.PlanID, ModelID: old.ModelID}
	}
	*p.of = carried(p.written(), old, keep)
	if ended(p.of.Status) {
		again(p.of, p.written(), keep)
	}
	p.of.ID, p.of.Name, p.of.Item, p.of.Earlier, p.of.Resumed = fresh.ID, fresh.Name, fresh.Item, r.left(p.of.Earlier), false
	for k := range p.of.Items {
		p.of.Items[k].Earlier = r.left(p.of.Items[k].Earlier)
	}
}

// inside takes over what was done in a nested runbook.
func (r *resumption) inside(p part, old Step, done bool) {
	vars, err := p.program.InnerVars(p.i, r.e.knowsEnded(p))
	if err != nil {
		if !r.chosen(r.choices.Keep, p.path) {
			r.find(p.path, "its vars cannot be compared with those of the earlier run: %s; say keep or rerun", err)
		}
		vars = old.Runbook.Vars
	}
	run := newRun(p.inner[p.i].doc, vars, r.e.now)
	run.Resumed = true
	r.put(p, old)
	p.of.Runbook = &run
	r.steps(r.e.inside(p), old.Runbook.Steps, done)
	if !done || slices.ContainsFunc(run.Steps, func(step Step) bool { return !ended(step.Status) }) {
		again(p.of, p.written(), true)
		p.of.Earlier = r.left(p.of.Earlier)
	}
}

// compare keeps a part that is done, if it would do the same again.
func (r *resumption) compare(p part, old Step) {
	r.put(p, old)
	p.of.Kept = true
	inputs, err := r.inputs(p)
	switch {
	case old.SkippedBy != "" || err == nil && inputs == old.Inputs || r.chosen(r.choices.Keep, p.path):
	case err != nil:
		r.find(p.path, "its inputs cannot be compared with those of the earlier run: %s; say keep or rerun", err)
	default:
		r.find(p.path, "its inputs are not those that it ran with in the earlier run; say keep or rerun")
	}
}

// inputs is the digest of what a part would run with now.
func (r *resumption) inputs(p part) (string, error) {
	switch written := p.written(); {
	case written.Asks():
		question, err := p.question(p.i, r.e.knowsEnded(p))
		return question.digest(), err
	case written.Wait != nil:
		timer, err := p.program.Timer(p.i, r.e.knowsEnded(p))
		return timerDigest(timer), err
	case written.Runbook != nil:
		return "a runbook", nil // which it was not
	}
	job, err := p.program.Job(p.i, r.e.knowsEnded(p))
	return digest(job), err
}

// knowsEnded is what expressions know of what is over: nothing of steps that are not.
func (e *Engine) knowsEnded(p part) runbook.Scope {
	scope := e.knows(p)
	known := scope.Step
	scope.Step = func(id string) (runbook.Result, bool) {
		i, there := p.ids[id]
		if !there || !ended(p.Steps[i].Status) {
			return runbook.Result{}, false
		}
		return known(id)
	}
	return scope
}
