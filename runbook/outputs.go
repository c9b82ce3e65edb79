package runbook

import (
	"fmt"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// ModelOutputs are what the nodes of one model gave out.
type ModelOutputs struct {
	ModelID   string       `json:"modelId"`
	ModelName string       `json:"modelName"`
	Nodes     []NodeOutput `json:"nodes"`
}

// LeftOut is the name of a node that stands, with Cut, for those which are missing because all of them
// together were too large.
const LeftOut = "…"

// NodeOutput is the output of one node.
type NodeOutput struct {
	Name   string `json:"name"`
	Result string `json:"result"`
	// Cut is true where Result is only the beginning.
	Cut bool `json:"cut,omitempty"`
}

// outputs are node name → result as expressions see them. What cannot be used is there with the reason:
// an expression that touches it fails with that reason.
type outputs struct {
	traits.Mapper
	unusable map[string]string
	leftOut  string // why a name that is not there may have been
}

// outputsOf makes one map of the outputs of several models.
func outputsOf(models []ModelOutputs) ref.Val {
	o := outputs{unusable: map[string]string{}}
	results, of := map[string]string{}, map[string]string{}
	for _, model := range models {
		for _, node := range model.Nodes {
			if node.Cut && node.Name == LeftOut {
				o.leftOut = "the outputs were too large, and some of them were left out: " + node.Result
				continue
			}
			first, twice := of[node.Name]
			switch {
			case twice && first == model.ModelID:
				o.unusable[node.Name] = fmt.Sprintf("model %s has several outputs called %q", model.ModelID, clip(node.Name))
			case twice:
				o.unusable[node.Name] = fmt.Sprintf("models %s and %s both have an output called %q: use .models['%s'].outputs",
					first, model.ModelID, clip(node.Name), first)
			case node.Cut:
				o.unusable[node.Name] = fmt.Sprintf("output %q was too large and was cut, so it cannot be used in an expression", clip(node.Name))
			}
			results[node.Name], of[node.Name] = node.Result, model.ModelID
		}
	}
	mapper := orderedMap{types.NewStringStringMap(types.DefaultTypeAdapter, results)}
	if len(o.unusable) == 0 && o.leftOut == "" {
		return mapper
	}
	o.Mapper = mapper
	return o
}

// Find returns an output, or why it cannot be used.
func (o outputs) Find(key ref.Val) (ref.Val, bool) {
	name, _ := key.(types.String)
	if reason, unusable := o.unusable[string(name)]; unusable {
		return types.NewErr("%s", reason), true
	}
	value, found := o.Mapper.Find(key)
	if !found && o.leftOut != "" {
		return types.NewErr("%s", o.leftOut), true
	}
	return value, found
}

// Get returns an output, or why it cannot be used.
func (o outputs) Get(key ref.Val) ref.Val {
	if value, found := o.Find(key); found {
		return value
	}
	return o.Mapper.Get(key)
}

// Contains reports whether there is an output of that name; one that is unusable is there.
func (o outputs) Contains(key ref.Val) ref.Val {
	if found := o.Mapper.Contains(key); found == types.True || o.leftOut == "" {
		return found
	}
	return types.NewErr("%s", o.leftOut)
}

// Equal compares all outputs.
func (o outputs) Equal(ref.Val) ref.Val { return firstError(o) }

// Size counts the outputs.
func (o outputs) Size() ref.Val {
	if o.leftOut != "" {
		return types.NewErr("%s", o.leftOut)
	}
	return o.Mapper.Size()
}

// firstError is the first value among the parts of values that cannot be used; nil if there is none.
func firstError(values ...ref.Val) ref.Val {
	for _, value := range values {
		switch value := value.(type) {
		case *types.Err:
			return value
		case traits.Lister:
			for it := value.Iterator(); it.HasNext() == types.True; {
				if err := firstError(it.Next()); err != nil {
					return err
				}
			}
		case traits.Mapper:
			if size := value.Size(); types.IsError(size) {
				return size
			}
			for it := value.Iterator(); it.HasNext() == types.True; {
				if err := firstError(value.Get(it.Next())); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
