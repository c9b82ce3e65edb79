package runbook

import (
	"reflect"
	"strings"
)

// Bind gives the document's variables the values of a run, which take the place of defaults. Expressions in them are
// replaced like those in defaults. The error is Faults: every variable that there is not, every value that is not one of
// those that it may have, and every variable that still must be given one.
func (d *Document) Bind(given map[string]any) error {
	var faults Faults
	for name := range Sorted(given) {
		if _, known := d.Vars[name]; !known {
			faults.add(join("vars", name), "there is no such variable")
		}
	}
	bound := make(Vars, len(d.Vars))
	for name := range Sorted(d.Vars) {
		at := join("vars", name)
		v, err := variableOf(d.Vars[name])
		value, isGiven := given[name]
		if isGiven && err == nil {
			value, err = plain(value)
		} else {
			value = v.Default
		}
		constant, isConstant := constantOf(value)
		switch {
		case err != nil:
		case isGiven && v.SecretRef != "" || v.SecretRef == "" && isConstant:
			err = v.accept(constant)
		}
		faults.Add(at, err)
		if bound[name] = d.Vars[name]; isGiven {
			bound[name] = v.with(d.Vars[name], value)
		}
	}
	if d.Vars != nil && len(faults) == 0 {
		d.Vars = bound
	}
	return faults.capped().Err()
}

// Input is a variable of a document, for those who give it a value.
type Input struct {
	Name string `json:"name"`
	Var
}

// Inputs returns the document's variables by name. What a bare value does not say is empty: its type, where it is an
// expression, or where there is none and a value must be given.
func (d *Document) Inputs() []Input {
	inputs := []Input{}
	for name := range Sorted(d.Vars) {
		v, _ := variableOf(d.Vars[name])
		inputs = append(inputs, Input{name, v.Var})
	}
	return inputs
}

// Values are values of variables that somebody wrote into a text of their own. What is in them is no expression.
type Values struct {
	Vars   Vars
	places map[string]place
}

// ParseValues reads an object of variables from YAML or JSON. The error is Faults.
func ParseValues(data []byte) (*Values, error) {
	root, faults := read(data)
	if len(faults) > 0 {
		return nil, faults
	}
	s := newSurveyor()
	v := &Values{Vars: Vars{}, places: s.places}
	if s.slot(&root, "") {
		decode(root, reflect.ValueOf(&v.Vars).Elem(), "", &s.faults)
	}
	v.Vars = Literal(map[string]any(v.Vars)).(map[string]any)
	return v, s.faults.located(s.places).Err()
}

// Located returns faults about the values, whose paths begin with the variable, with their places in the text.
func (v *Values) Located(faults Faults) Faults { return faults.located(v.places) }

// Literal returns a value as Bind takes it, where what looks like an expression is none.
func Literal(value any) any {
	return withTextsIn(value, "", func(_, text string) any { return strings.ReplaceAll(text, opening, "$"+opening) })
}

// constantOf is what becomes of a value of Vars that has no expressions in it.
func constantOf(value any) (constant any, is bool) {
	is = true
	constant = withTextsIn(value, "", func(_, text string) any {
		parts, err := split(text)
		if len(parts) == 0 && err == nil {
			return ""
		}
		if err != nil || len(parts) > 1 || parts[0].expression {
			is = false
			return text
		}
		return parts[0].text
	})
	return constant, is
}
