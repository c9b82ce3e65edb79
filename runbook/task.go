package runbook

import (
	"slices"
	"strings"
)

// maxFields is how many fields a task may have.
const maxFields = 50

// Task is what people do by hand: the values that they fill in are the step's outputs.
type Task struct {
	// Message is what they are asked; expressions in it are replaced.
	Message string `json:"message"`
	// Fields are the values that they fill in, by name. Every one must be given, but those that have a default.
	Fields map[string]Var `json:"fields"`
	// Who may answer; anyone if empty. Expressions are replaced as in the approvers of an Approval.
	Who []string `json:"who,omitempty"`
	// Timeout is how long to wait for the answer, without which the step has failed; for ever if 0.
	Timeout Duration `json:"timeout,omitzero"`
}

// Asks reports whether the step asks people: by an Approval, or by a Task.
func (s *Step) Asks() bool { return s.Approval != nil || s.Ask != nil }

// Who may answer what the step asks, as it is written.
func (s *Step) Who() []string {
	switch {
	case s.Ask != nil:
		return s.Ask.Who
	case s.Approval != nil:
		return s.Approval.Approvers
	}
	return nil
}

// ReadFields reads what somebody typed into fields, each by its type; of one that there is not, Answer says so. The error
// is Faults.
func ReadFields(fields map[string]Var, typed map[string]string) (map[string]any, error) {
	var faults Faults
	values := make(map[string]any, len(typed))
	for name := range Sorted(typed) {
		value, err := fields[name].Read(typed[name])
		faults.Add(name, err)
		values[name] = value
	}
	return values, faults.Err()
}

// AnswerWithin is how long people have for it; for ever if 0.
func (s *Step) AnswerWithin() Duration {
	if s.Ask != nil {
		return s.Ask.Timeout
	}
	return s.Approval.Timeout
}

// Answer checks the values that somebody fills in, and returns them with the defaults, as outputs: a string as it is,
// anything else as JSON. The error is Faults.
func (t *Task) Answer(values map[string]any) ([]NodeOutput, error) {
	var faults Faults
	for name := range Sorted(values) {
		if _, known := t.Fields[name]; !known {
			faults.add(join("values", name), "there is no such field")
		}
	}
	var outputs []NodeOutput
	for name := range Sorted(t.Fields) {
		field := t.Fields[name]
		value, given := values[name]
		bare, err := plain(value)
		switch {
		case err != nil:
		case !given && field.Default == nil, given && bare == nil:
			faults.add(join("values", name), "is missing: it must be %s", described[field.Type])
			continue
		case !given:
			bare = field.Default
		}
		if err == nil {
			err = field.Check(bare)
		}
		faults.Add(join("values", name), err)
		text, isString := bare.(string)
		if !isString {
			text = show(bare)
		}
		if len(text) > maxMatched {
			faults.add(join("values", name), "must have at most %d bytes, got %d", maxMatched, len(text))
		}
		outputs = append(outputs, NodeOutput{Name: name, Result: text})
	}
	return outputs, faults.capped().Err()
}

func (t Task) withTexts(path string, visit func(path, text string) string) Task {
	t.Message = visit(join(path, "message"), t.Message)
	t.Who = slices.Clone(t.Who)
	for i, who := range t.Who {
		t.Who[i] = visit(index(join(path, "who"), i), who)
	}
	return t
}

// Task returns what a step asks people to do, with its expressions replaced.
func (p *Program) Task(step int, s Scope) (Task, error) {
	r := p.renderer(step, s)
	written := p.document.Step(step).Ask
	at := join(p.document.Place(step), kindAsk)
	task := written.withTexts(at, r.text)
	task.Who = r.approvers(join(at, "who"), written.Who)
	return task, r.faults.Err()
}

func (v *validator) task(t *Task, path string) {
	if t.Message == "" {
		v.missing(path, []string{"", "message"}, "message is missing")
	}
	if len(t.Fields) == 0 {
		v.missing(path, []string{"", "fields"}, "fields is missing: name what people fill in, or use an approval")
	}
	if len(t.Fields) > maxFields {
		v.faults.add(join(path, "fields"), "must have at most %d fields, got %d", maxFields, len(t.Fields))
	}
	for name := range Sorted(t.Fields) {
		field, at := t.Fields[name], join(join(path, "fields"), name)
		if v.decoded.covers(at, "", "type") {
			continue
		}
		v.declaration(field, at)
		value, isConstant := constantOf(field.Default)
		switch {
		case !fieldForm.MatchString(name):
			v.faults.add(at, `the name of a field must be letters, digits, "_", "-" and ".", at most 64`)
		case field.SecretRef != "":
			v.faults.add(join(at, "secretRef"), "does not fit a field: what people fill in stands in the history")
		case !isConstant:
			v.faults.add(join(at, "default"), "takes no expressions")
		default:
			v.faults.Add(join(at, "default"), field.Check(value))
		}
	}
	v.people(t.Who, join(path, "who"))
	v.notNegative(join(path, "timeout"), t.Timeout)
}

// people checks those who may answer.
func (v *validator) people(who []string, path string) {
	for i, name := range who {
		at := index(path, i)
		if name == "" {
			v.missing(at, []string{""}, "must be the name of a person")
		} else if slices.Contains(who[:i], name) {
			v.faults.add(at, "%q is named already", clip(name))
		}
	}
}

func hasExpression(texts []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, opening) })
}
