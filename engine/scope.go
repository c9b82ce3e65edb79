package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dpaflow/dpaflow/runbook"
)

// scope is one runbook of the tree, while the engine looks at it.
type scope struct {
	*node
	*Run
	prefix string // of the paths of its steps
	standing
	running int    // plans, models and nested runbooks under way
	decides bool   // a step waits for an operator's decision, here or in a runbook around
	over    bool   // it has ended, and an operator decides about the step around
	early   []bool // by step, see findEarly
}

// standing is what holds for everything in a runbook.
type standing struct {
	ending  bool     // nothing starts but handlers of what failed
	alone   bool     // nobody is asked any more
	givenUp bool     // what runs on the platform is not waited for
	expired bool     // no rollback begins
	handler bool     // it belongs to a handler, or to finally
	final   bool     // it belongs to finally
	locked  bool     // it waits for a lock
	locks   []string // that it has, or waits for
}

// part is a step of a scope, or one item of a step with forEach.
type part struct {
	*scope
	standing
	i    int   // of the step
	step *Step // the step
	of   *Step // the item, or the step
	path string
	k    int    // of the item
	all  *tally // of the items
}

func (e *Engine) root() *scope {
	return e.scope(&scope{node: e.top, Run: &e.Run, standing: standing{givenUp: e.Stops > 0}})
}

// scope completes one that knows its runbook, and what holds around it.
func (e *Engine) scope(s *scope) *scope {
	s.look()
	if s.Lock != nil {
		s.locks = append(slices.Clip(s.locks), s.Lock.Name)
	}
	s.findEarly()
	for i := range s.Steps {
		step := &s.Steps[i]
		s.decides = s.decides || step.Status == runbook.StatusPaused
		if step.Items == nil {
			s.running += s.counts(i, step)
		}
		for k := range step.Items {
			s.running += s.counts(i, &step.Items[k])
		}
	}
	return s
}

// look takes in what has become of the run.
func (s *scope) look() {
	s.ending = s.ending || s.Ending != ""
	s.alone = s.alone || s.Ending != ""
	s.givenUp = s.givenUp || s.GivenUp
	s.expired = s.expired || s.TimedOut
	s.locked = s.locked || s.Lock.Waits()
}

// counts is 1 for what counts against maxParallel: people and waits do not.
func (n *node) counts(i int, of *Step) int {
	if written := n.doc.Step(i); of.Status != runbook.StatusRunning || written.Asks() || written.Wait != nil {
		return 0
	}
	return 1
}

// part returns a step of the scope.
func (e *Engine) part(s *scope, i int) part {
	s.look()
	step := &s.Steps[i]
	p := part{scope: s, standing: s.standing, i: i, step: step, of: step, path: s.prefix + step.ID}
	if s.handles(i) {
		p.handler = true
		p.ending, p.givenUp = e.Stops > 1, e.Stops > 1
	}
	if s.doc.Final(i) {
		p.handler, p.final, p.alone = true, true, true
		p.ending, p.givenUp = e.Stops > 1 || !e.Begun || p.locked, e.Stops > 1
	}
	return p
}

// at returns the part of one of the step's items.
func (p part) at(k int) part {
	p.of = &p.step.Items[k]
	p.path = p.prefix + p.of.ID
	p.k = k
	return p
}

func (p part) written() *runbook.Step { return p.doc.Step(p.i) }

func (p part) isItem() bool { return p.of != p.step }

// inside returns the scope of the runbook that a part runs.
func (e *Engine) inside(p part) *scope {
	return e.scope(&scope{
		node: p.inner[p.i], Run: p.of.Runbook, prefix: p.path + "/", standing: p.standing,
		decides: p.decides && !p.of.Runbook.Asked, over: p.over || p.undecided(),
	})
}

// handles reports whether a step is a handler of a step that failed.
func (s *scope) handles(i int) bool {
	for _, need := range s.graph.Needs(i) {
		if (need.On == runbook.OnFailed || need.On == runbook.OnEnd) && s.Steps[need.Step].Status == runbook.StatusFailed {
			return true
		}
	}
	return false
}

// find returns the step or item of a path.
func (e *Engine) find(path string) (part, bool) {
	s := e.root()
	for {
		name, rest, deeper := strings.Cut(path, "/")
		id, index, isItem := strings.Cut(name, "[")
		i, known := s.ids[id]
		if !known {
			return part{}, false
		}
		p := e.part(s, i)
		if isItem {
			k, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
			if err != nil || k < 0 || k >= len(p.step.Items) || fmt.Sprintf("%s[%d]", id, k) != name {
				return part{}, false
			}
			p = p.at(k)
		}
		switch {
		case !deeper:
			return p, true
		case p.of.Runbook == nil:
			return part{}, false
		}
		s, path = e.inside(p), rest
	}
}

// each visits every step and item of a scope and of those inside, the outer ones first.
func (e *Engine) each(s *scope, visit func(part)) {
	for i := range s.Steps {
		p := e.part(s, i)
		visit(p)
		if p.of.Runbook != nil {
			e.each(e.inside(p), visit)
		}
		for k := range p.step.Items {
			item := p.at(k)
			visit(item)
			if item.of.Runbook != nil {
				e.each(e.inside(item), visit)
			}
		}
	}
}

// knows is what the expressions of a part know.
func (e *Engine) knows(p part) runbook.Scope {
	scope := runbook.Scope{Vars: p.Vars, WorkflowID: e.WorkflowID, Step: func(id string) (runbook.Result, bool) {
		i, known := p.ids[id]
		if !known {
			return runbook.Result{}, false
		}
		return p.Steps[i].result(), true
	}}
	if p.doc.Final(p.i) {
		scope.Status, scope.Reason = p.Outcome, p.Because
	}
	if p.isItem() {
		value, _ := runbook.ParseValue(p.of.Item) // which this package wrote
		scope.Item = &runbook.Item{Value: value, Index: p.k}
	}
	return scope
}

func (s *Step) result() runbook.Result {
	result := runbook.Result{Status: s.Status, InstanceID: s.InstanceID, Outputs: s.outputs()}
	for k := range s.Items {
		result.Items = append(result.Items, s.Items[k].result())
	}
	return result
}

// key names an attempt at a part; undoing, at its rollback.
func (p part) key(undoing bool) string {
	if undoing {
		return fmt.Sprintf("%s~rollback.%d", p.path, p.of.Rollbacks)
	}
	return fmt.Sprintf("%s.%d", p.path, p.of.Attempts)
}

// execution finds what a key names: nil unless it is the latest of its kind, and runs.
func (e *Engine) execution(key string) (part, *Execution) {
	path := key[:max(0, strings.LastIndexByte(key, '.'))]
	path, undoing := strings.CutSuffix(path, "~rollback")
	p, known := e.find(path)
	switch {
	case !known || p.key(undoing) != key:
		return part{}, nil
	case undoing && p.of.Rollback != nil && p.of.Rollback.Status == runbook.StatusRunning:
		return p, p.of.Rollback
	case !undoing && p.of.Status == runbook.StatusRunning:
		return p, &p.of.Execution
	}
	return part{}, nil
}
