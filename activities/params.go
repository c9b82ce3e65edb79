package activities

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/dpaflow/dpaflow/runbook"
)

// Params are the inputs of one model: name → a text, or the name of a secret that the worker reads when it triggers. In
// JSON a value is "text" or {"secretRef": "name"}.
type Params map[string]runbook.Param

// PlanParams are the inputs of a plan: model id → its inputs.
type PlanParams map[string]Params

var errParam = errors.New(`must be a string such as "5", or {"secretRef": "name"}`)

// UnmarshalJSON reads the inputs and reports every one that is wrong, each with its place. Unlike a document, which is
// typed by hand, it takes no numbers: what a program made of 1.10 on its way here is not known.
func (p *Params) UnmarshalJSON(data []byte) error {
	return unmarshalEach(data, p, func(data []byte) (param runbook.Param, err error) {
		if err = param.UnmarshalJSON(data); err == nil && (data[0] != '"' && data[0] != '{' || param.Inputs != nil) {
			err = errParam
		}
		return param, err
	})
}

// UnmarshalJSON reads the inputs and reports every one that is wrong, each with its place.
func (p *PlanParams) UnmarshalJSON(data []byte) error {
	return unmarshalEach(data, p, func(data []byte) (params Params, err error) { return params, json.Unmarshal(data, &params) })
}

func unmarshalEach[M ~map[string]V, V any](data []byte, into *M, read func([]byte) (V, error)) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return runbook.Faults{{Problem: "must be an object"}}
	}
	var faults runbook.Faults
	values := make(M, len(raw))
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		value, err := read(raw[key])
		faults.Add(key, err)
		values[key] = value
	}
	*into = values
	return faults.Err()
}
