package runbook

import (
	"maps"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// names is a set of ids.
type names map[string]bool

// read notes the steps whose outputs an expression reads without a guard: those that were skipped have none. A guard
// looks at the step's status first, or whether the output is there.
func (e *expression) read(expr ast.Expr, guarded names) {
	if id, reads, _ := ofOutput(expr); reads {
		e.reads[id] = e.reads[id] || !guarded[id]
		return
	}
	if expr.Kind() == ast.CallKind {
		args := expr.AsCall().Args()
		switch expr.AsCall().FunctionName() {
		case operators.Conditional:
			e.read(args[0], guarded)
			below := looks(guarded, args[0])
			e.read(args[1], below)
			e.read(args[2], below)
			return
		case operators.LogicalAnd, operators.LogicalOr: // an error counts only where the other one does not decide
			e.read(args[0], looks(guarded, args[1]))
			e.read(args[1], looks(guarded, args[0]))
			return
		}
	}
	for _, child := range children(expr) {
		e.read(child, guarded)
	}
}

// looks adds the steps that an expression looks at.
func looks(guarded names, expr ast.Expr) names {
	with := maps.Clone(guarded)
	ast.PostOrderVisit(expr, ast.NewExprVisitor(func(expr ast.Expr) {
		if id, _, looks := ofOutput(expr); looks {
			with[id] = true
		}
	}))
	return with
}

// ofOutput says whether an expression by itself reads an output of a step, or looks whether it has one.
func ofOutput(expr ast.Expr) (id string, reads, looks bool) {
	if expr.Kind() == ast.CallKind && expr.AsCall().FunctionName() == operators.In {
		id, path := ofStep(expr.AsCall().Args()[1])
		return id, false, len(path) > 0
	}
	id, path := ofStep(expr)
	looks = len(path) > 0 && (path[0] == "status" || expr.Kind() == ast.SelectKind && expr.AsSelect().IsTestOnly())
	return id, len(path) > 1 && !looks, looks
}

// ofStep takes steps.x.outputs['name'] apart: the step and what is read of it, if an expression is of that form.
func ofStep(expr ast.Expr) (id string, path []string) {
	of, name := expr, ""
	switch expr.Kind() {
	case ast.SelectKind:
		of, name = expr.AsSelect().Operand(), expr.AsSelect().FieldName()
	case ast.CallKind:
		args := expr.AsCall().Args()
		if expr.AsCall().FunctionName() != operators.Index || len(args) != 2 {
			return "", nil
		}
		of = args[0]
		if args[1].Kind() == ast.LiteralKind {
			text, _ := args[1].AsLiteral().(types.String)
			name = string(text)
		}
	default:
		return "", nil
	}
	if of.Kind() == ast.IdentKind && of.AsIdent() == "steps" {
		return name, nil
	}
	if id, path = ofStep(of); id == "" {
		return "", nil
	}
	return id, append(path, name)
}

func children(expr ast.Expr) (all []ast.Expr) {
	switch expr.Kind() {
	case ast.CallKind:
		if call := expr.AsCall(); call.IsMemberFunction() {
			return append([]ast.Expr{call.Target()}, call.Args()...)
		}
		return expr.AsCall().Args()
	case ast.SelectKind:
		return []ast.Expr{expr.AsSelect().Operand()}
	case ast.ListKind:
		return expr.AsList().Elements()
	case ast.MapKind:
		for _, entry := range expr.AsMap().Entries() {
			all = append(all, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
	case ast.ComprehensionKind:
		loop := expr.AsComprehension()
		return []ast.Expr{loop.IterRange(), loop.AccuInit(), loop.LoopCondition(), loop.LoopStep(), loop.Result()}
	}
	return all
}

// conditions are the parts of a condition that must all hold.
func conditions(parsed *cel.Ast) []string {
	var parts []string
	var take func(expr ast.Expr)
	take = func(expr ast.Expr) {
		if expr.Kind() == ast.CallKind && expr.AsCall().FunctionName() == operators.LogicalAnd {
			for _, arg := range expr.AsCall().Args() {
				take(arg)
			}
			return
		}
		text, err := cel.ExprToString(expr, parsed.NativeRep().SourceInfo())
		if err == nil {
			parts = append(parts, text)
		}
	}
	take(parsed.NativeRep().Expr())
	return parts
}

// reading is an expression that reads outputs, and where it stands.
type reading struct {
	*expression
	step int
	path string
}

// unguarded finds the outputs that steps read of others which may have been skipped.
func (c *compiler) unguarded(r *reach, ids map[string]int, readings []reading) {
	condition := func(step int) *expression { return c.program.compiled[source{r.Step(step).When, false}] }
	for _, reading := range readings {
		own := condition(reading.step)
		for id := range Sorted(reading.reads) {
			step, known := ids[id]
			if !known || step == reading.step || !reading.reads[id] {
				continue
			}
			if own != nil && own != reading.expression && own.steps[id] { // the condition has dealt with it
				continue
			}
			if r.Final(reading.step) {
				c.faults.add(reading.path, "step %q may have no outputs, as finally runs whatever happened: look at its status first, here or in when", id)
				continue
			}
			theirs := condition(step)
			same := own != nil && theirs != nil && !slices.ContainsFunc(theirs.conditions, func(part string) bool {
				return !slices.Contains(own.conditions, part)
			})
			if r.readsSkipped(reading.step, step, same) {
				c.faults.add(reading.path, "step %q may be skipped, and has no outputs then: look at its status first, here or in when", id)
			}
		}
	}
}
