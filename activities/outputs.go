package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"unicode/utf8"

	"github.com/dpaflow/dpaflow/platform"
)

// PlanInstance is the input of PlanOutputs.
type PlanInstance struct {
	PlanID     string `json:"planId"`
	InstanceID string `json:"instanceId"`
	// Limit is the size in bytes of JSON that the outputs are cut to; 0 is no limit.
	Limit int `json:"limit"`
}

// PlanOutputs fetches the outputs of an instance's nodes (P6). Where they are larger than the limit,
// the longest results are cut, each with a mark at its end that says so and by how much.
func (a *Activities) PlanOutputs(ctx context.Context, in PlanInstance) ([]platform.ModelOutputs, error) {
	outputs, err := a.platform.PlanOutputs(ctx, in.PlanID, in.InstanceID)
	if err != nil {
		return nil, readError(fmt.Sprintf("fetch the outputs of plan %s, instance %s", in.PlanID, in.InstanceID), err)
	}
	return fit(outputs, in.Limit), nil
}

// fit makes outputs fit into limit bytes of JSON; 0 is no limit.
func fit(outputs []platform.ModelOutputs, limit int) []platform.ModelOutputs {
	if limit <= 0 {
		return outputs
	}
	cut(outputs, limit)
	return drop(outputs, limit)
}

// cut shortens the longest results until all outputs fit into limit bytes of JSON. Short results
// stay whole: they are what later steps decide by.
func cut(outputs []platform.ModelOutputs, limit int) {
	size := jsonSize(outputs)
	if size <= limit {
		return
	}
	var results []*string
	total := 0
	for i := range outputs {
		for j := range outputs[i].Nodes {
			result := &outputs[i].Nodes[j].Result
			results = append(results, result)
			total += jsonSize(*result)
		}
	}
	room := max(0, limit-(size-total))
	allowed := sort.Search(limit, func(allowed int) bool {
		needed := 0
		for _, result := range results {
			needed += min(jsonSize(*result), allowed+markRoom)
		}
		return needed > room
	}) - 1
	for _, result := range results {
		if jsonSize(*result) > allowed+markRoom {
			*result = shorten(*result, allowed)
		}
	}
}

// drop leaves out the last nodes where their names alone are more than limit bytes of JSON.
func drop(outputs []platform.ModelOutputs, limit int) []platform.ModelOutputs {
	left := jsonSize(outputs) - limit
	dropped := 0
	for i := len(outputs) - 1; i >= 0 && left > 0; i-- {
		model := &outputs[i]
		for n := len(model.Nodes); n > 0 && left > 0; n-- {
			left -= jsonSize(model.Nodes[n-1])
			model.Nodes = model.Nodes[:n-1]
			if dropped++; dropped == 1 {
				left += markRoom
			}
		}
		if left <= 0 && dropped > 0 {
			model.Nodes = append(model.Nodes, platform.NodeOutput{Name: "…", Result: fmt.Sprintf("[cut: %d more outputs]", dropped)})
		}
	}
	return outputs
}

// markRoom is the space for the longest mark that shorten leaves.
const markRoom = 64

// shorten keeps the first characters of text whose JSON fits into size bytes.
func shorten(text string, size int) string {
	kept, used := 0, 0
	for kept < len(text) {
		_, width := utf8.DecodeRuneInString(text[kept:])
		used += jsonSize(text[kept:kept+width]) - len(`""`)
		if used > size {
			break
		}
		kept += width
	}
	return fmt.Sprintf("%s… [cut: %d of %d bytes]", text[:kept], len(text)-kept, len(text))
}

func jsonSize(value any) int {
	data, err := json.Marshal(value)
	if err != nil {
		return 0 // strings and structs of strings always encode
	}
	return len(data)
}
