package runbook

import "maps"

// Part is a piece of a document that New puts together: a Step, Vars, or an option of the document.
type Part interface{ addTo(*Document) }

// Option sets a field of a document.
type Option func(*Document)

// StepOption sets fields of a step. Those that have no function here can be set by one of your own.
type StepOption func(*Step)

func (s Step) addTo(d *Document)   { d.Steps = append(d.Steps, s) }
func (o Option) addTo(d *Document) { o(d) }

func (v Vars) addTo(d *Document) {
	if d.Vars == nil {
		d.Vars = Vars{}
	}
	maps.Copy(d.Vars, v.plain())
}

// plain returns the variables as a document has them that was parsed.
func (v Vars) plain() Vars {
	result := make(Vars, len(v))
	for name := range Sorted(v) {
		value, err := plain(v[name])
		if err != nil {
			value = v[name] // Validate tells what is wrong with it
		}
		result[name] = value
	}
	return result
}

// Last are the steps of Finally.
func Last(steps ...Step) Option {
	return func(d *Document) { d.Finally = append(d.Finally, steps...) }
}

// New makes a document of its parts, the steps in the order in which they are given. Validate says
// whether it can be run.
func New(name string, parts ...Part) *Document {
	d := &Document{Name: name}
	for _, part := range parts {
		part.addTo(d)
	}
	return d
}

// Plan is a step that runs a plan.
func Plan(id, planID string, options ...StepOption) Step {
	return newStep(id, func(s *Step) { s.Plan = planID }, options)
}

// Model is a step that runs a model.
func Model(id, modelID string, options ...StepOption) Step {
	return newStep(id, func(s *Step) { s.Model = modelID }, options)
}

// Approve is a step that asks people.
func Approve(id string, approval Approval, options ...StepOption) Step {
	return newStep(id, func(s *Step) { s.Approval = &approval }, options)
}

// Ask is a step that people do by hand.
func Ask(id string, task Task, options ...StepOption) Step {
	return newStep(id, func(s *Step) { s.Ask = &task }, options)
}

// Wait is a step that lets time pass.
func Wait(id string, d Duration, options ...StepOption) Step {
	return newStep(id, func(s *Step) { s.Wait = &Timer{For: d} }, options)
}

// WaitFor is a step that waits for a time, or for a window.
func WaitFor(id string, timer Timer, options ...StepOption) Step {
	return newStep(id, func(s *Step) { s.Wait = &timer }, options)
}

// Nest is a step that runs a runbook as a part of this one.
func Nest(id string, nested *Document, options ...StepOption) Step {
	return newStep(id, func(s *Step) { s.Runbook = nested }, options)
}

func newStep(id string, kind StepOption, options []StepOption) Step {
	s := Step{ID: id}
	kind(&s)
	for _, option := range options {
		option(&s)
	}
	return s
}

// With gives a plan or model its inputs.
func With(params Params) StepOption { return func(s *Step) { s.Params = params } }

// Give gives the variables of a nested runbook their values, which may hold expressions of the runbook around it. Then it
// knows nothing else of that one.
func Give(values Vars) StepOption { return func(s *Step) { s.With = values.plain() } }

// Needs lets the step come after those; after none it starts at once.
func Needs(needs ...Need) StepOption {
	return func(s *Step) { s.Needs = append([]Need{}, needs...) }
}

// After lets the step come after those of these ids.
func After(ids ...string) StepOption {
	return func(s *Step) {
		s.Needs = []Need{}
		for _, id := range ids {
			s.Needs = append(s.Needs, Need{Step: id})
		}
	}
}

// If sets the condition of the step.
func If(expression string) StepOption { return func(s *Step) { s.When = expression } }

// Each lets the step run for each item of a list.
func Each(expression string) StepOption { return func(s *Step) { s.ForEach = expression } }

// IfFailed says what becomes of the runbook when the step fails.
func IfFailed(then OnFailure) StepOption { return func(s *Step) { s.OnFailure = then } }

// Undo sets what undoes the step.
func Undo(job Job) StepOption { return func(s *Step) { s.Rollback = &Rollback{Job: job} } }
