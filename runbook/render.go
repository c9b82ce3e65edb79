package runbook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// renderer replaces expressions by their values and collects what goes wrong.
type renderer struct {
	program *Program
	scope   Scope
	items   bool
	faults  Faults
}

func (p *Program) renderer(step int, s Scope) *renderer {
	return &renderer{program: p, scope: s, items: p.document.Step(step).ForEach != ""}
}

// text renders a text as a text.
func (r *renderer) text(path, text string) string {
	if !strings.Contains(text, opening) {
		return text
	}
	rendered, err := r.render(text)
	if errors.Is(err, ErrNotYetKnown) {
		return text
	}
	r.faults.Add(path, err)
	return rendered
}

// value renders a text that may be nothing but one expression: that keeps its type. What is not known yet, or went
// wrong, is unknown.
func (r *renderer) value(path, text string) any {
	parts, err := split(text)
	var rendered any
	if err == nil && isExpression(text) {
		var value ref.Val
		if value, err = r.program.value(source{parts[0].text, r.items}, r.scope); err == nil {
			rendered, err = native(value)
		}
	} else if err == nil {
		rendered, err = r.render(text)
	}
	switch {
	case err == nil:
		return rendered
	case !errors.Is(err, ErrNotYetKnown):
		r.faults.Add(path, err)
	}
	return unknown(text)
}

// approvers renders the people who may answer, each of them once. A list stands for those in it.
func (r *renderer) approvers(path string, texts []string) (people []string) {
	for i, text := range texts {
		at := index(path, i)
		value, known := r.value(at, text), len(r.faults)
		if text, isUnknown := value.(unknown); isUnknown {
			value = string(text)
		}
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		for _, value := range list {
			name, ok := value.(string)
			if (!ok || name == "") && len(r.faults) == known {
				r.faults.add(at, "must give the name of a person, or a list of names")
			} else if !slices.Contains(people, name) {
				people = append(people, name)
			}
		}
	}
	if len(texts) > 0 && len(people) == 0 && len(r.faults) == 0 {
		r.faults.add(path, "give nobody who could answer")
	}
	return people
}

func (r *renderer) render(text string) (string, error) {
	parts, err := split(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, part := range parts {
		piece := part.text
		if part.expression {
			value, err := r.program.value(source{part.text, r.items}, r.scope)
			if err != nil {
				return "", err
			}
			if piece, err = textOf(value); err != nil {
				return "", err
			}
		}
		if out.WriteString(piece); out.Len() > maxText {
			return "", fmt.Errorf("the text is longer than %d bytes", maxText)
		}
	}
	return out.String(), nil
}

// textOf writes a value into a text: a text as it is, everything else as JSON.
func textOf(value ref.Val) (string, error) {
	switch value := value.(type) {
	case types.String:
		return string(value), nil
	case types.Null:
		return "", errors.New("gives null, which has no place in a string")
	}
	plain, err := native(value)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(plain)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// withTexts returns the job with what visit makes of each text that may hold expressions. Compiling and
// rendering both go this way, so that neither sees a text that the other does not.
func (j Job) withTexts(path string, visit func(path, text string) string) Job {
	j.Params = j.Params.withTexts(join(path, "params"), visit)
	return j
}

func (p Params) withTexts(path string, visit func(path, text string) string) Params {
	if p == nil {
		return nil
	}
	result := make(Params, len(p))
	for name := range Sorted(p) {
		param, at := p[name], join(path, name)
		if param.Inputs == nil && param.SecretRef == "" {
			param.Text = visit(at, param.Text)
		}
		param.Inputs = param.Inputs.withTexts(at, visit)
		result[name] = param
	}
	return result
}

func (a Approval) withTexts(path string, visit func(path, text string) string) Approval {
	a.Message = visit(join(path, "message"), a.Message)
	a.Approvers = slices.Clone(a.Approvers)
	for i, approver := range a.Approvers {
		a.Approvers[i] = visit(index(join(path, "approvers"), i), approver)
	}
	return a
}

// withTextsIn is withTexts for the values of Vars.
func withTextsIn(value any, path string, visit func(path, text string) any) any {
	switch value := value.(type) {
	case string:
		return visit(path, value)
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = withTextsIn(item, index(path, i), visit)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(value))
		for name := range Sorted(value) {
			object[name] = withTextsIn(value[name], join(path, name), visit)
		}
		return object
	}
	return value
}
