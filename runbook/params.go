package runbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
)

// Param is the value of an input, or in a plan's Params the inputs of one of its models. In JSON it is
// a text, number or truth value (all are sent as texts, as they were written), {"secretRef": "name"},
// or an object of inputs.
type Param struct {
	// Text is the value; expressions in it are replaced.
	Text string
	// SecretRef names the secret whose value is sent.
	SecretRef string
	// Inputs are those of a model of a plan.
	Inputs Params
}

// Params are the inputs of a step: of a plan model id → inputs, of a model name → value.
type Params map[string]Param

// Text returns the input of that value; expressions in it are replaced.
func Text(value string) Param { return Param{Text: value} }

// SecretRef returns the input whose value is the secret of that name.
func SecretRef(name string) Param { return Param{SecretRef: name} }

// Inputs returns the inputs of a plan's model.
func Inputs(params Params) Param { return Param{Inputs: params} }

// MarshalJSON writes the text, the reference or the inputs; never a secret's value.
func (p Param) MarshalJSON() ([]byte, error) {
	switch {
	case p.Inputs != nil:
		return json.Marshal(p.Inputs)
	case p.SecretRef != "":
		return json.Marshal(map[string]string{"secretRef": p.SecretRef})
	}
	return json.Marshal(p.Text)
}

// UnmarshalJSON reads a value, a reference or inputs; of inputs it reports every one that is wrong.
func (p *Param) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		return json.Unmarshal(data, &p.Text)
	case '{':
		return p.unmarshalObject(data)
	case '[', 'n':
		return fmt.Errorf(`must be a string such as "5", or {secretRef: name}, got %s`, clip(string(data)))
	}
	p.Text = string(data)
	return nil
}

func (p *Param) unmarshalObject(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	if reference, ok := fields["secretRef"]; ok && len(fields) == 1 && reference[0] != '{' {
		if json.Unmarshal(reference, &p.SecretRef) != nil || p.SecretRef == "" {
			return errors.New("secretRef must be the name of a secret")
		}
		return nil
	}
	var faults Faults
	p.Inputs = make(Params, len(fields))
	for name := range Sorted(fields) {
		var input Param
		faults.Add(name, input.UnmarshalJSON(fields[name]))
		p.Inputs[name] = input
	}
	return faults.Err()
}

// Vars are the variables of a runbook by name: null, truth values, int64, float64, texts, and lists
// ([]any) and objects (map[string]any) of these.
type Vars map[string]any

// UnmarshalJSON reads an object; numbers without a fraction become int64.
func (v *Vars) UnmarshalJSON(data []byte) error {
	vars := map[string]any{}
	err := decodeJSON(data, &vars)
	*v = vars
	return err
}

// plain returns a value of Go as Vars hold it, by way of its JSON.
func plain(value any) (any, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("cannot be written as JSON: %w", err)
	}
	if replaced.Match(data) {
		return nil, errNotUTF8
	}
	var result any
	err = decodeJSON(data, &result)
	return result, err
}

// replaced is what JSON has for bytes that are no UTF-8.
var replaced = regexp.MustCompile(`(?:^|[^\\])(?:\\\\)*\\ufffd`)

var errNotUTF8 = errors.New("holds text that is not UTF-8")

// ParseValue reads a value as Vars hold it from its JSON.
func ParseValue(data []byte) (value any, err error) {
	err = decodeJSON(data, &value)
	return value, err
}

// FormatValue writes a value as JSON: the same for equal values.
func FormatValue(value any) (json.RawMessage, error) {
	bare, err := plain(value)
	if err != nil {
		return nil, err
	}
	return json.Marshal(bare)
}
