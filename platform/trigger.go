package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"unicode/utf8"
)

const triggerPlan = "P5 trigger plan"

// PlanTrigger is what a plan is run with (P5). It prints without parameters and
// callback URL, which may be secrets.
type PlanTrigger struct {
	PlanID string
	// Params are the values by model id and name.
	Params map[string]map[string]string
	// CallbackURL is where the platform sends news of the instance; empty for none.
	CallbackURL string
	// Private lists what must not come back in an error's text, such as the secrets among Params.
	// The callback URL always is such.
	Private []string
}

// String names the plan and shows nothing that may be secret.
func (t PlanTrigger) String() string {
	return fmt.Sprintf("plan %s with parameters of %d models", t.PlanID, len(t.Params))
}

// GoString is String.
func (t PlanTrigger) GoString() string { return t.String() }

// LogValue logs what String shows.
func (t PlanTrigger) LogValue() slog.Value { return slog.StringValue(t.String()) }

// TriggerPlan runs a plan (P5) and returns the id of its instance. It is sent at
// most once. Where it fails, OutcomeOf tells what is known: an answer that does
// not name exactly one instance of this plan, for one, leaves it Unknown.
func (c *Client) TriggerPlan(ctx context.Context, t PlanTrigger) (instanceID string, err error) {
	if err := inputError(triggerPlan, t.faults()); err != nil {
		return "", err
	}
	got, err := c.call(ctx, request{
		endpoint: triggerPlan,
		method:   http.MethodPost,
		path:     "/api/dpa/process//processPlan/opExecutePlanByApi/" + url.PathEscape(t.PlanID),
		body:     t.body(),
		once:     true,
		private:  append(callbackParts(t.CallbackURL), t.Private...),
	})
	instances := instancesOf(t.PlanID, got.data)
	var refused *Error
	if errors.As(err, &refused) && len(instances) > 0 {
		refused.contradicts, refused.Auth = true, false
	}
	if err != nil {
		return "", err
	}
	if len(instances) != 1 {
		return "", got.fault(triggerPlan, fmt.Errorf("the answer names %d instances of this plan, not one", len(instances)))
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

// instancesOf returns the ids of a plan's instances in the data of an answer.
func instancesOf(planID string, data json.RawMessage) []string {
	var items list[struct {
		PlanID     identity `json:"processPlanId"`
		InstanceID identity `json:"planInstanceId"`
	}]
	if json.Unmarshal(data, &items) != nil {
		return nil
	}
	var ids []string
	for _, item := range items {
		if item.InstanceID != "" && (item.PlanID == "" || string(item.PlanID) == planID) {
			ids = append(ids, string(item.InstanceID))
		}
	}
	return ids
}

type planExecution struct {
	PlanID      string        `json:"processPlanId"`
	CallbackURL string        `json:"callbackUrl,omitempty"`
	Models      []modelParams `json:"modelVarReq,omitempty"`
}

type modelParams struct {
	ModelID string            `json:"modelId"`
	Params  map[string]string `json:"mapParam"`
}

func (t PlanTrigger) body() planExecution {
	body := planExecution{PlanID: t.PlanID, CallbackURL: t.CallbackURL}
	for _, id := range slices.Sorted(maps.Keys(t.Params)) {
		params := t.Params[id]
		if params == nil {
			params = map[string]string{} // {} and not null
		}
		body.Models = append(body.Models, modelParams{id, params})
	}
	return body
}

// faults finds what could not arrive as it was given: JSON carries UTF-8 only,
// and of . and .. no segment of a path can be made. It shows no value.
func (t PlanTrigger) faults() []string {
	var faults []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	check(isText(t.PlanID) && t.PlanID != "." && t.PlanID != "..", "%q is no plan id", t.PlanID)
	check(utf8.ValidString(t.CallbackURL), "the callback URL is not UTF-8")
	for _, id := range slices.Sorted(maps.Keys(t.Params)) {
		check(isText(id), "%q is no model id", id)
		for _, name := range slices.Sorted(maps.Keys(t.Params[id])) {
			check(isText(name), "model %s: %q is no name of a parameter", id, name)
			check(utf8.ValidString(t.Params[id][name]), "model %s: the value of parameter %q is not UTF-8", id, name)
		}
	}
	return faults
}

func isText(s string) bool { return s != "" && utf8.ValidString(s) }
