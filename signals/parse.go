package signals

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxInstanceID = 256
	maxStatus     = 32

	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// The faults of a body. They go into logs, so they never quote it.
var (
	errNotObject  = errors.New("the body is not exactly one JSON object in UTF-8")
	errFieldTwice = errors.New("a known field is given twice")
	errFieldCase  = errors.New("a known field is spelled in another case")
	errInstanceID = errors.New("the instance id is not a text of 1 to 256 bytes without control characters, or a whole number")
	errStatus     = errors.New("the status is not a word of 1 to 32 letters and underscores")
)

// instanceField and subjectField are the two names in which callbacks of plans (P7) and models (W5) differ.
func (k Kind) instanceField() string {
	if k == KindPlan {
		return "planInstanceId"
	}
	return "instanceId"
}

func (k Kind) subjectField() string {
	if k == KindPlan {
		return "processPlanId"
	}
	return "modelId"
}

// parse reads a callback's body more strictly than encoding/json would: a field given twice, or in another case,
// reads differently in different programs, and so is no news at all. The id of the plan or model is not needed
// (the token says which trigger this is) and may be missing.
func parse(kind Kind, body []byte) (Callback, error) {
	instance, subject, status := field{name: kind.instanceField()}, field{name: kind.subjectField()}, field{name: "status"}
	if err := readFields(body, &instance, &subject, &status); err != nil {
		return Callback{}, err
	}
	id, err := instanceID(instance.value)
	if err != nil {
		return Callback{}, err
	}
	word, ok := unquote(status.value)
	if !ok || word == "" || len(word) > maxStatus || strings.Trim(word, letters+"_") != "" {
		return Callback{}, errStatus
	}
	return Callback{InstanceID: id, Status: strings.ToUpper(word)}, nil
}

// field is one that is known, and its value in JSON, nil until it was given.
type field struct {
	name  string
	value []byte
}

// readFields fills in the known fields of the object in body, each of which may occur once.
func readFields(body []byte, known ...*field) error {
	if !utf8.Valid(body) || !json.Valid(body) {
		return errNotObject
	}
	object := bytes.TrimLeft(body, space)
	if object[0] != '{' {
		return errNotObject
	}
	for quoted, value := range members(object) {
		name, ok := unquote(quoted)
		if !ok {
			return errNotObject
		}
		for _, f := range known {
			switch {
			case name == f.name && f.value != nil:
				return errFieldTwice
			case name == f.name:
				f.value = value
			case strings.EqualFold(name, f.name):
				return errFieldCase
			}
		}
	}
	return nil
}

// instanceID accepts a number too and keeps its digits: field types wobble on the platform.
func instanceID(value []byte) (string, error) {
	if len(value) > 0 && len(value) <= maxInstanceID && len(bytes.Trim(value, digits)) == 0 {
		return string(value), nil
	}
	id, ok := unquote(value)
	if !ok || !text(id, maxInstanceID) {
		return "", errInstanceID
	}
	for _, r := range id {
		// encoding/json turns half a surrogate pair into U+FFFD: the id meant cannot be known.
		if unicode.IsControl(r) || r == utf8.RuneError {
			return "", errInstanceID
		}
	}
	return id, nil
}
