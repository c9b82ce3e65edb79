package platform

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/dpaflow/dpaflow/internal/endpoint"
	"github.com/dpaflow/dpaflow/internal/ids"
)

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
	// Intend is called once, when nothing but writing the request is left: it begins to be written before until, or
	// not at all (ErrLeaseExpired). After an error nothing is sent. Nil sets no limit.
	Intend func(ctx context.Context) (until time.Time, err error)
}

// String names the plan and shows nothing that may be secret.
func (t PlanTrigger) String() string {
	return fmt.Sprintf("plan %s with parameters of %d models", t.PlanID, len(t.Params))
}

// GoString is String.
func (t PlanTrigger) GoString() string { return t.String() }

// LogValue logs what String shows.
func (t PlanTrigger) LogValue() slog.Value { return slog.StringValue(t.String()) }

var planInstance = naming{kind: "plan", of: "processPlanId", instance: "planInstanceId"}

// TriggerPlan runs a plan (P5) and returns the id of its instance. It is sent at
// most once. Where it fails, OutcomeOf tells what is known: an answer that does
// not name exactly one instance of this plan, for one, leaves it Unknown.
func (c *Client) TriggerPlan(ctx context.Context, t PlanTrigger) (instanceID string, err error) {
	const name = "P5 trigger plan"
	if err := inputError(name, t.faults()); err != nil {
		return "", err
	}
	instance, err := c.triggerInstance(ctx, request{
		endpoint: name,
		method:   http.MethodPost,
		path:     endpoint.PlanPath(t.PlanID),
		body:     t.body(),
		intend:   t.Intend,
		private:  append(callbackParts(t.CallbackURL), t.Private...),
	}, planInstance, t.PlanID)
	if err != nil {
		return "", err
	}
	return ids.Parse(instance[planInstance.instance]), nil
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

func (t PlanTrigger) faults() (found faults) {
	err := endpoint.CheckPlan(t.PlanID)
	found.check(isText(t.PlanID) && err == nil, "%q is no plan id", t.PlanID)
	found.check(utf8.ValidString(t.CallbackURL), "the callback URL is not UTF-8")
	for _, id := range slices.Sorted(maps.Keys(t.Params)) {
		found.checkParams(id, t.Params[id])
	}
	return found
}
