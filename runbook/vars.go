package runbook

import "strings"

// vars compiles the expressions in the document's own variables. They may use other variables, but not in a circle.
func (c *compiler) vars(d *Document) {
	for name := range Sorted(d.Vars) {
		withTextsIn(d.Vars[name], join("vars", name), func(path, text string) any {
			c.text(text, path, site{document: d, vars: true})
			return text
		})
	}
	names, needs := c.program.varNeeds()
	for _, circle := range cycles(needs) {
		path := make([]string, len(circle))
		for i, v := range circle {
			path[i] = names[v]
		}
		c.faults.add(join("vars", path[0]), "uses itself in a circle: %s", strings.Join(path, " → "))
	}
}

// varNeeds are the document's variables, and for each of them those that it uses.
func (p *Program) varNeeds() (names []string, needs [][]Edge) {
	known := map[string]int{}
	for name := range Sorted(p.document.Vars) {
		known[name] = len(names)
		names = append(names, name)
	}
	needs = make([][]Edge, len(names))
	for i, name := range names {
		withTextsIn(p.document.Vars[name], "", func(_, text string) any {
			parts, _ := split(text) // compile has found what is wrong with it
			for _, part := range parts {
				if e := p.compiled[source{part.text, false}]; part.expression && e != nil {
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

// Vars returns the document's variables with the expressions in them replaced by their values. Every variable must have
// one, see Bind. The error is Faults.
func (p *Program) Vars() (Vars, error) {
	if p.document.Vars == nil {
		return nil, nil
	}
	names, needs := p.varNeeds()
	r := &renderer{program: p, scope: Scope{Vars: Vars{}}}
	for _, v := range order(needs) {
		name := names[v]
		r.scope.Vars[name] = withTextsIn(p.document.Vars[name], join("vars", name), r.value)
	}
	return r.scope.Vars, r.faults.Err()
}
