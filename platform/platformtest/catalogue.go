package platformtest

import (
	"slices"
	"time"
)

// The statuses of an execution from its trigger on. A model's Success is FINISH on the wire of W4 and W5.
const (
	Running = "RUNNING"
	Pending = "PENDING"
	Success = "SUCCESS"
	Fail    = "FAIL"
)

// Catalogue is what the platform offers, and how each of it behaves.
type Catalogue struct {
	Plans  []Plan
	Models []Model
}

// Plan is a 预案, as P2 and P3 show it.
type Plan struct {
	ID, Title string
	Inputs    []ModelInputs
	Script    Script
}

// Model is a 工作流, as W2 and W6 show it.
type Model struct {
	ID, Name string
	Inputs   []Input
	Script   Script
}

// ModelInputs are the inputs that one model inside a plan takes.
type ModelInputs struct {
	ModelID, ModelName string
	Inputs             []Input
}

// Input is one declared parameter; Type is "running" in the platform's documents.
type Input struct{ Name, Type string }

// Script is how every execution of a plan or model goes. An execution is RUNNING
// from its trigger on; without steps it stays so.
type Script struct {
	Steps       []Step
	Outputs     []ModelOutputs // to be read once the execution has ended; a model's are flattened to their nodes
	NoCallbacks bool           // keep silent although a callback URL was given
	Flaky       bool           // every second execution, the first one to begin with, ends FAIL instead of SUCCESS
	Next        []Script       // of the executions after the first; the last of them of all that follow
}

// turn is the script of the n-th execution, from 0.
func (s Script) turn(n int) Script {
	if n > 0 && len(s.Next) > 0 {
		return s.Next[min(n, len(s.Next))-1]
	}
	if s.Flaky && n%2 == 0 {
		s.Steps = slices.Clone(s.Steps)
		for i := range s.Steps {
			if s.Steps[i].Status == Success {
				s.Steps[i].Status = Fail
			}
		}
	}
	return s
}

// Step is one change of an execution's status. A plan calls back at every step,
// a model only at its end.
type Step struct {
	Status string
	Delay  time.Duration // before the change, counted from the previous one
}

// ModelOutputs are the outputs of one model inside an execution.
type ModelOutputs struct {
	ModelID, ModelName string
	Nodes              []Node
}

// Node is one output. In Result, "{{NAME}}" stands for the parameter NAME that the
// execution gave to this model, empty if it gave none.
type Node struct {
	Name, Result string
	Designated   bool // also among the outputs of W7 when paramFlag is "true"
}

// Ends is the script of an execution that reaches status after delay, with no news before.
func Ends(status string, delay time.Duration, outputs ...ModelOutputs) Script {
	return Script{Steps: []Step{{Status: status, Delay: delay}}, Outputs: outputs}
}

func ended(status string) bool { return status == Success || status == Fail }
