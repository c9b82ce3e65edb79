package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// resumedReference is a reference that continues another one, with a document that may have changed.
// What has to be decided first is in the findings.
func resumedReference(doc *runbook.Document, old *reference, now time.Time, choices Choices) (*reference, []string) {
	m := newReference(doc, now, false)
	r := &referenceResumption{m, choices, nil}
	for _, c := range old.top.cells() {
		c.forget()
	}
	r.book(m.top, old.top, false)
	for _, c := range m.top.cells() {
		m.ends = max(m.ends, c.order)
	}
	slices.Sort(r.findings)
	return m, r.findings
}

type referenceResumption struct {
	*reference
	choices  Choices
	findings []string
}

func within(list []string, path string) bool {
	return slices.ContainsFunc(list, func(name string) bool {
		return path == name || strings.HasPrefix(path, name+"/") || strings.HasPrefix(path, name+"[")
	})
}

func (r *referenceResumption) book(b, old *book, done bool) {
	for _, o := range old.steps {
		if !slices.ContainsFunc(b.steps, func(c *cell) bool { return c.written().ID == o.written().ID }) {
			r.gone(o.path, o)
		}
	}
	for _, c := range b.steps {
		at := slices.IndexFunc(old.steps, func(o *cell) bool { return o.written().ID == c.written().ID })
		switch {
		case at < 0:
		case c.final():
			r.last(c, old.steps[at], done && b.stepsOver())
		case c.isEach() && old.steps[at].items != nil && old.steps[at].skippedBy == "" && !within(r.choices.Rerun, c.path):
			r.each(c, old.steps[at])
		case c.isEach():
			r.cell(c, old.steps[at], old.steps[at].done() && (old.steps[at].attempts > 0 || old.steps[at].skippedBy != ""))
		default:
			r.cell(c, old.steps[at], old.steps[at].done())
		}
	}
}

// last: it runs anew, but in a nested runbook that is done.
func (r *referenceResumption) last(c, old *cell, done bool) {
	if done {
		fresh := *c
		*c = *old
		c.history, c.path, c.in, c.i = nil, fresh.path, fresh.in, fresh.i
		r.fit(c)
		return
	}
	rerun := r.choices.Rerun
	if old.somethingMayRun(true) && !within(rerun, c.path) {
		r.findings = append(r.findings, c.path)
	}
	r.choices.Rerun = []string{c.path}
	r.cell(c, old, false)
	r.choices.Rerun = rerun
}

// each: items are matched by value and, among equals, by which of them it is.
func (r *referenceResumption) each(c, old *cell) {
	used := map[*cell]bool{}
	r.makeItems(c)
	whole := old.done()
	for _, item := range c.items {
		for _, o := range old.items {
			if o.value == item.value && !used[o] {
				used[o] = true
				r.cell(item, o, o.done() || old.done() && o.over())
				break
			}
		}
		whole = whole && item.over()
	}
	for _, o := range old.items {
		if !used[o] {
			left := *o
			left.in, left.i = c.in, c.i
			r.fit(&left)
			r.gone(c.path, &left)
		}
	}
	c.attempts, c.undos = old.attempts, old.undos
	if whole {
		c.status, c.order, c.started = old.status, old.order, true
	}
}

func (r *referenceResumption) cell(c, old *cell, done bool) {
	fresh := *c
	before := *old
	if before.adopt { // and nobody has waited for it yet
		before.adopt, before.mayRun, before.instance, before.lefts = false, false, false, before.lefts+1
	}
	again := *r.again(&before, within(r.choices.Rerun, c.path))
	again.history, again.failures = nil, 0
	again.path, again.in, again.i, again.step, again.value = fresh.path, fresh.in, fresh.i, fresh.step, fresh.value
	again.items = nil
	if c.isEach() {
		again.items = old.items
	}
	switch {
	case within(r.choices.Rerun, c.path):
		*c = again
		r.itemsAgain(c, true)
		r.fit(c)
	case c.written().Runbook != nil && !c.isEach() && old.inside != nil && (old.skippedBy == "" || !done) && old.undo == "":
		*c = again
		c.inside = r.open(c.written().Runbook, c, c.path+"/")
		c.inside.resumed = true
		r.book(c.inside, old.inside, done)
		if done && c.inside.allOver() {
			c.status, c.order, c.started = old.status, old.order, true
		}
	case done:
		*c = *old
		c.history, c.kept = nil, true
		c.path, c.in, c.i, c.step, c.value = fresh.path, fresh.in, fresh.i, fresh.step, fresh.value
		r.fit(c)
		if inputs, known := c.wouldRunWith(); old.skippedBy == "" && (inputs != old.inputs || !known) && !within(r.choices.Keep, c.path) {
			r.findings = append(r.findings, c.path)
		}
	default:
		*c = again
		r.itemsAgain(c, false)
		r.fit(c)
		left := *old
		left.path, left.in, left.i = c.path, c.in, c.i
		left.items = slices.Clone(old.items)
		for k, item := range left.items {
			copied := *item
			left.items[k] = &copied
		}
		if r.fit(&left); left.somethingMayRun(true) {
			r.mayRun(c, old)
		}
	}
}

