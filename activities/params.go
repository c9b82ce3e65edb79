package activities

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Param is the value of one input: a text, or the name of a secret that the worker reads when it
// triggers. In JSON it is "text" or {"secretRef": "name"}.
type Param struct {
	Text      string
	SecretRef string
}

// Text returns the parameter with that value.
func Text(value string) Param { return Param{Text: value} }

// SecretRef returns the parameter whose value is the secret of that name.
func SecretRef(name string) Param { return Param{SecretRef: name} }

// MarshalJSON writes the text, or the reference; never a secret's value.
func (p Param) MarshalJSON() ([]byte, error) {
	if p.SecretRef != "" {
		return json.Marshal(map[string]string{"secretRef": p.SecretRef})
	}
	return json.Marshal(p.Text)
}

var errParam = errors.New(`wants a text such as "5", or {"secretRef": "name"}`)

// UnmarshalJSON reads a text or a reference and refuses everything else.
func (p *Param) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err == nil && text != nil {
		*p = Param{Text: *text}
		return nil
	}
	var reference map[string]string
	if err := json.Unmarshal(data, &reference); err != nil {
		return errParam
	}
	if len(reference) != 1 || reference["secretRef"] == "" {
		return errParam
	}
	*p = Param{SecretRef: reference["secretRef"]}
	return nil
}

// Params are the inputs of one model: name → value.
type Params map[string]Param

// PlanParams are the inputs of a plan: model id → its inputs.
type PlanParams map[string]Params

// UnmarshalJSON reads the inputs and reports every one that is wrong, each with its place.
func (p *Params) UnmarshalJSON(data []byte) error { return unmarshalEach(data, p) }

// UnmarshalJSON reads the inputs and reports every one that is wrong, each with its place.
func (p *PlanParams) UnmarshalJSON(data []byte) error { return unmarshalEach(data, p) }

func unmarshalEach[M ~map[string]V, V any](data []byte, into *M) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return Faults{{Problem: "wants an object"}}
	}
	var faults Faults
	values := make(M, len(raw))
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		var value V
		faults.Add(key, json.Unmarshal(raw[key], &value))
		values[key] = value
	}
	*into = values
	return faults.Err()
}

// Faults are everything that is wrong with an input, each with its place.
type Faults []FaultAt

// FaultAt is one thing that is wrong, and where: a path such as params.md1.HOST.
type FaultAt struct {
	Path    string `json:"path"`
	Problem string `json:"problem"`
}

// Add records err at a path; an err that is Faults is taken over below that path, nil is nothing.
func (f *Faults) Add(path string, err error) {
	var nested Faults
	switch {
	case err == nil:
	case errors.As(err, &nested):
		for _, fault := range nested {
			*f = append(*f, FaultAt{Path: join(path, fault.Path), Problem: fault.Problem})
		}
	default:
		*f = append(*f, FaultAt{Path: path, Problem: err.Error()})
	}
}

func join(path, below string) string {
	if path == "" || below == "" {
		return path + below
	}
	return path + "." + below
}

// Err returns the faults as an error, nil if there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Error lists all faults, each with its place.
func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i, fault := range f {
		texts[i] = fault.Problem
		if fault.Path != "" {
			texts[i] = fmt.Sprintf("%s: %s", fault.Path, fault.Problem)
		}
	}
	return strings.Join(texts, "; ")
}
