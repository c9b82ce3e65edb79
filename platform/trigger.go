package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"unicode/utf8"
)

// naming tells by which fields the answer to a trigger names an instance, and
// the plan or model that it is one of.
type naming struct{ kind, of, instance string }

// object is a JSON object whose fields are found by their exact names.
type object map[string]json.RawMessage

// find returns the objects in an answer's data that name an instance of id, or
// of anything where id is empty. One that does not say of what counts too.
func (n naming) find(id string, data json.RawMessage) []object {
	var objects list[object]
	if json.Unmarshal(data, &objects) != nil {
		return nil
	}
	return slices.DeleteFunc(objects, func(o object) bool {
		of := parseIdentity(o[n.of])
		return parseIdentity(o[n.instance]) == "" || id != "" && of != "" && of != id
	})
}

// trigger sends what runs something, at most once. A refusal that yet names an
// instance contradicts itself: its outcome is Unknown.
func (c *Client) trigger(ctx context.Context, r request, n naming, id string) (answer, error) {
	r.once = true
	got, err := c.call(ctx, r)
	var refused *Error
	if errors.As(err, &refused) && len(n.find(id, got.data)) > 0 {
		refused.contradicts, refused.Auth = true, false
	}
	return got, err
}

// triggerInstance is trigger where success is an answer that names exactly one
// instance of id, which it returns.
func (c *Client) triggerInstance(ctx context.Context, r request, n naming, id string) (object, error) {
	got, err := c.trigger(ctx, r, n, id)
	if err != nil {
		return nil, err
	}
	instances := n.find(id, got.data)
	if len(instances) != 1 {
		return nil, got.fault(r.endpoint, fmt.Errorf("the answer names %d instances of this %s, not one", len(instances), n.kind))
	}
	return instances[0], nil
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
