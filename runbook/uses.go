package runbook

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Use is what the expressions of a document read of a step's outputs.
type Use struct {
	// Names are the outputs that are read by name; All is true where any may be read.
	Names []string
	All   bool
	// By are the steps that read them, by their index in the document.
	By []int
}

// Read reports whether anything is read.
func (u Use) Read() bool { return len(u.By) > 0 }

// Use returns what is read of a step's outputs.
func (p *Program) Use(step int) Use {
	if all := p.uses[p.document]; all != nil {
		return all[step]
	}
	return Use{}
}

// used notes that a step reads outputs of another one.
func (c *compiler) used(at site, e *expression) {
	for id := range Sorted(e.uses) {
		step, known := at.ids[id]
		if !known {
			continue
		}
		all := c.program.uses[at.document]
		if all == nil {
			all = make([]Use, at.document.Len())
			c.program.uses[at.document] = all
		}
		use, names := &all[step], e.uses[id]
		use.All = use.All || names[anyName]
		for name := range Sorted(names) {
			if name != anyName && !slices.Contains(use.Names, name) {
				use.Names = append(use.Names, name)
			}
		}
		if !slices.Contains(use.By, at.step) {
			use.By = append(use.By, at.step)
		}
	}
}

// anyName stands for outputs whose names are not known before they are read.
const anyName = ""

// use notes which outputs an expression reads, by their steps.
func (e *expression) use(expr ast.Expr) {
	if expr.Kind() == ast.CallKind && expr.AsCall().FunctionName() == operators.In {
		args := expr.AsCall().Args()
		if id, path := ofStep(args[1]); id != "" && args[0].Kind() == ast.LiteralKind {
			name, _ := args[0].AsLiteral().(types.String)
			e.reading(id, append(path, string(name)))
			e.indexes(args[1])
			return
		}
	}
	if id, path := ofStep(expr); id != "" {
		e.reading(id, path)
		e.indexes(expr)
		return
	}
	if expr.Kind() == ast.IdentKind && expr.AsIdent() == "steps" {
		return
	}
	for _, child := range children(expr) {
		e.use(child)
	}
}

// indexes looks into what a path is indexed by.
func (e *expression) indexes(expr ast.Expr) {
	switch expr.Kind() {
	case ast.SelectKind:
		e.indexes(expr.AsSelect().Operand())
	case ast.CallKind:
		args := expr.AsCall().Args()
		e.use(args[1])
		e.indexes(args[0])
	}
}

// reading notes one path, such as outputs.hosts or items[…].outputs.host.
func (e *expression) reading(id string, path []string) {
	if len(path) > 2 && path[0] == "items" {
		path = path[2:]
	}
	if len(path) > 3 && path[0] == "models" {
		path = path[2:]
	}
	name := anyName
	switch {
	case len(path) > 0 && (path[0] == "status" || path[0] == "instanceId"):
		return
	case len(path) > 1 && path[0] == "outputs":
		name = path[1]
	}
	if e.uses[id] == nil {
		e.uses[id] = names{}
	}
	e.uses[id][name] = true
}
