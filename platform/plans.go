package platform

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/dpaflow/dpaflow/internal/endpoint"
)

// Plan is a plan (预案) in the platform's list (P2).
type Plan struct {
	ID    string `json:"planId"`
	Title string `json:"title"`
	// Status is that of the plan, not of one instance: a hint only. It is in upper case.
	Status   string `json:"status"`
	StepNums int64  `json:"stepNums"`
	Version  int64  `json:"version"`
	// CreateTime and UpdateTime are zero where the platform gives none that can be read.
	CreateTime time.Time `json:"createTime,omitzero"`
	UpdateTime time.Time `json:"updateTime,omitzero"`
	CreateUser string    `json:"createUser"`
	UpdateUser string    `json:"updateUser"`
}

// ModelInputs are the inputs that one model of a plan declares (P3).
type ModelInputs struct {
	ModelID   string  `json:"modelId"`
	ModelName string  `json:"modelName"`
	Inputs    []Input `json:"inputs"`
}

// Input is one declared input; the documents show no other type than "running".
type Input struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type wireInput struct {
	Name text `json:"name"`
	Type text `json:"type"`
}

func (w wireInput) input() Input { return Input{Name: string(w.Name), Type: string(w.Type)} }

// ModelOutputs are the outputs that one model of a plan's instance left (P6).
type ModelOutputs struct {
	ModelID   string       `json:"modelId"`
	ModelName string       `json:"modelName"`
	Nodes     []NodeOutput `json:"nodes"`
}

// NodeOutput is the output of one node. A result that is no string is its JSON text.
type NodeOutput struct {
	Name   string `json:"name"`
	Result string `json:"result"`
}

type wireNode struct {
	Name   text `json:"nodeName"`
	Result text `json:"result"`
}

func (w wireNode) output() NodeOutput {
	return NodeOutput{Name: string(w.Name), Result: string(w.Result)}
}

// Plans lists the plans that the client may see (P2).
func (c *Client) Plans(ctx context.Context) ([]Plan, error) {
	type item struct {
		ID         identity `json:"processPlanId"`
		Title      text     `json:"title"`
		Status     status   `json:"status"`
		StepNums   integer  `json:"stepNums"`
		Version    integer  `json:"version"`
		CreateTime millis   `json:"createTime"`
		UpdateTime millis   `json:"updateTime"`
		CreateUser text     `json:"createUser"`
		UpdateUser text     `json:"updateUser"`
	}
	found, err := fetch[list[item]](ctx, c, request{
		endpoint: "P2 list plans",
		method:   http.MethodGet,
		path:     endpoint.Plans,
	})
	return each(found, err, func(i item) Plan {
		return Plan{
			ID: string(i.ID), Title: string(i.Title), Status: string(i.Status),
			StepNums: int64(i.StepNums), Version: int64(i.Version),
			CreateTime: time.Time(i.CreateTime), UpdateTime: time.Time(i.UpdateTime),
			CreateUser: string(i.CreateUser), UpdateUser: string(i.UpdateUser),
		}
	})
}

// PlanInputs lists what a plan's models declare as inputs (P3).
func (c *Client) PlanInputs(ctx context.Context, planID string) ([]ModelInputs, error) {
	const name = "P3 inputs of a plan"
	type item struct {
		ModelID identity        `json:"processModelId"`
		Name    text            `json:"modelName"`
		Params  list[wireInput] `json:"mapParam"`
	}
	if err := checkIDs(name, "plan id", planID); err != nil {
		return nil, err
	}
	found, err := fetch[list[item]](ctx, c, request{
		endpoint: name,
		method:   http.MethodPost,
		path:     endpoint.PlanInputs,
		body: struct {
			PlanID string `json:"processPlanId"`
		}{planID},
	})
	return each(found, err, func(i item) ModelInputs {
		return ModelInputs{ModelID: string(i.ModelID), ModelName: string(i.Name), Inputs: mapped(i.Params, wireInput.input)}
	})
}

// PlanOutputs lists what the nodes of a plan's instance left (P6).
func (c *Client) PlanOutputs(ctx context.Context, planID, instanceID string) ([]ModelOutputs, error) {
	const name = "P6 outputs of a plan"
	type item struct {
		ModelID identity       `json:"processModelId"`
		Name    text           `json:"modelName"`
		Nodes   list[wireNode] `json:"mapParam"`
	}
	if err := checkIDs(name, "plan id", planID, "instance id", instanceID); err != nil {
		return nil, err
	}
	found, err := fetch[list[item]](ctx, c, request{
		endpoint: name,
		method:   http.MethodGet,
		path:     endpoint.PlanOutputs,
		query:    url.Values{"processPlanId": {planID}, "planInstanceId": {instanceID}},
	})
	return each(found, err, func(i item) ModelOutputs {
		return ModelOutputs{ModelID: string(i.ModelID), ModelName: string(i.Name), Nodes: mapped(i.Nodes, wireNode.output)}
	})
}

// each maps what was read to what is given out, if it could be read.
func each[In, Out any](items []In, err error, out func(In) Out) ([]Out, error) {
	if err != nil {
		return nil, err
	}
	return mapped(items, out), nil
}

// mapped never makes nil of an empty list.
func mapped[In, Out any](items []In, out func(In) Out) []Out {
	list := make([]Out, len(items))
	for i, item := range items {
		list[i] = out(item)
	}
	return list
}

// checkIDs refuses ids that are empty, or that JSON could not carry unchanged.
func checkIDs(endpoint string, namesAndIDs ...string) error {
	var faults []string
	for pair := range slices.Chunk(namesAndIDs, 2) {
		if !isText(pair[1]) {
			faults = append(faults, fmt.Sprintf("%q is no %s", pair[1], pair[0]))
		}
	}
	return inputError(endpoint, faults)
}
