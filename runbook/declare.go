package runbook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Var declares a variable: among Vars it is an object with type. Everything else there is a default, and gives the type.
type Var struct {
	// Type is that of its values.
	Type VarType `json:"type"`
	// Description says what it is for.
	Description string `json:"description,omitempty"`
	// Enum are the values that it may have; any of the type if empty.
	Enum []any `json:"enum,omitempty"`
	// Pattern is a regular expression (RE2) that the whole of a string must match.
	Pattern string `json:"pattern,omitempty"`
	// Required variables must be given a value. One that is neither required nor given, and has no default, is null.
	Required bool `json:"required,omitempty"`
	// Default is the value of a variable that is not given one; it may hold expressions, as a bare value may.
	Default any `json:"default,omitempty"`
	// SecretRef names the secret that the variable stands for. It may only be the whole value of an input.
	SecretRef string `json:"secretRef,omitempty"`
}

// VarType is the type of a variable's values.
type VarType string

// The types of variables.
const (
	StringVar  VarType = "string"
	NumberVar  VarType = "number"
	IntegerVar VarType = "integer"
	BooleanVar VarType = "boolean"
	ListVar    VarType = "list"
	ObjectVar  VarType = "object"
)

var varTypes = []VarType{StringVar, NumberVar, IntegerVar, BooleanVar, ListVar, ObjectVar}

const (
	maxPattern = 256
	// maxMatched is how long a string may be that is compared with a pattern, in bytes.
	maxMatched = 8 << 10
)

// described are the types in sentences about values.
var described = map[VarType]string{
	StringVar: "a string", NumberVar: "a number", IntegerVar: "a whole number", BooleanVar: "true or false",
	ListVar: "a list", ObjectVar: "an object",
}

// variable is an entry of Vars: a declaration, or what a bare value declares.
type variable struct {
	Var
	// at is where the default is, below the entry.
	at string
}

// variableOf reads an entry of Vars. The error says what is wrong with a declaration.
func variableOf(value any) (variable, error) {
	bare, err := plain(value)
	if err != nil {
		return variable{}, err
	}
	if object, ok := bare.(map[string]any); ok && isDeclared(object) {
		declared := variable{at: "default"}
		data, err := json.Marshal(object)
		if err == nil {
			err = decodeJSON(data, &declared.Var)
		}
		return declared, err
	}
	v := variable{Var: Var{Type: typeOf(bare), Default: bare, Required: bare == nil}}
	if v.Type == IntegerVar {
		v.Type = NumberVar
	}
	if text, ok := bare.(string); ok && isExpression(text) {
		v.Type = "" // whatever it gives
	}
	return v, nil
}

func isDeclared(object map[string]any) bool {
	_, declared := object["type"]
	return declared
}

// with returns the entry of Vars that has another value as its default.
func (v variable) with(entry, value any) any {
	object, isObject := value.(map[string]any)
	switch {
	case v.at != "":
		declared := maps.Clone(entry.(map[string]any))
		declared["default"] = value
		delete(declared, "required")
		return declared
	case isObject && isDeclared(object): // or it would be taken for a declaration
		return map[string]any{"type": string(ObjectVar), "default": value}
	}
	return value
}

// accept finds what is wrong with a value that the variable is given, or has in the end.
func (v variable) accept(value any) error {
	switch {
	case v.SecretRef != "":
		return fmt.Errorf("stands for the secret %s, and cannot be given a value", clip(v.SecretRef))
	case value == nil && v.Required:
		return errors.New("is required: it has no default")
	}
	return v.Check(value)
}

// Check finds what is wrong with a value: that it is not of the type, not one of Enum, or does not match Pattern. It is
// one that Vars hold, without expressions; null is no value, which Check has nothing against. The error is Faults.
func (v Var) Check(value any) error {
	var faults Faults
	text, isString := value.(string)
	switch {
	case value == nil:
	case v.Type != "" && !v.Type.has(value):
		faults.add("", "must be %s, got %s", described[v.Type], show(value))
	case len(v.Enum) > 0 && !slices.ContainsFunc(v.Enum, func(allowed any) bool { return show(allowed) == show(value) }):
		shown := make([]string, len(v.Enum))
		for i, allowed := range v.Enum {
			shown[i] = clip(show(allowed))
		}
		faults.add("", "must be %s, got %s", strings.Join(shown, " | "), clip(show(value)))
	case v.Pattern != "" && isString && len(text) > maxMatched:
		faults.add("", "must have at most %d bytes, since it has a pattern, got %d", maxMatched, len(text))
	case v.Pattern != "" && isString:
		if pattern, err := v.pattern(); err == nil && !pattern.MatchString(text) {
			faults.add("", "must match %s, got %s", v.Pattern, clip(show(value)))
		}
	}
	return faults.Err()
}

func (v Var) pattern() (*regexp.Regexp, error) { return regexp.Compile(`^(?:` + v.Pattern + `)$`) }

func (t VarType) has(value any) bool {
	of := typeOf(value)
	return of == t || t == NumberVar && of == IntegerVar
}

// typeOf is the type that a value has, which Vars hold; none of null.
func typeOf(value any) VarType {
	if number, ok := value.(float64); ok { // of encoding/json, for which every number is one
		value = whole(number)
	}
	switch value.(type) {
	case string:
		return StringVar
	case int, int64: // int is of Go literals
		return IntegerVar
	case float64:
		return NumberVar
	case bool:
		return BooleanVar
	case []any:
		return ListVar
	case map[string]any:
		return ObjectVar
	}
	return ""
}

// show is a value as JSON, for sentences and for comparing it.
func show(value any) string {
	data, err := FormatValue(value)
	if err != nil {
		return fmt.Sprint(value) // which Validate finds
	}
	return string(data)
}

// Read returns the value that somebody typed, as Vars hold it: a string as it is, anything else from JSON, of which no
// digit may be lost on the way. Without a type it is a string, unless it is a list or an object in JSON. The error says
// what is wrong with its form and its type; for the rest there is Check.
func (v Var) Read(typed string) (any, error) {
	if v.Type == StringVar || v.Type == "" && !strings.ContainsAny(typed[:min(1, len(typed))], "[{") {
		return typed, nil
	}
	var value any
	err := errors.New("is not JSON")
	if json.Valid([]byte(typed)) {
		value, err = ParseValue([]byte(typed))
	}
	switch {
	case err != nil && v.Type == "": // it only begins like a list or an object
		return typed, nil
	case err != nil || value == nil || v.Type != "" && !v.Type.has(value):
		form := ""
		if v.Type == ListVar || v.Type == ObjectVar {
			form = " in JSON"
		}
		return nil, fmt.Errorf("must be %s%s, got %q", described[v.Type], form, clip(typed))
	}
	return value, exact([]byte(typed))
}

// exact finds a number in JSON that has digits which are lost when it is written again.
func exact(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil { // the end, of what is valid
			return nil
		}
		if number, ok := token.(json.Number); ok {
			if arrives := show(decodeNumber(number.String(), "", &Faults{})); arrives != number.String() {
				return fmt.Errorf("%s would arrive as %s: write it so, or as a string", clip(number.String()), arrives)
			}
		}
	}
}
