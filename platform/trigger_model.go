package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/dpaflow/dpaflow/internal/endpoint"
	"github.com/dpaflow/dpaflow/internal/ids"
)

// maxSyncTimeout is far longer than any connection lives.
const maxSyncTimeout = 24 * time.Hour

// ModelTrigger is what a model is run with (W3). It prints without parameters
// and callback URL, which may be secrets.
type ModelTrigger struct {
	ModelID string
	// Params are the values by name.
	Params map[string]string
	// CallbackURL is where the platform sends news of the instance; empty for none.
	CallbackURL string
	// ExecutePath is the path of W3 for this run, as endpoint.CheckExecutePath says; empty for that of
	// Config.ModelExecutePath.
	ExecutePath string
	// Sync makes the platform answer when the instance has ended, but no later than after SyncTimeout.
	Sync bool
	// SyncTimeout is sent in whole seconds, rounded up; 30 s where Sync is given without it, 24 h at most.
	// The call may take that much longer than Config.Timeout.
	SyncTimeout time.Duration
	// DesignatedOutputsOnly limits the outputs of a synchronous answer to the nodes that the model designates.
	DesignatedOutputsOnly bool
	// Private lists what must not come back in an error's text, such as the secrets among Params.
	// The callback URL always is such.
	Private []string
	// Intend is called once, when nothing but writing the request is left: it begins to be written before until, or
	// not at all (ErrLeaseExpired). After an error nothing is sent. Nil sets no limit.
	Intend func(ctx context.Context) (until time.Time, err error)
}

// String names the model and shows nothing that may be secret.
func (t ModelTrigger) String() string {
	return fmt.Sprintf("model %s with %d parameters", t.ModelID, len(t.Params))
}

// GoString is String.
func (t ModelTrigger) GoString() string { return t.String() }

// LogValue logs what String shows.
func (t ModelTrigger) LogValue() slog.Value { return slog.StringValue(t.String()) }

// ModelAnswer is what the platform answers to the trigger of a model (W3).
type ModelAnswer struct {
	InstanceID string
	// Status is the platform's own word; empty where it gives none.
	Status string
	// Outputs are nil unless the trigger was synchronous and the answer has them.
	Outputs []NodeOutput
}

var modelInstance = naming{kind: "model", of: "modelId", instance: "instanceId", bare: true}

// TriggerModel runs a model (W3). It is sent at most once, and only to the
// platform's own host. Where it fails, OutcomeOf tells what is known: an answer
// that does not name exactly one instance of this model, for one, leaves it Unknown.
func (c *Client) TriggerModel(ctx context.Context, t ModelTrigger) (ModelAnswer, error) {
	const name = "W3 trigger model"
	if t.ExecutePath == "" {
		t.ExecutePath = c.config.ModelExecutePath
	}
	if t.Sync && t.SyncTimeout == 0 {
		t.SyncTimeout = syncTimeout
	}
	if err := inputError(name, t.faults()); err != nil {
		return ModelAnswer{}, err
	}
	t.SyncTimeout = (t.SyncTimeout + time.Second - 1).Truncate(time.Second)
	r := request{
		endpoint: name,
		method:   http.MethodPost,
		path:     endpoint.ExecutePath(t.ExecutePath, t.ModelID),
		body:     t.body(),
		intend:   t.Intend,
		private:  append(callbackParts(t.CallbackURL), t.Private...),
	}
	if t.Sync {
		r.patience = t.SyncTimeout
	}
	instance, err := c.triggerInstance(ctx, r, modelInstance, t.ModelID)
	if err != nil {
		return ModelAnswer{}, err
	}
	answer := ModelAnswer{
		InstanceID: ids.Parse(instance[modelInstance.instance]),
		Status:     parseText(instance["status"]),
	}
	if t.Sync {
		answer.Outputs = outputsIn(instance[modelAnswerOutputs])
	}
	return answer, nil
}

// outputsIn are nil where there are none that can be read: W7 has them too, and
// that the model was triggered is certain all the same.
func outputsIn(raw json.RawMessage) []NodeOutput {
	var nodes list[wireNode]
	if len(raw) == 0 || string(raw) == "null" || json.Unmarshal(raw, &nodes) != nil {
		return nil
	}
	return mapped(nodes, wireNode.output)
}

// modelExecution has the fields and their order from the documents' sample.
type modelExecution struct {
	Sync        string            `json:"sync"`
	Params      map[string]string `json:"mapParam,omitempty"`
	Designated  string            `json:"paramFlag"`
	CallbackURL string            `json:"callbackUrl,omitempty"`
	Seconds     string            `json:"second,omitempty"`
}

func (t ModelTrigger) body() modelExecution {
	return modelExecution{
		Sync: wireBool(t.Sync), Params: t.Params, Designated: wireBool(t.DesignatedOutputsOnly),
		CallbackURL: t.CallbackURL, Seconds: wireSeconds(t.SyncTimeout),
	}
}

func (t ModelTrigger) faults() (found faults) {
	found.checkParams(t.ModelID, t.Params)
	found.check(utf8.ValidString(t.CallbackURL), "the callback URL is not UTF-8")
	found.check(t.SyncTimeout >= 0 && t.SyncTimeout <= maxSyncTimeout, "syncTimeout must be from 0 to %s", maxSyncTimeout)
	if t.ExecutePath == "" {
		found.check(false, "executePath is missing: set DPA_MODEL_EXECUTE_PATH, or give the run a path of its own")
		return found
	}
	if err := endpoint.CheckExecutePath(t.ExecutePath); err != nil {
		found.check(false, "executePath %v", err)
	} else if err := endpoint.CheckExecution(t.ExecutePath, t.ModelID); err != nil {
		found.check(false, "executePath for model %q %v", t.ModelID, err)
	}
	return found
}
