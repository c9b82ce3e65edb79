package runbook

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Program is a document whose expressions can be evaluated. Steps go by their index in the document.
// All errors are Faults, but for ErrNotYetKnown.
type Program struct {
	document *Document
	compiled map[source]*expression
}

// ErrNotYetKnown is what a preview gives for a condition or list that depends on how steps end.
var ErrNotYetKnown = errors.New("depends on steps that have not run")

// When reports whether a step's condition holds; true where there is none.
func (p *Program) When(step int, s Scope) (bool, error) {
	text := p.document.Steps[step].When
	if text == "" {
		return true, nil
	}
	value, err := p.value(source{text, false}, s)
	if err != nil {
		return false, at(step, "when", err)
	}
	holds, ok := value.(types.Bool)
	if !ok {
		return false, at(step, "when", fmt.Errorf("wants to give true or false, gave %s", value.Type().TypeName()))
	}
	return bool(holds), nil
}

// ForEach returns the items of a step, at most MaxItems; nil where it has no ForEach.
func (p *Program) ForEach(step int, s Scope) ([]any, error) {
	text := p.document.Steps[step].ForEach
	if text == "" {
		return nil, nil
	}
	value, err := p.value(source{text, false}, s)
	if err != nil {
		return nil, at(step, "forEach", err)
	}
	list, ok := value.(traits.Lister)
	if !ok {
		return nil, at(step, "forEach", fmt.Errorf("wants to give a list, gave %s", value.Type().TypeName()))
	}
	if list.Size().(types.Int) > MaxItems {
		return nil, at(step, "forEach", fmt.Errorf("gives %v items, at most %d are taken", list.Size(), MaxItems))
	}
	items, err := native(list)
	if err != nil {
		return nil, at(step, "forEach", err)
	}
	return items.([]any), nil
}

// Job returns a step's plan or model with its expressions replaced.
func (p *Program) Job(step int, s Scope) (Job, error) {
	r := p.renderer(step, s)
	job := p.document.Steps[step].Job.withTexts(stepPath(step), r.text)
	return job, r.faults.Err()
}

// Rollback returns what undoes a step, with its expressions replaced.
func (p *Program) Rollback(step int, s Scope) (Job, error) {
	r := p.renderer(step, s)
	job := p.document.Steps[step].Rollback.withTexts(join(stepPath(step), "rollback"), r.text)
	return job, r.faults.Err()
}

// Approval returns a step's question with its expressions replaced.
func (p *Program) Approval(step int, s Scope) (Approval, error) {
	r := p.renderer(step, s)
	approval := p.document.Steps[step].Approval.withTexts(join(stepPath(step), "approval"), r.text)
	return approval, r.faults.Err()
}

// Nested returns a step's runbook with the expressions in its vars replaced by their values: a document
// that can be run on its own.
func (p *Program) Nested(step int, s Scope) (Document, error) {
	r := p.renderer(step, s)
	nested := *p.document.Steps[step].Runbook
	if nested.Vars != nil {
		nested.Vars = withTextsIn(map[string]any(nested.Vars), join(stepPath(step), "runbook.vars"), r.value).(map[string]any)
	}
	return nested, r.faults.Err()
}

// value evaluates an expression.
func (p *Program) value(of source, s Scope) (ref.Val, error) {
	e := p.compiled[of]
	if e == nil || e.program == nil {
		return nil, errors.New("is not what was compiled: the document was changed since")
	}
	for id := range sorted(e.steps) {
		if _, known := s.Steps[id]; !known {
			if s.Preview {
				return nil, ErrNotYetKnown
			}
			return nil, fmt.Errorf("nothing is known of step %q", id)
		}
	}
	if e.item && s.Item == nil && s.Preview {
		return nil, ErrNotYetKnown
	}
	return e.evaluate(s)
}

func stepPath(step int) string { return index("steps", step) }

func at(step int, field string, err error) error {
	if errors.Is(err, ErrNotYetKnown) {
		return fmt.Errorf("%s %w", join(stepPath(step), field), err)
	}
	return Faults{{Path: join(stepPath(step), field), Problem: err.Error()}}
}
