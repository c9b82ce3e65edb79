package platform

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/dpaflow/dpaflow/internal/endpoint"
	"github.com/dpaflow/dpaflow/internal/ids"
)

// Model is a model (工作流) in the platform's list (W6).
type Model struct {
	ID   string `json:"modelId"`
	Name string `json:"modelName"`
	// Status is DEFAULT, RUNNING, PENDING, SUCCESS or FAIL, in upper case. A model
	// that is RUNNING or PENDING cannot be run.
	Status   string `json:"status"`
	StepNums int64  `json:"stepNums"`
	// CreateTime and UpdateTime are zero where the platform gives none that can be read.
	CreateTime time.Time `json:"createTime,omitzero"`
	UpdateTime time.Time `json:"updateTime,omitzero"`
	CreateUser string    `json:"createUser"`
}

// ModelInstance is one execution of a model (W4).
type ModelInstance struct {
	ModelID    string `json:"modelId"`
	InstanceID string `json:"instanceId"`
	// Status is DEFAULT, RUNNING, PENDING, FINISH or FAIL, in upper case, or
	// whatever else the platform says.
	Status string `json:"status"`
}

// Models lists the models that the client may see (W6).
func (c *Client) Models(ctx context.Context) ([]Model, error) {
	type item struct {
		ID         identity `json:"processModelId"`
		Name       text     `json:"modelName"`
		Status     status   `json:"status"`
		StepNums   integer  `json:"stepNums"`
		CreateTime millis   `json:"createTime"`
		UpdateTime millis   `json:"updateTime"`
		CreateUser text     `json:"createUser"`
	}
	found, err := fetch[list[item]](ctx, c, request{
		endpoint:    "W6 list models",
		method:      http.MethodPost,
		path:        endpoint.Models,
		contentType: jsonType, // of no body at all, as documented
	})
	return each(found, err, func(i item) Model {
		return Model{
			ID: string(i.ID), Name: string(i.Name), Status: string(i.Status), StepNums: int64(i.StepNums),
			CreateTime: time.Time(i.CreateTime), UpdateTime: time.Time(i.UpdateTime), CreateUser: string(i.CreateUser),
		}
	})
}

// ModelInputs lists what a model declares as inputs (W2), which may be nothing.
func (c *Client) ModelInputs(ctx context.Context, modelID string) ([]Input, error) {
	const name = "W2 inputs of a model"
	if err := checkIDs(name, "model id", modelID); err != nil {
		return nil, err
	}
	found, err := fetch[list[wireInput]](ctx, c, request{
		endpoint: name,
		method:   http.MethodPost,
		path:     endpoint.ModelInputs,
		body: struct {
			ModelID string `json:"processModelId"`
			Type    string `json:"type"`
		}{modelID, "running"},
	})
	return each(found, err, wireInput.input)
}

// ModelStatus asks how a model's instance stands (W4). It is an error if the
// answer tells no status, or tells of another instance.
func (c *Client) ModelStatus(ctx context.Context, modelID, instanceID string) (ModelInstance, error) {
	r := request{
		endpoint:    "W4 status of a model",
		method:      http.MethodGet,
		path:        endpoint.ModelStatus,
		query:       url.Values{"modelId": {modelID}, "instanceId": {instanceID}},
		contentType: formType, // of a GET, as documented
	}
	if err := checkIDs(r.endpoint, "model id", modelID, "instance id", instanceID); err != nil {
		return ModelInstance{}, err
	}
	got, err := c.call(ctx, r)
	if err != nil {
		return ModelInstance{}, err
	}
	found, err := decode[list[struct {
		ModelID    json.RawMessage `json:"modelId"`
		InstanceID json.RawMessage `json:"instanceId"`
		Status     status          `json:"status"`
	}]](r, got)
	if err != nil {
		return ModelInstance{}, err
	}
	// What is there and cannot be read may be the id of another.
	isAbout := func(told json.RawMessage, asked string) bool {
		return parseText(told) == "" || ids.Parse(told) == asked
	}
	switch {
	case len(found) != 1 || found[0].Status == "":
		return ModelInstance{}, got.fault(r.endpoint, errors.New("the answer tells no status"))
	case !isAbout(found[0].ModelID, modelID) || !isAbout(found[0].InstanceID, instanceID):
		return ModelInstance{}, got.fault(r.endpoint, errors.New("the answer tells of another instance"))
	}
	return ModelInstance{ModelID: modelID, InstanceID: instanceID, Status: string(found[0].Status)}, nil
}

// ModelOutputs lists what the nodes of a model's instance left (W7), or with
// designatedOnly those nodes alone whose outputs the model designates.
func (c *Client) ModelOutputs(ctx context.Context, modelID, instanceID string, designatedOnly bool) ([]NodeOutput, error) {
	const name = "W7 outputs of a model"
	if err := checkIDs(name, "model id", modelID, "instance id", instanceID); err != nil {
		return nil, err
	}
	found, err := fetch[list[wireNode]](ctx, c, request{
		endpoint: name,
		method:   http.MethodPost,
		path:     endpoint.ModelOutputs,
		body: struct {
			ModelID    string `json:"modelId"`
			InstanceID string `json:"instanceId"`
			Designated string `json:"paramFlag"`
		}{modelID, instanceID, wireBool(designatedOnly)},
	})
	return each(found, err, wireNode.output)
}
