package engine

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/dpaflow/dpaflow/runbook"
)

const (
	// outputsLimit is what the outputs of all executions may have together, in bytes of JSON, as long as that fits where
	// they have to go.
	outputsLimit = 2 << 20
	// maxOutputs and minOutputs bound what those of one execution may have.
	maxOutputs = 1 << 20
	minOutputs = 256
	// readPart and shownPart are what is divided among the steps whose outputs an expression reads, and among the others.
	// One that is read may have readOutputs at least: there is room for it as soon as what was read before it has been.
	readPart, shownPart = 3 << 19, 1 << 19
	readOutputs         = 64 << 10
	// maxResult is what a result may have: with what is around it, it has to fit into what Temporal takes.
	maxResult = 7 << 18
)

// shares are how many bytes of JSON the outputs of one step may have: of one that is read, and of another.
type shares struct{ read, shown int }

func (n *node) shares() shares {
	read, all := n.reads(), n.runs()
	return shares{
		read:  min(maxOutputs, max(readOutputs, readPart/max(1, read))),
		shown: max(minOutputs, shownPart/max(1, all-read)),
	}
}

// reads counts the steps whose outputs an expression reads.
func (n *node) reads() (count int) {
	for i, inner := range n.inner {
		if n.uses[i].Read() {
			count++
		}
		if inner != nil {
			count += inner.reads()
		}
	}
	return count
}

// outputs say what of a step's, or an item's, is kept.
func (p part) outputs(e *Engine) Outputs {
	use, items := p.uses[p.i], max(1, len(p.step.Items))
	switch {
	case !use.Read():
		return Outputs{Limit: max(minOutputs, e.shares.shown/items)}
	case use.All:
		return Outputs{Limit: max(minOutputs, e.shares.read/items)}
	}
	return Outputs{Limit: max(minOutputs, e.shares.read/items), Read: use.Names}
}

// keep keeps the outputs of an execution, if there is room for them. To make room for what is read, what is not read, or
// not any more, is left out.
func (e *Engine) keep(p part, x *Execution, outputs []runbook.ModelOutputs) {
	size := outputsSize(outputs)
	for level := 0; e.OutputBytes+size > outputsLimit && p.uses[p.i].Read() && level < len(leaveOuts); level++ {
		e.leaveOut(leaveOuts[level])
	}
	if x.Outputs = outputs; e.OutputBytes+size > outputsLimit {
		x.leaveOut()
	} else {
		e.OutputBytes += size
	}
}

// leaveOuts say which outputs are left out where there is no room for those of all, the least important first.
var leaveOuts = []func(p part, x *Execution) bool{
	func(p part, x *Execution) bool { return x != &p.of.Execution },
	func(p part, _ *Execution) bool { return !p.uses[p.i].Read() },
	part.spent,
}

// spent reports whether all that reads the outputs of a part is over.
func (p part) spent(*Execution) bool {
	return !slices.ContainsFunc(p.uses[p.i].By, func(reader int) bool { return reader == p.i || !ended(p.Steps[reader].Status) })
}

// leaveOut leaves out some of the outputs.
func (e *Engine) leaveOut(which func(p part, x *Execution) bool) {
	e.each(e.root(), func(p part) {
		if p.of.Status == runbook.StatusRunning {
			return
		}
		note := func(x *Execution) {
			if len(x.Outputs) > 0 && which(p, x) {
				e.release(x)
			}
		}
		for i := range p.of.Earlier {
			note(&p.of.Earlier[i])
		}
		if p.of.Rollback != nil {
			note(p.of.Rollback)
		}
		note(&p.of.Execution)
	})
}

// LeaveOutOutputs leaves out some of the outputs, where there is no room for all: the more, the higher the level, from 0
// on. It reports whether a higher one would leave out more.
func (e *Engine) LeaveOutOutputs(level int) (more bool) {
	if level < len(leaveOuts) {
		e.leaveOut(leaveOuts[level])
		return true
	}
	eachStep(e.Steps, withoutOutputs)
	e.OutputBytes = 0
	return false
}

