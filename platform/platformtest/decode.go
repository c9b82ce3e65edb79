package platformtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// object is a JSON object read strictly: every field known, once, in its exact case
// and of its documented type. It gathers every fault; end tells them. Values are not
// quoted in them, for some are secret.
type object struct {
	fields map[string]json.RawMessage
	faults []string
}

// parseObject reads raw, which is called what in faults.
func parseObject(what string, raw []byte) *object {
	o := &object{fields: map[string]json.RawMessage{}}
	if !json.Valid(raw) || bytes.TrimLeft(raw, " \t\r\n")[0] != '{' {
		o.fault("%s is not exactly one JSON object", what)
		return o
	}
	// Errors are out of the way: the text is valid, and an object.
	decoder := json.NewDecoder(bytes.NewReader(raw))
	_, _ = decoder.Token()
	for decoder.More() {
		name, _ := decoder.Token()
		var value json.RawMessage
		_ = decoder.Decode(&value)
		if _, twice := o.fields[name.(string)]; twice {
			o.fault("field %q occurs twice", name)
		}
		o.fields[name.(string)] = value
	}
	return o
}

func (o *object) fault(format string, args ...any) {
	o.faults = append(o.faults, fmt.Sprintf(format, args...))
}

func (o *object) take(name string) (json.RawMessage, bool) {
	raw, ok := o.fields[name]
	delete(o.fields, name)
	return raw, ok
}

// text takes a string that must be there and say something.
func (o *object) text(name string) string {
	if _, ok := o.fields[name]; !ok {
		o.fault("field %q is missing", name)
	}
	return o.optional(name)
}

// optional takes a string that may be absent, but not empty.
func (o *object) optional(name string) string {
	raw, ok := o.take(name)
	if !ok {
		return ""
	}
	value, ok := stringOf(raw)
	if !ok || value == "" {
		o.fault("field %q is not a string, or empty", name)
	}
	return value
}

// oneOf takes an optional string out of a few.
func (o *object) oneOf(name string, values ...string) string {
	value := o.optional(name)
	if value != "" && !slices.Contains(values, value) {
		o.fault("field %q is not one of %s", name, strings.Join(values, ", "))
	}
	return value
}

func (o *object) callbackURL() string {
	address := o.optional("callbackUrl")
	if address != "" && !validCallbackURL(address) {
		o.fault(`field "callbackUrl" is not an absolute http or https URL`)
	}
	return address
}

// mapParam takes an optional object of strings.
func (o *object) mapParam() map[string]string {
	raw, ok := o.take("mapParam")
	if !ok {
		return nil
	}
	values := map[string]string{}
	inner := parseObject("mapParam", raw)
	for name, raw := range inner.fields {
		value, ok := stringOf(raw)
		if !ok {
			inner.fault("parameter %q is not a string", name)
		}
		values[name] = value
	}
	o.faults = append(o.faults, inner.faults...)
	return values
}

// modelVarReq takes the optional parameters of a plan: by model id, then by name.
func (o *object) modelVarReq() map[string]map[string]string {
	raw, ok := o.take("modelVarReq")
	if !ok {
		return nil
	}
	var list []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &list) != nil {
		o.fault(`field "modelVarReq" is not a list`)
	}
	params := map[string]map[string]string{}
	for _, raw := range list {
		entry := parseObject("an entry of modelVarReq", raw)
		id := entry.text("modelId")
		if _, twice := params[id]; twice {
			entry.fault("model %q occurs twice", id)
		}
		params[id] = entry.mapParam()
		entry.rest()
		o.faults = append(o.faults, entry.faults...)
	}
	return params
}

// rest faults what was not taken.
func (o *object) rest() {
	for _, name := range slices.Sorted(maps.Keys(o.fields)) {
		o.fault("field %q is unknown", name)
	}
	o.fields = nil
}

// end refuses the object if anything about it was wrong.
func (o *object) end() error {
	o.rest()
	if len(o.faults) > 0 {
		return refuse(400, "%s", strings.Join(o.faults, "; "))
	}
	return nil
}

// query takes exactly the given parameters, each once and not empty, out of a query.
func query(values url.Values, names ...string) error {
	o := &object{fields: map[string]json.RawMessage{}}
	for _, name := range names {
		if len(values[name]) != 1 || values[name][0] == "" {
			o.fault("query parameter %q is not there exactly once", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(names, name) {
			o.fault("query parameter %q is unknown", name)
		}
	}
	return o.end()
}

func stringOf(raw json.RawMessage) (string, bool) {
	var value string
	ok := raw[0] == '"' && json.Unmarshal(raw, &value) == nil
	return value, ok
}

func validCallbackURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
