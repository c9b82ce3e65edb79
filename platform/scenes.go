package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/internal/endpoint"
	"github.com/dpaflow/dpaflow/internal/ids"
)

// PlanScene is a timed execution of a plan that the platform keeps (P4), and that
// nobody can delete. It prints without parameters and callback URL, which may be secrets.
type PlanScene struct {
	PlanID    string
	SceneName string
	// ExecuteStrategy is single or cycle, or 1.single or 2.cycle, as the documents number them. It is sent as it is.
	ExecuteStrategy string
	// Dimension is the unit of Intervals: seconds, minutes, hours, day, weeks or month.
	Dimension string
	// Intervals is how many units lie between two executions, in digits; or the time of a single one, as it is sent.
	Intervals string
	// Params are the values by model id and name.
	Params map[string]map[string]string
	// CallbackURL is where the platform sends news of all its instances; it is required.
	CallbackURL string
	// Private lists what must not come back in an error's text, such as the secrets among Params.
	// The callback URL always is such.
	Private []string
	// Intend is called once, when nothing but writing the request is left: it begins to be written before until, or
	// not at all (ErrLeaseExpired). After an error nothing is sent. Nil sets no limit.
	Intend func(ctx context.Context) (until time.Time, err error)
}

// String names plan and scene and shows nothing that may be secret.
func (s PlanScene) String() string {
	return fmt.Sprintf("scene %s of plan %s with parameters of %d models", s.SceneName, s.PlanID, len(s.Params))
}

// GoString is String.
func (s PlanScene) GoString() string { return s.String() }

// LogValue logs what String shows.
func (s PlanScene) LogValue() slog.Value { return slog.StringValue(s.String()) }

// SceneAnswer is what the platform answers to a scene (P4). What is documented of
// it was copied from another endpoint: each field may be empty, and none tells how
// an execution ended.
type SceneAnswer struct {
	InstanceID string
	ModelID    string
	Status     string
}

var (
	dimensions = []string{"seconds", "minutes", "hours", "day", "weeks", "month"}
	strategies = []string{"single", "cycle", "1.single", "2.cycle"}
)

// SchedulePlan has the platform run a plan by its own clock (P4). It is sent at
// most once: sent twice it would be two scenes. Where it fails, OutcomeOf tells
// what is known; no instance is expected, code 200 is success.
func (c *Client) SchedulePlan(ctx context.Context, s PlanScene) (SceneAnswer, error) {
	const name = "P4 schedule plan"
	if err := inputError(name, s.faults()); err != nil {
		return SceneAnswer{}, err
	}
	got, err := c.trigger(ctx, request{
		endpoint: name,
		method:   http.MethodPost,
		path:     endpoint.SchedulePlan,
		body:     s.form(),
		intend:   s.Intend,
		private:  append(callbackParts(s.CallbackURL), s.Private...),
	}, modelInstance, "")
	if err != nil {
		return SceneAnswer{}, err
	}
	var told list[object]
	if json.Unmarshal(got.data, &told) != nil || len(told) != 1 {
		return SceneAnswer{}, nil
	}
	return SceneAnswer{
		InstanceID: ids.Parse(told[0]["instanceId"]),
		ModelID:    ids.Parse(told[0]["modelId"]),
		Status:     parseText(told[0]["status"]),
	}, nil
}

func (s PlanScene) form() url.Values {
	form := url.Values{
		"processPlanId":   {s.PlanID},
		"callbackUrl":     {s.CallbackURL},
		"dimension":       {s.Dimension},
		"intervals":       {s.Intervals},
		"executeStrategy": {s.ExecuteStrategy},
		"sceneName":       {s.SceneName},
	}
	for i, id := range slices.Sorted(maps.Keys(s.Params)) {
		form.Set(formModelID(i), id)
		for name, value := range s.Params[id] {
			form.Set(formParam(i, name), value)
		}
	}
	return form
}

func (s PlanScene) faults() (found faults) {
	found.check(isText(s.PlanID), "%q is no plan id", s.PlanID)
	found.check(isText(s.SceneName), "%q is no name of a scene", s.SceneName)
	found.check(slices.Contains(strategies, s.ExecuteStrategy),
		"executeStrategy %q must be one of %s", s.ExecuteStrategy, strings.Join(strategies, ", "))
	found.check(slices.Contains(dimensions, s.Dimension),
		"dimension %q must be one of %s", s.Dimension, strings.Join(dimensions, ", "))
	single := strings.HasSuffix(s.ExecuteStrategy, "single")
	found.check(isInterval(s.Intervals, single), "intervals %q must be a whole number from 1 up, or for single a time such as 2026-01-02 15:04:05", s.Intervals)
	found.check(isText(s.CallbackURL), "the callback URL is missing, or not UTF-8")
	for _, id := range slices.Sorted(maps.Keys(s.Params)) {
		found.checkParams(id, s.Params[id])
		for _, name := range slices.Sorted(maps.Keys(s.Params[id])) {
			found.check(!strings.ContainsAny(name, "[]"), "model %s: a form cannot carry a parameter named %q", id, name)
		}
	}
	return found
}