// release leaves out the outputs of an execution that nothing reads any more.
func (e *Engine) release(x *Execution) {
	if !x.Cut {
		e.OutputBytes -= outputsSize(x.Outputs)
	}
	x.leaveOut()
}

func (x *Execution) leaveOut() {
	x.Cut, x.Outputs = x.Cut || len(x.Outputs) > 0, nil
}

// outputs are what expressions see. What was left out is no output that there is not.
func (x *Execution) outputs() []runbook.ModelOutputs {
	if !x.Cut {
		return x.Outputs
	}
	mark := runbook.NodeOutput{Name: runbook.LeftOut, Result: "those of all steps together need more room than there is", Cut: true}
	return []runbook.ModelOutputs{{Nodes: []runbook.NodeOutput{mark}}}
}

func withoutOutputs(s *Step) { withoutLarge(s, 0) }

func withoutLarge(s *Step, size int) {
	cut := func(x *Execution) {
		if size == 0 || sizeOf(x.Outputs) > size {
			x.leaveOut()
		}
	}
	cut(&s.Execution)
	for i := range s.Earlier {
		cut(&s.Earlier[i])
	}
	if s.Rollback != nil {
		cut(s.Rollback)
	}
}

func outputsSize(outputs []runbook.ModelOutputs) int {
	if len(outputs) == 0 {
		return 0
	}
	return sizeOf(outputs)
}

func sizeOf(value any) int {
	text, err := json.Marshal(value)
	if err != nil {
		return 0 // what is not data
	}
	return len(text)
}

// cuts leave out of a step what a result has no room for, the least important first. What a run that
// continues this one has to know stays.
var cuts = []struct {
	what string
	cut  func(*Step)
}{
	{"outputs of more than 32 KiB", func(s *Step) { withoutLarge(s, 32<<10) }},
	{"outputs of more than 2 KiB", func(s *Step) { withoutLarge(s, 2<<10) }},
	{"outputs", withoutOutputs},
	{"earlier attempts, params, vars of nested runbooks", func(s *Step) {
		s.Earlier = slices.DeleteFunc(s.Earlier, func(x Execution) bool { return !x.MayRun })
		s.Params = nil
		if s.Runbook != nil {
			s.Runbook.Vars = nil
		}
	}},
	{"names and times", func(s *Step) {
		s.Name, s.ObservedBy, s.StartedAt, s.FinishedAt = "", "", nil, nil
	}},
	{"what the document says", func(s *Step) {
		s.PlanID, s.ModelID, s.Attempts = "", "", min(s.Attempts, 1)
	}},
}

// Fit leaves out of a result what is too much for Temporal, and says so.
func (r Result) Fit() Result {
	text, err := json.Marshal(r)
	if err != nil || len(text) <= maxResult {
		return r
	}
	var copied Result
	if json.Unmarshal(text, &copied) != nil {
		return r
	}
	without := ""
	for _, level := range cuts {
		eachStep(copied.Steps, level.cut)
		without += level.what
		copied.Cut = "the result was too large, and is without " + without
		without += ", "
		if sizeOf(copied) <= maxResult {
			return copied
		}
	}
	copied.Cut = fmt.Sprintf("the result was too large, and is without its %d steps", len(copied.Steps))
	copied.Steps, copied.StillRunning, copied.WaitsFor = nil, first(copied.StillRunning), first(copied.WaitsFor)
	return copied
}

// Fit leaves out of a step what is too much for Temporal. It reports whether anything of it can stay.
func (s Step) Fit() (fitted Step, fits bool) {
	result := Result{Steps: []Step{s}}.Fit()
	if len(result.Steps) == 0 {
		return Step{}, false
	}
	return result.Steps[0], true
}

func first[T any](list []T) []T { return list[:min(len(list), 1000)] }

func eachStep(steps []Step, visit func(*Step)) {
	for i := range steps {
		visit(&steps[i])
		eachStep(steps[i].Items, visit)
		if steps[i].Runbook != nil {
			eachStep(steps[i].Runbook.Steps, visit)
		}
	}
}
