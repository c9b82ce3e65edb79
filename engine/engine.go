package engine

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// MaxRuns is how many plans, models, approvals, waits and nested runbooks a runbook may have in its tree, items
// included: its result has to fit into what Temporal takes.
const MaxRuns = 10_000

// Engine drives one runbook run.
type Engine struct {
	State
	// Over says when a wait is over that begins now. It is runbook.Timer.Over, unless whoever drives the engine keeps what that
	// said once: a later release may know the time zones better.
	Over     func(timer runbook.Timer, now time.Time) time.Time
	top      *node
	shares   shares // of the outputs
	now      time.Time
	changed  bool
	ends     bool // a runbook has begun to end
	starting bool // starts are decided too
	commands []Command
}

// node is a runbook of the tree as it is written.
type node struct {
	doc     *runbook.Document
	program *runbook.Program
	graph   *runbook.Graph
	ids     map[string]int
	inner   []*node       // by step; nil where it has no runbook
	uses    []runbook.Use // of the steps' outputs
	lock    *runbook.Lock // of the outermost, with its name rendered
}

// Program is a document that is ready to be run, any number of times.
type Program struct {
	top  *node
	vars runbook.Vars // the values of its variables
}

// Compile gets a document ready, which stays as it is. The error is runbook.Faults.
func Compile(doc *runbook.Document) (*Program, error) {
	if err := doc.Validate(); err != nil {
		return nil, err
	}
	compiled, err := doc.Compile()
	if err != nil {
		return nil, err
	}
	vars, err := compiled.Vars()
	if err != nil {
		return nil, err
	}
	program := &Program{newNode(doc, compiled), vars}
	if findings := program.locks(); len(findings) > 0 {
		return nil, findings
	}
	if runs := program.runs(); runs > MaxRuns {
		return nil, runbook.Faults{{Path: "steps", Problem: fmt.Sprintf("%d runs are more than the %d that a runbook can have", runs, MaxRuns)}}
	}
	return program, nil
}

// runs counts what is known to run before anything has: the steps, and the items of lists that depend on
// nothing but the vars.
func (p *Program) runs() int {
	runs := p.top.runs()
	for i := range p.top.doc.Len() {
		items, err := p.top.program.ForEach(i, runbook.Scope{Vars: p.vars, Preview: true})
		if err == nil {
			runs += len(items) * p.top.weight(i)
		}
	}
	return runs
}

// weight is how many runs one item of a step is.
func (n *node) weight(i int) int {
	if n.inner[i] != nil {
		return n.inner[i].runs()
	}
	return 1
}

func newNode(doc *runbook.Document, program *runbook.Program) *node {
	n := &node{
		doc: doc, program: program, graph: doc.Graph(),
		ids: make(map[string]int, doc.Len()), inner: make([]*node, doc.Len()), uses: make([]runbook.Use, doc.Len()),
	}
	for i := range doc.Len() {
		n.ids[doc.Step(i).ID], n.uses[i] = i, program.Use(i)
		if inner := doc.Step(i).Runbook; inner != nil {
			n.inner[i] = newNode(inner, program.Inner(i))
		}
	}
	return n
}

// New makes the engine of a new run.
func (p *Program) New(now time.Time, options Options) *Engine {
	e := p.load(State{Options: options})
	e.now = now
	e.Run = newRun(p.top.doc, p.vars, now)
	return e
}

// Load makes the engine of a run that was kept by Encode.
func (p *Program) Load(kept []byte) (*Engine, error) {
	reader, err := gzip.NewReader(bytes.NewReader(kept))
	if err != nil {
		return nil, fmt.Errorf("unpack the state of the runbook: %w", err)
	}
	var state State
	if err := json.NewDecoder(reader).Decode(&state); err != nil {
		return nil, fmt.Errorf("read the state of the runbook: %w", err)
	}
	return p.load(state), nil
}

func (p *Program) load(state State) *Engine {
	return &Engine{State: state, Over: runbook.Timer.Over, top: p.top, shares: p.top.shares()}
}

// Encode returns the state in few bytes, for Load.
func (e *Engine) Encode() ([]byte, error) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if err := json.NewEncoder(writer).Encode(e.State); err != nil {
		return nil, fmt.Errorf("write the state of the runbook: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("pack the state of the runbook: %w", err)
	}
	return packed.Bytes(), nil
}

// runs counts what is known to run before any list is.
func (n *node) runs() int {
	count := n.doc.Len()
	for _, inner := range n.inner {
		if inner != nil {
			count += inner.runs()
		}
	}
	return count
}

func newRun(doc *runbook.Document, vars runbook.Vars, now time.Time) Run {
	run := Run{Vars: vars, StartedAt: now, Steps: make([]Step, doc.Len())}
	for i := range run.Steps {
		run.Steps[i] = newStep(doc.Step(i))
		run.Steps[i].Finally = doc.Final(i)
	}
	if doc.Timeout > 0 {
		deadline := now.Add(time.Duration(doc.Timeout))
		run.Deadline = &deadline
	}
	return run
}

func newStep(written *runbook.Step) Step {
	return Step{
		ID: written.ID, Name: written.Name,
		Execution: Execution{Status: runbook.StatusWaiting, PlanID: written.Plan, ModelID: written.Model},
	}
}
