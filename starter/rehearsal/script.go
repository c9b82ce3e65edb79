package rehearsal

import (
	"encoding/json"
	"reflect"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
)

// Script is what happens in a rehearsal, one thing after another, and what is expected of the runbook then.
type Script struct {
	// Name says what the rehearsal shows.
	Name string `json:"name,omitempty"`
	// Vars are the values of the run.
	Vars runbook.Vars `json:"vars,omitempty"`
	// Locks are held by other runs when this one begins: the lock's name → who has it.
	Locks map[string]string `json:"locks,omitempty"`
	// StepByStep waits for an operator before every step.
	StepByStep bool `json:"stepByStep,omitempty"`
	// Story is what happens.
	Story []Scene `json:"story"`
}

// Scene is one thing in a story: a sentence, or an object with one of the fields.
type Scene struct {
	// Sentence is what happens, such as "probe[1] fails" or "li skips probe[1]".
	Sentence string `json:"-"`
	// Expect is what must hold now.
	Expect *Expectation `json:"expect,omitempty"`
	// Refused is what an operator tries in vain.
	Refused *Refusal `json:"refused,omitempty"`
	// Resume starts a new run of the runbook that continues the one that has ended.
	Resume *Resume `json:"resume,omitempty"`
}

// Refusal is an operator's action that the run refuses.
type Refusal struct {
	// Sentence is the action.
	Sentence string `json:"sentence"`
	// Because is a part of the reason.
	Because string `json:"because,omitempty"`
}

// Resume is how a run continues an earlier one.
type Resume struct {
	// Vars replace those of the run before, name by name.
	Vars runbook.Vars `json:"vars,omitempty"`
	engine.Choices
	// Refused is a part of what is found, where the run must be refused; the earlier one stays as it is.
	Refused string `json:"refused,omitempty"`
}

// Parse reads a script from YAML or JSON. The error is runbook.Faults: everything that is wrong, each with its place.
func Parse(data []byte) (*Script, error) {
	var script Script
	if err := runbook.DecodeText(data, &script); err != nil {
		return nil, err
	}
	return &script, nil
}

// UnmarshalJSON reads a sentence, or an object, and refuses what is no story.
func (s *Scene) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		if err := json.Unmarshal(data, &s.Sentence); err != nil {
			return err
		}
		_, err := parse(s.Sentence)
		return err
	}
	type object Scene
	if err := runbook.Decode(data, (*object)(s)); err != nil {
		return err
	}
	var found runbook.Faults
	given := 0
	for _, there := range []bool{s.Expect != nil, s.Refused != nil, s.Resume != nil} {
		if there {
			given++
		}
	}
	if given != 1 {
		found.Add("", errScene)
	}
	if s.Expect != nil && reflect.ValueOf(*s.Expect).IsZero() {
		found.Add("expect", errNothing)
	}
	if s.Refused != nil {
		said, err := parse(s.Refused.Sentence)
		if err == nil && said.action == nil {
			err = errNoAction
		}
		found.Add("refused.sentence", err)
	}
	return found.Err()
}
