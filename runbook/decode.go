package runbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// decode fills a value from a tree by its json tags and finds unknown fields and wrong types. What it
// cannot read it leaves as it was.
func decode(node *yaml.Node, value reflect.Value, path string, faults *Faults) {
	if unmarshaler, ok := value.Addr().Interface().(json.Unmarshaler); ok && value.Type() != reflect.TypeFor[Vars]() {
		faults.Add(path, unmarshaler.UnmarshalJSON(toJSON(node)))
		return
	}
	tag, mismatch := node.ShortTag(), func(want string) {
		faults.add(path, "must be %s, got %s", want, describe(node))
	}
	switch kind := value.Kind(); {
	case value.Type() == reflect.TypeFor[*Document]() && node.ShortTag() == "!!str":
		faults.add(path, "is in a file, %s: starter runbook resolve puts it in its place, and prints the whole document", clip(node.Value))
	case kind == reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		decode(node, value.Elem(), path, faults)
	case kind == reflect.Interface:
		if decoded := decodeAny(node, path, faults); decoded != nil {
			value.Set(reflect.ValueOf(decoded))
		}
	case kind == reflect.Struct && node.Kind == yaml.MappingNode:
		decodeFields(node, value, path, faults)
	case kind == reflect.Map && node.Kind == yaml.MappingNode:
		value.Set(reflect.MakeMap(value.Type()))
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := node.Content[i].Value
			item := reflect.New(value.Type().Elem()).Elem()
			decode(node.Content[i+1], item, join(path, name), faults)
			value.SetMapIndex(reflect.ValueOf(name), item)
		}
	case kind == reflect.Slice && node.Kind == yaml.SequenceNode:
		value.Set(reflect.MakeSlice(value.Type(), len(node.Content), len(node.Content)))
		for i, item := range node.Content {
			decode(item, value.Index(i), index(path, i), faults)
		}
	case kind == reflect.Struct || kind == reflect.Map:
		mismatch("an object")
	case kind == reflect.Slice:
		mismatch("a list")
	case kind == reflect.String && (tag == "!!str" || tag == "!!timestamp"):
		value.SetString(node.Value)
	case kind == reflect.String && node.Kind == yaml.ScalarNode && tag != "!!null":
		mismatch("a string, in quotes")
	case kind == reflect.String:
		mismatch("a string")
	case kind == reflect.Bool && tag == "!!bool":
		value.SetBool(strings.EqualFold(node.Value, "true"))
	case kind == reflect.Bool:
		mismatch("true or false")
	case kind == reflect.Float64:
		switch number := decodeAny(node, path, &Faults{}).(type) {
		case int64:
			value.SetFloat(float64(number))
		case float64:
			value.SetFloat(number)
		default:
			mismatch("a number")
		}
	default:
		number, ok := decodeAny(node, path, &Faults{}).(int64)
		if !ok || number > math.MaxInt32 || number < math.MinInt32 {
			mismatch("a whole number")
			return
		}
		value.SetInt(number)
	}
}

func decodeFields(node *yaml.Node, object reflect.Value, path string, faults *Faults) {
	fields := reflect.VisibleFields(object.Type())
	for i := 0; i+1 < len(node.Content); i += 2 {
		name := node.Content[i].Value
		at := slices.IndexFunc(fields, func(field reflect.StructField) bool {
			tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			return tag != "" && tag == name
		})
		if at < 0 {
			if !strings.HasPrefix(name, extension) || !extensible(object) {
				faults.add(join(path, name), "there is no such field")
			}
			continue
		}
		decode(node.Content[i+1], object.FieldByIndex(fields[at].Index), join(path, name), faults)
	}
}

// extension begins the names of fields that are for whoever writes a document: anchors, and notes of other programs.
const extension = "x-"

// extensible reports whether an object of a document may have such fields.
func extensible(object reflect.Value) bool {
	_, around := object.Addr().Interface().(interface{ document() *Document })
	return around || object.Type().PkgPath() == reflect.TypeFor[Document]().PkgPath()
}

// decodeAny returns a value as Vars hold it.
func decodeAny(node *yaml.Node, path string, faults *Faults) any {
	switch node.Kind {
	case yaml.MappingNode:
		object := make(map[string]any, len(node.Content)/2)
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := node.Content[i].Value
			object[name] = decodeAny(node.Content[i+1], join(path, name), faults)
		}
		return object
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, item := range node.Content {
			list[i] = decodeAny(item, index(path, i), faults)
		}
		return list
	}
	switch node.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(node.Value, "true")
	case "!!int", "!!float":
		return decodeNumber(node.Value, path, faults)
	}
	return node.Value
}

func decodeNumber(text, path string, faults *Faults) any {
	digits := strings.TrimLeft(text, "+-")
	if len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		faults.add(path, "%s may mean two numbers: leave the leading zero out, or put quotes around a string", clip(text))
		return nil
	}
	if number, err := strconv.ParseInt(text, 0, 64); err == nil {
		return number
	} else if errors.Is(err, strconv.ErrRange) {
		faults.add(path, "%s has more digits than a number can keep: put quotes around it", clip(text))
		return nil
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(number, 0) || math.IsNaN(number) {
		faults.add(path, "%s is no number that JSON has", clip(text))
		return nil
	}
	return whole(number)
}

// whole returns a number without a fraction as int64, because JSON does not tell 2 from 2.0.
func whole(number float64) any {
	const exact = 1 << 53
	if number == math.Trunc(number) && math.Abs(number) <= exact {
		return int64(number)
	}
	return number
}

// describe says what a value is, for those who wrote something else than they should.
func describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "an object"
	case yaml.SequenceNode:
		return "a list"
	}
	switch node.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!str":
		return strconv.Quote(clip(node.Value))
	}
	return clip(node.Value)
}
