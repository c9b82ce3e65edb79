package engine

import (
	"slices"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// reference is what RUNBOOK.md says, as rules over a flat list of cells: slow, and of another shape than
// the engine. A rule that applies is carried out, and then all are looked at again.
type reference struct {
	top        *book
	now        time.Time
	stops      int
	status     string
	paused     bool
	announced  string
	granted    []string
	begun      bool
	stepByStep bool
	ends       int
	over       bool
	did        []string
	ignored    map[string]bool
}

// book is a runbook of the tree, cell a step or item.
type book struct {
	doc      *runbook.Document
	owner    *cell // nil at the top
	steps    []*cell
	ending   string // failing, rolling, aborted
	expired  bool
	given    bool
	undone   bool
	asked    bool // by an operator
	resumed  bool // and not entered since
	failed   string
	outcome  string // before finally
	lock     string // its name
	lockIs   string // "", waiting, held
	deadline time.Time
}

type cell struct {
	path      string
	in        *book
	i         int
	step      *cell // an item's
	items     []*cell
	value     any
	inside    *book
	status    string
	never     bool
	asked     bool
	skippedBy string
	attempts  int
	failures  int
	rounds    int       // that did not satisfy until
	notBefore time.Time // the next attempt
	within    time.Time // all rounds
	history   []string  // how earlier attempts ended
	ran       bool      // an attempt reached the platform, or may have
	mayRun    bool
	instance  bool
	definite  bool
	given     bool
	started   bool // this attempt
	approved  []string
	question  bool
	until     time.Time
	order     int
	undo      string // "", RUNNING, SUCCESS, FAILED, ABORTED
	undos     int
	undoGiven bool
	undoRuns  bool // or may
	anew      bool
	inputs    string // of the last attempt
	adopt     bool
	doubt     bool
	kept      bool // from an earlier attempt or run
	lefts     int  // earlier attempts that the platform may still run
	undoLeft  bool // the same of a rollback
	undoRan   bool // it did something, or may have
}

func newReference(doc *runbook.Document, now time.Time, stepByStep bool) *reference {
	m := &reference{now: now, stepByStep: stepByStep, ignored: map[string]bool{}}
	m.top = m.open(doc, nil, "")
	return m
}

func (m *reference) open(doc *runbook.Document, owner *cell, prefix string) *book {
	b := &book{doc: doc, owner: owner}
	for i := range doc.Len() {
		b.steps = append(b.steps, &cell{path: prefix + doc.Step(i).ID, in: b, i: i, status: "WAITING"})
	}
	if doc.Timeout > 0 {
		b.deadline = m.now.Add(time.Duration(doc.Timeout))
	}
	return b
}

func (c *cell) written() *runbook.Step { return c.in.doc.Step(c.i) }
func (c *cell) final() bool            { return c.in.doc.Final(c.i) }
func (c *cell) isPlan() bool           { return c.written().Plan != "" && !c.isEach() }
func (c *cell) isEach() bool           { return c.written().ForEach != "" && c.step == nil }
func (c *cell) is(statuses ...string) bool {
	return slices.Contains(statuses, c.status)
}
func (c *cell) over() bool { return c.is("SUCCESS", "FAILED", "SKIPPED", "ABORTED") }

// cells lists everything in a runbook, each before what is in it.
func (b *book) cells() (all []*cell) {
	var add func(c *cell)
	add = func(c *cell) {
		all = append(all, c)
		if c.inside != nil {
			all = append(all, c.inside.cells()...)
		}
		for _, item := range c.items {
			add(item)
		}
	}
	for _, c := range b.steps {
		add(c)
	}
	return all
}

func (m *reference) find(path string) *cell {
	for _, c := range m.top.cells() {
		if c.path == path {
			return c
		}
	}
	return nil
}
