package platform

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"unicode/utf8"

	"github.com/dpaflow/dpaflow/internal/ids"
)

// naming tells by which fields the answer to a trigger names an instance, and
// the plan or model that it is one of; and whether it may be the bare id instead.
type naming struct {
	kind, of, instance string
	bare               bool
}

// object is a JSON object whose fields are found by their exact names.
type object map[string]json.RawMessage

// find returns what an answer's data says of each instance of id, or of anything
// where id is empty. What does not say of what it is one counts too.
func (n naming) find(id string, data json.RawMessage) (instances []object) {
	var entries list[json.RawMessage]
	if json.Unmarshal(data, &entries) != nil {
		return nil
	}
	for _, entry := range entries {
		var o object
		if json.Unmarshal(entry, &o) != nil && n.bare && isBareInstance(ids.Parse(entry)) {
			o = object{n.instance: entry}
		}
		instance, of := ids.Parse(o[n.instance]), ids.Parse(o[n.of])
		if instance == "" || id != "" && of != "" && of != id {
			continue
		}
		twice := slices.IndexFunc(instances, func(known object) bool { return ids.Parse(known[n.instance]) == instance })
		if twice < 0 {
			instances = append(instances, o)
			continue
		}
		for name, value := range o { // which the first may have left out
			if first := instances[twice][name]; first == nil || string(first) == "null" {
				instances[twice][name] = value
			}
		}
	}
	return instances
}

// trigger sends what runs something, at most once. A refusal that yet names an
// instance contradicts itself: its outcome is Unknown.
func (c *Client) trigger(ctx context.Context, r request, n naming, id string) (answer, error) {
	r.once = true
	got, err := c.call(ctx, r)
	n.bare = false // in a refusal a string is a message
	var refused *Error
	if errors.As(err, &refused) && len(n.find(id, got.data)) > 0 {
		refused.contradicts, refused.Auth = true, false
	}
	return got, err
}

// triggerInstance is trigger where success is an answer that names exactly one
// instance of id, which it returns. What that says beside the id counts only in an
// encoding that is known.
func (c *Client) triggerInstance(ctx context.Context, r request, n naming, id string) (object, error) {
	got, err := c.trigger(ctx, r, n, id)
	if err != nil {
		return nil, err
	}
	instances := n.find(id, got.data)
	if got.foreign != nil {
		instances = slices.DeleteFunc(instances, func(o object) bool { return !isASCII(ids.Parse(o[n.instance])) })
	}
	if len(instances) != 1 {
		count := fmt.Errorf("the answer names %d instances of this %s, not one", len(instances), n.kind)
		return nil, got.fault(r.endpoint, cmp.Or(got.foreign, count))
	}
	instance := instances[0]
	if got.foreign != nil {
		instance = object{n.instance: instance[n.instance]}
	}
	return instance, nil
}

// callbackParts are the forms in which a callback URL is recognised: whole, and
// by the segment that is long enough to be a capability.
func callbackParts(callback string) []string {
	parts := []string{callback}
	if last := path.Base(callback); len(last) >= 16 {
		parts = append(parts, last)
	}
	return parts
}

// faults are what could not arrive as it was given. They show no value.
type faults []string

func (f *faults) check(ok bool, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Sprintf(format, args...))
	}
}

// checkParams finds what JSON and forms, which carry UTF-8 only, would change.
func (f *faults) checkParams(modelID string, params map[string]string) {
	f.check(isText(modelID), "%q is no model id", modelID)
	for _, name := range slices.Sorted(maps.Keys(params)) {
		f.check(isText(name), "model %s: %q is no name of a parameter", modelID, name)
		f.check(utf8.ValidString(params[name]), "model %s: the value of parameter %q is not UTF-8", modelID, name)
	}
}

func isText(s string) bool { return s != "" && utf8.ValidString(s) }