// fit puts what is in a cell into the form of the changed document.
func (r *referenceResumption) fit(c *cell) {
	for _, item := range c.items {
		item.in, item.i = c.in, c.i
		r.fit(item)
	}
	if c.inside != nil && c.written().Runbook == nil {
		c.inside = nil
	}
	if old := c.inside; old != nil {
		for _, o := range old.steps {
			is := func(s runbook.Step) bool { return s.ID == o.written().ID }
			if inner := c.written().Runbook; !slices.ContainsFunc(inner.Steps, is) && !slices.ContainsFunc(inner.Finally, is) {
				r.gone(c.path+"/"+o.written().ID, o)
			}
		}
		b := *old
		b.doc, b.steps = c.written().Runbook, r.open(c.written().Runbook, c, c.path+"/").steps
		for _, s := range b.steps {
			for _, o := range old.steps {
				if o.written().ID == s.written().ID {
					fresh := *s
					*s = *o
					s.path, s.in, s.i = fresh.path, &b, fresh.i
					s.items = slices.Clone(o.items)
					for k, item := range s.items {
						copied := *item
						s.items[k] = &copied
					}
				}
			}
			s.in = &b
			r.fit(s)
		}
		c.inside = &b
	}
	r.own(c)
}

// own has what is in a cell know that it is, and by which path.
func (m *reference) own(c *cell) {
	for k, item := range c.items {
		item.step, item.path = c, fmt.Sprintf("%s[%d]", c.path, k)
		m.own(item)
	}
	if c.inside != nil {
		c.inside.owner = c
		for _, step := range c.inside.steps {
			step.path = c.path + "/" + step.written().ID
			m.own(step)
		}
	}
}

func (r *referenceResumption) itemsAgain(c *cell, anew bool) {
	c.items = slices.Clone(c.items)
	for k, item := range c.items {
		if anew || !item.done() {
			c.items[k] = r.again(item, anew)
		}
		c.items[k].history = nil
	}
}

func (c *cell) wouldRunWith() (string, bool) {
	switch written := c.written(); {
	case written.Approval != nil:
		return written.Approval.Message, true
	case written.Ask != nil:
		return written.Ask.Message, true
	case written.Wait != nil:
		return "", true
	case written.Runbook != nil:
		return "", false
	}
	return c.written().Plan, c.written().Params == nil && !c.isEach()
}

// gone: it is not there any more.
func (r *referenceResumption) gone(path string, old *cell) {
	for c := old; c != nil; {
		if c != old && c.skippedBy != "" && c.done() {
			return // it is in something that was skipped
		}
		if c.step != nil {
			c = c.step
		} else {
			c = c.in.owner
		}
	}
	if old.somethingMayRun(true) && !within(r.choices.Keep, path) && !within(r.choices.Rerun, path) {
		r.findings = append(r.findings, path)
	}
}

// mayRun: the platform may still run it.
func (r *referenceResumption) mayRun(c, old *cell) {
	if old.undoRuns || old.undoLeft || !slices.Contains(r.choices.Adopt, c.path+"=in") || old.inside != nil || old.items != nil {
		r.findings = append(r.findings, c.path)
		return
	}
	c.adopt, c.mayRun, c.instance, c.ran = true, true, true, true
	if old.mayRun || old.status != "RUNNING" { // else its outputs were being fetched
		c.lefts--
	}
}
