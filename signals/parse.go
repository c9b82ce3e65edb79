package signals

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxInstanceID = 256

var (
	statusWord = regexp.MustCompile(`^[A-Za-z_]{1,32}$`)
	digits     = regexp.MustCompile(`^[0-9]+$`)
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
	known := map[string]json.RawMessage{kind.instanceField(): nil, kind.subjectField(): nil, "status": nil}
	if err := readFields(body, known); err != nil {
		return Callback{}, err
	}
	id, err := instanceID(known[kind.instanceField()])
	if err != nil {
		return Callback{}, err
	}
	var status string
	if json.Unmarshal(known["status"], &status) != nil || !statusWord.MatchString(status) {
		return Callback{}, errStatus
	}
	return Callback{InstanceID: id, Status: strings.ToUpper(status)}, nil
}

// readFields fills in the known fields of the object in body, each of which may occur once.
func readFields(body []byte, known map[string]json.RawMessage) error {
	if !utf8.Valid(body) || !json.Valid(body) {
		return errNotObject
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return errNotObject
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return errNotObject
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return errNotObject
		}
		for field := range known {
			switch {
			case name == field && known[field] != nil:
				return errFieldTwice
			case name == field:
				known[field] = value
			case strings.EqualFold(name.(string), field):
				return errFieldCase
			}
		}
	}
	return nil
}

// instanceID accepts a number too and keeps its digits: field types wobble on the platform.
func instanceID(value json.RawMessage) (string, error) {
	if digits.Match(value) && len(value) <= maxInstanceID {
		return string(value), nil
	}
	var id string
	if json.Unmarshal(value, &id) != nil || !text(id, maxInstanceID) {
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
