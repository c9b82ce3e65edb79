package runbook

import (
	"maps"
	"slices"
	"strings"
)

// declarations are a document's variables, ready to be bound.
type declarations struct {
	variables map[string]variable
	order     []string // each comes after those that it uses
	secrets   map[string]string
}

// vars reads a document's variables. The expressions in them know other variables, but not in a circle; or, where the
// document stands in another one that gives it nothing, what a step there knows.
func (c *compiler) vars(d *Document, path string, at site) {
	found := &declarations{variables: make(map[string]variable, len(d.Vars)), secrets: d.Secrets()}
	c.program.declared[d] = found
	for name := range Sorted(d.Vars) {
		v, _ := variableOf(d.Vars[name]) // Validate has found what is wrong with it
		found.variables[name] = v
		c.values(v.Default, join(join(join(path, "vars"), name), v.at), at)
	}
	if !at.vars {
		found.order = slices.Collect(Sorted(d.Vars))
		return
	}
	names, needs := c.varNeeds(found)
	for _, v := range order(needs) {
		found.order = append(found.order, names[v])
	}
	for _, circle := range cycles(needs) {
		way := make([]string, len(circle))
		for i, v := range circle {
			way[i] = names[v]
		}
		c.faults.add(join(join(path, "vars"), way[0]), "uses itself in a circle: %s", strings.Join(way, " → "))
	}
}

// values compiles the expressions in a value of Vars.
func (c *compiler) values(value any, path string, at site) {
	withTextsIn(value, path, func(path, text string) any {
		c.text(text, path, at)
		return text
	})
}

// varNeeds are variables in the order of their names, and for each of them those that it uses.
func (c *compiler) varNeeds(of *declarations) (names []string, needs [][]Edge) {
	known := map[string]int{}
	for name := range Sorted(of.variables) {
		known[name] = len(names)
		names = append(names, name)
	}
	needs = make([][]Edge, len(names))
	for i, name := range names {
		withTextsIn(of.variables[name].Default, "", func(_, text string) any {
			parts, _ := split(text) // whose problem is known
			for _, part := range parts {
				if e := c.program.compiled[source{part.text, false}]; part.expression && e != nil {
					for used := range Sorted(e.vars) {
						if v, ok := known[used]; ok {
							needs[i] = append(needs[i], Edge{Step: v})
						}
					}
				}
			}
			return text
		})
	}
	return names, needs
}

// Vars returns the values of the document's variables, with the expressions in them replaced by theirs; of one that
// stands for a secret it is {"secretRef": name}. Each is checked by its declaration. The error is Faults.
func (p *Program) Vars() (Vars, error) { return p.bind(nil) }

// bind gives variables values that are as they are, and the others their defaults.
func (p *Program) bind(given Vars) (Vars, error) {
	if p.document.Vars == nil {
		return nil, nil
	}
	declared := p.declared[p.document]
	r := &renderer{program: p, scope: Scope{Vars: Vars{}, Preview: true}}
	for _, name := range declared.order {
		v, at := declared.variables[name], join("vars", name)
		value, isGiven := given[name]
		switch {
		case v.SecretRef != "":
			r.scope.Vars[name] = map[string]any{"secretRef": v.SecretRef}
			continue
		case !isGiven:
			value = withTextsIn(v.Default, join(at, v.at), r.value)
		}
		if isKnown(value) {
			r.faults.Add(at, v.accept(value))
		}
		r.scope.Vars[name] = value
	}
	return r.scope.Vars, r.faults.Err()
}

// InnerVars returns the values of the variables of a step's runbook. What is not known yet of a preview stays as it is
// written.
func (p *Program) InnerVars(step int, s Scope) (Vars, error) {
	written, inner, path := p.document.Step(step), p.Inner(step), p.document.Place(step)
	r := p.renderer(step, s)
	given := make(Vars, len(written.Runbook.Vars))
	for name := range Sorted(written.With) {
		value, _ := plain(written.With[name]) // Validate has found what is wrong with it
		given[name] = withTextsIn(value, join(join(path, "with"), name), r.value)
	}
	if written.With == nil {
		for _, name := range p.declared[inner.document].order {
			v := p.declared[inner.document].variables[name]
			given[name] = withTextsIn(v.Default, join(join(path, "runbook.vars."+name), v.at), r.value)
		}
	}
	vars, err := inner.bind(given)
	r.faults.Add(join(path, "runbook"), err)
	return vars, r.faults.Err()
}

// visible are the variables that expressions know: those that stand for secrets are not among them.
func (p *Program) visible(vars Vars) Vars {
	declared := p.declared[p.document]
	if len(declared.secrets) == 0 {
		return vars
	}
	seen := maps.Clone(vars)
	for name := range Sorted(declared.secrets) {
		delete(seen, name)
	}
	return seen
}

// touches reports whether the expression uses a variable that is not known.
func (e *expression) touches(vars Vars) bool {
	for name := range Sorted(e.vars) {
		if !isKnown(vars[name]) {
			return true
		}
	}
	return false
}

// unknown is the text of what cannot be rendered yet.
type unknown string

// isKnown reports whether everything in a value is.
func isKnown(value any) bool {
	switch value := value.(type) {
	case unknown:
		return false
	case []any:
		return !slices.ContainsFunc(value, func(item any) bool { return !isKnown(item) })
	case map[string]any:
		for name := range Sorted(value) {
			if !isKnown(value[name]) {
				return false
			}
		}
	}
	return true
}
