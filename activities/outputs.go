package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
	"unicode/utf8"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
)

// PlanInstance is the input of PlanOutputs.
type PlanInstance struct {
	PlanID     string `json:"planId"`
	InstanceID string `json:"instanceId"`
	// Limit is the size in bytes of JSON that the outputs are cut to; 0 is no limit.
	Limit int `json:"limit"`
	// Read are the outputs that are read by name: they are the last to be cut.
	Read []string `json:"read,omitempty"`
	Ending
}

// Ending is what a run knows of the end of the instance whose outputs it asks for.
type Ending struct {
	// EndedAt is when the run learned of it; zero where what there is now is asked for.
	EndedAt time.Time `json:"endedAt,omitzero"`
	// Failed instances may have no outputs at all.
	Failed bool `json:"failed,omitempty"`
}

// The platform may store the outputs of an instance a moment after it has called back. For so long after the end, an
// empty list and a refusal say only that they are not there yet.
const (
	lateOutputs  = 5 * time.Second // which most instances without outputs are held up for
	lateInstance = time.Minute     // because a refusal would cost a run that has succeeded its outputs
)

// PlanOutputs fetches the outputs of an instance's nodes (P6), without the values of secrets. Where they are larger
// than the limit, the longest results are cut, each with a mark at its end that says so and by how much.
func (a *Activities) PlanOutputs(ctx context.Context, in PlanInstance) ([]ModelOutputs, error) {
	answer, err := a.platform.PlanOutputs(ctx, in.PlanID, in.InstanceID)
	empty := !slices.ContainsFunc(answer, func(m platform.ModelOutputs) bool { return len(m.Nodes) > 0 })
	doing := fmt.Sprintf("fetch the outputs of plan %s, instance %s", in.PlanID, in.InstanceID)
	if err := outputsError(ctx, doing, in.Ending, empty, err); err != nil {
		return nil, err
	}
	outputs := make([]ModelOutputs, len(answer))
	for i, model := range answer {
		outputs[i] = ModelOutputs{ModelID: model.ModelID, ModelName: model.ModelName, Nodes: nodesOf(model.Nodes)}
	}
	a.secrets.redact(outputs)
	return fit(outputs, in.Limit, in.Read), nil
}

// outputsError is readError, but where outputs may not be there yet it has Temporal ask again.
func outputsError(ctx context.Context, doing string, end Ending, empty bool, err error) error {
	var late time.Duration
	switch {
	case err == nil && empty, refused(err) && end.Failed:
		late = lateOutputs
	case refused(err):
		late = lateInstance
	}
	info := activity.GetInfo(ctx)
	left := end.EndedAt.Add(late).Sub(info.StartedTime) // both by the server's clock
	if info.IsLocalActivity {
		left = late // it is the first to ask, and goes by a clock of its own
	}
	if end.EndedAt.IsZero() || left <= 0 {
		return readError(doing, err)
	}
	if err == nil {
		err = errors.New("there are none yet")
	}
	pause := time.Second << min(info.Attempt-1, 5)
	return temporal.NewApplicationErrorWithOptions(fmt.Sprintf("%s: %v; the platform is asked again", doing, err), ErrorPlatform,
		temporal.ApplicationErrorOptions{Details: []any{faultOf(err)}, NextRetryDelay: min(pause, left)})
}

func nodesOf(answer []platform.NodeOutput) []NodeOutput {
	nodes := make([]NodeOutput, len(answer))
	for i, node := range answer {
		nodes[i] = NodeOutput{Name: node.Name, Result: node.Result}
	}
	return nodes
}

// fit makes outputs fit into limit bytes of JSON; 0 is no limit. Those that are read are cut, and left out, after all others.
func fit(outputs []ModelOutputs, limit int, read []string) []ModelOutputs {
	if limit <= 0 {
		return outputs
	}
	dropped, last := 0, 0
	for _, kept := range [][]string{read, nil} {
		cut(outputs, limit, kept)
		if jsonSize(outputs) <= limit {
			break
		}
		if dropped == 0 {
			limit -= markRoom
		}
		more := 0
		more, last = drop(outputs, limit, kept)
		dropped += more
	}
	if dropped > 0 {
		outputs[last].Nodes = append(outputs[last].Nodes, NodeOutput{
			Name: runbook.LeftOut, Result: fmt.Sprintf("[cut: %d more outputs]", dropped), Cut: true,
		})
	}
	return outputs
}

// cut shortens the longest results, but those that are read, until all outputs fit into limit bytes of JSON. Short
// results stay whole: they are what later steps decide by.
func cut(outputs []ModelOutputs, limit int, read []string) {
	size := jsonSize(outputs)
	if size <= limit {
		return
	}
	var results []*NodeOutput
	total := 0
	for i := range outputs {
		for j := range outputs[i].Nodes {
			if node := &outputs[i].Nodes[j]; !slices.Contains(read, node.Name) {
				results = append(results, node)
				total += jsonSize(node.Result)
			}
		}
	}
	room := max(0, limit-(size-total))
	allowed := sort.Search(limit, func(allowed int) bool {
		needed := 0
		for _, result := range results {
			needed += min(jsonSize(result.Result), allowed+markRoom)
		}
		return needed > room
	}) - 1
	for _, result := range results {
		if jsonSize(result.Result) > allowed+markRoom {
			result.Result, result.Cut = shorten(result.Result, allowed), true
		}
	}
}

// drop leaves out the last nodes, but those that are kept, where their names alone are more than limit bytes of JSON. It
// returns how many, and the model that it came to.
func drop(outputs []ModelOutputs, limit int, kept []string) (dropped, last int) {
	left := jsonSize(outputs) - limit
	for i := len(outputs) - 1; i >= 0 && left > 0; i-- {
		nodes := outputs[i].Nodes
		last = i
		for n := len(nodes) - 1; n >= 0 && left > 0; n-- {
			if slices.Contains(kept, nodes[n].Name) {
				continue
			}
			left -= jsonSize(nodes[n])
			nodes = slices.Delete(nodes, n, n+1)
			dropped++
		}
		outputs[i].Nodes = nodes
	}
	return dropped, last
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
