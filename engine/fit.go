package engine

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/dpaflow/dpaflow/runbook"
)

const (
	// outputsLimit is what the outputs of all executions may have together, in bytes of JSON; minOutputs
	// is what one may have however many there are, as long as there is room.
	outputsLimit = 1 << 20
	minOutputs   = 256
	// maxResult is what a result may have: with what is around it, it has to fit into what Temporal takes.
	maxResult = 7 << 18
)

// keep keeps the outputs of an execution, if there is room for them.
func (e *Engine) keep(x *Execution, outputs []runbook.ModelOutputs) {
	x.Outputs = outputs
	if size := sizeOf(outputs); e.OutputBytes+size > outputsLimit {
		x.leaveOut()
	} else {
		e.OutputBytes += size
	}
}

// release leaves out the outputs of an execution that nothing reads any more.
func (e *Engine) release(x *Execution) {
	if !x.Cut {
		e.OutputBytes -= sizeOf(x.Outputs)
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

// LeaveOutOutputs leaves out those of all executions, where there is no room for them.
func (e *Engine) LeaveOutOutputs() { eachStep(e.Steps, withoutOutputs) }

func withoutOutputs(s *Step) {
	s.leaveOut()
	for i := range s.Earlier {
		s.Earlier[i].leaveOut()
	}
	if s.Rollback != nil {
		s.Rollback.leaveOut()
	}
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
