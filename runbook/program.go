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
	declared map[*Document]*declarations
	uses     map[*Document][]Use
}

// ErrNotYetKnown is what a preview gives for a condition or list that depends on how steps end.
var ErrNotYetKnown = errors.New("depends on steps that have not run")

// When reports whether a step's condition holds; true where there is none.
func (p *Program) When(step int, s Scope) (bool, error) {
	text := p.document.Step(step).When
	if text == "" {
		return true, nil
	}
	value, err := p.value(source{text, false}, s)
	if err != nil {
		return false, p.at(step, "when", err)
	}
	holds, ok := value.(types.Bool)
	if !ok {
		return false, p.at(step, "when", fmt.Errorf("must give true or false, gave %s", value.Type().TypeName()))
	}
	return bool(holds), nil
}

// Until reports whether what a step, or item, gave out in the end of a round satisfies it.
func (p *Program) Until(step int, s Scope) (bool, error) {
	written := p.document.Step(step)
	value, err := p.value(source{written.Until, written.ForEach != ""}, s)
	if err != nil {
		return false, p.at(step, "until", err)
	}
	satisfied, ok := value.(types.Bool)
	if !ok {
		return false, p.at(step, "until", fmt.Errorf("must give true or false, gave %s", value.Type().TypeName()))
	}
	return bool(satisfied), nil
}

// ForEach returns the items of a step, at most MaxItems; nil where it has no ForEach.
func (p *Program) ForEach(step int, s Scope) ([]any, error) {
	text := p.document.Step(step).ForEach
	if text == "" {
		return nil, nil
	}
	value, err := p.value(source{text, false}, s)
	if err != nil {
		return nil, p.at(step, "forEach", err)
	}
	list, ok := value.(traits.Lister)
	if !ok {
		return nil, p.at(step, "forEach", fmt.Errorf("must give a list, gave %s", value.Type().TypeName()))
	}
	if list.Size().(types.Int) > MaxItems {
		return nil, p.at(step, "forEach", fmt.Errorf("gives %v items, at most %d are taken", list.Size(), MaxItems))
	}
	items, err := native(list)
	if err != nil {
		return nil, p.at(step, "forEach", err)
	}
	return items.([]any), nil
}

// Job returns a step's plan or model with its expressions replaced.
func (p *Program) Job(step int, s Scope) (Job, error) {
	r := p.renderer(step, s)
	job := p.withSecrets(p.document.Step(step).Job).withTexts(p.document.Place(step), r.text)
	return job, r.faults.Err()
}

// Rollback returns what undoes a step, with its expressions replaced.
func (p *Program) Rollback(step int, s Scope) (Job, error) {
	r := p.renderer(step, s)
	job := p.withSecrets(p.document.Step(step).Rollback.Job).withTexts(join(p.document.Place(step), "rollback"), r.text)
	return job, r.faults.Err()
}

func (p *Program) withSecrets(job Job) Job { return job.WithSecrets(p.declared[p.document].secrets) }

// Approval returns a step's question with its expressions replaced.
func (p *Program) Approval(step int, s Scope) (Approval, error) {
	r := p.renderer(step, s)
	at := join(p.document.Place(step), "approval")
	approval := p.document.Step(step).Approval.withTexts(at, r.text)
	approval.Approvers = r.approvers(join(at, "approvers"), p.document.Step(step).Approval.Approvers)
	if people := len(approval.Approvers); people > 0 && approval.Quorum > people {
		r.faults.add(join(at, "quorum"), "%d people must approve, but only %d may", approval.Quorum, people)
	}
	return approval, r.faults.Err()
}

// Timer returns what a step waits for, with its expressions replaced.
func (p *Program) Timer(step int, s Scope) (Timer, error) {
	r := p.renderer(step, s)
	at := join(p.document.Place(step), kindWait)
	timer := p.document.Step(step).Wait.withTexts(at, r.text)
	if len(r.faults) == 0 {
		r.faults = timer.faults(at, !s.Preview)
	}
	return timer, r.faults.Err()
}

// Inner returns the program of a step's runbook.
func (p *Program) Inner(step int) *Program {
	return &Program{document: p.document.Step(step).Runbook, compiled: p.compiled, declared: p.declared, uses: p.uses}
}

// value evaluates an expression.
func (p *Program) value(of source, s Scope) (ref.Val, error) {
	e := p.compiled[of]
	if e == nil || e.program == nil {
		return nil, errors.New("is not what was compiled: the document was changed since")
	}
	for id := range Sorted(e.steps) {
		if _, known := s.known(id); !known {
			if s.Preview {
				return nil, ErrNotYetKnown
			}
			return nil, fmt.Errorf("nothing is known of step %q", id)
		}
	}
	if s.Preview && (e.item && s.Item == nil || e.outcome || e.touches(s.Vars)) {
		return nil, ErrNotYetKnown
	}
	s.Vars = p.visible(s.Vars)
	return e.evaluate(s)
}

func (p *Program) at(step int, field string, err error) error {
	path := join(p.document.Place(step), field)
	if errors.Is(err, ErrNotYetKnown) {
		return fmt.Errorf("%s %w", path, err)
	}
	return Faults{{Path: path, Problem: err.Error()}}
}
