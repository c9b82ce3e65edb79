package workflows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
)

// strict makes the form of a workflow that is registered: it reads its input strictly and fails as
// InvalidInput with every fault, where the SDK would drop an unknown field and stop at the first
// wrong one.
func strict[In, Out any](run func(workflow.Context, In) (Out, error)) func(workflow.Context, converter.RawValue) (Out, error) {
	return func(ctx workflow.Context, raw converter.RawValue) (Out, error) {
		var in In
		if err := decodeObject(raw.Payload().GetData(), &in).Err(); err != nil {
			var none Out
			return none, activities.InvalidInput(err.(activities.Faults))
		}
		return run(ctx, in)
	}
}

// decodeObject fills the struct that into points to from a JSON object and returns every fault: an
// unknown or repeated field, a value of the wrong kind. No data at all is an empty object.
func decodeObject(data []byte, into any) (faults activities.Faults) {
	if len(data) == 0 {
		return nil
	}
	fields := fieldsOf(reflect.ValueOf(into).Elem())
	decoder := json.NewDecoder(bytes.NewReader(data))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		faults.Add("", errors.New("the input wants to be one JSON object"))
		return faults
	}
	seen := make(map[string]bool)
	for decoder.More() {
		key, err := decoder.Token()
		var value json.RawMessage
		if err == nil {
			err = decoder.Decode(&value)
		}
		if err != nil {
			faults.Add("", fmt.Errorf("the input is not JSON: %w", err))
			return faults
		}
		name := key.(string)
		field, known := fields[name]
		switch {
		case !known:
			faults.Add(name, errors.New("there is no such field"))
		case seen[name]:
			faults.Add(name, errors.New("given twice"))
		default:
			faults.Add(name, decodeValue(value, field))
		}
		seen[name] = true
	}
	if _, err := decoder.Token(); err != nil {
		faults.Add("", fmt.Errorf("the input is not JSON: %w", err))
	} else if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		faults.Add("", errors.New("the input goes on after its object"))
	}
	return faults
}

// fieldsOf lists a struct's fields, embedded ones included, by their JSON names.
func fieldsOf(object reflect.Value) map[string]reflect.Value {
	fields := make(map[string]reflect.Value)
	for _, field := range reflect.VisibleFields(object.Type()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" {
			fields[name] = object.FieldByIndex(field.Index)
		}
	}
	return fields
}

func decodeValue(data []byte, field reflect.Value) error {
	err := json.Unmarshal(data, field.Addr().Interface())
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return fmt.Errorf("wants %s, got %s", jsonKind(mismatch.Type.Kind()), mismatch.Value)
	}
	return err
}

func jsonKind(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "a list"
	default:
		return "a number"
	}
}
