package runbook

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// expression is a compiled one, or what is wrong with it.
type expression struct {
	program  cel.Program
	result   *types.Type
	problems []string
	// What it refers to by name.
	steps, vars names
	item        bool
	// reads are the steps whose outputs it reads: true where it does so without a guard.
	reads names
	// uses are the outputs that it reads, by step and name.
	uses map[string]names
	// conditions are the parts that all must hold.
	conditions []string
	runbook    bool
	outcome    bool // how the runbook ended
}

// compile is the same for the same source. What the checker of workflows finds in the library's parser
// are traces that are never on and sets that are only looked into.
//
//workflowcheck:ignore
func (l language) compile(of source) *expression {
	known := l.plain
	if of.items {
		known = l.items
	}
	e := &expression{steps: names{}, vars: names{}, reads: names{}, uses: map[string]names{}}
	if strings.Contains(of.text, opening) {
		e.problems = []string{"this is an expression already: write it without ${{ }}"}
		return e
	}
	parsed, issues := known.Parse(of.text)
	if issues.Err() != nil {
		e.problems = []string{problem(issues.Errors()[0])} // what follows is mostly its consequence
		return e
	}
	if loops := e.refer(parsed.NativeRep().Expr()); loops > maxLoops {
		e.problems = append(e.problems, fmt.Sprintf("has more than %d of map, filter, all, exists and exists_one", maxLoops))
		return e
	}
	checked, issues := known.Check(parsed)
	if issues.Err() != nil {
		for _, issue := range issues.Errors() {
			e.problems = append(e.problems, problem(issue))
		}
		return e
	}
	e.result = checked.OutputType()
	e.read(parsed.NativeRep().Expr(), names{})
	e.use(parsed.NativeRep().Expr())
	e.conditions = conditions(parsed)
	e.problems = append(e.problems, impossibleStatuses(checked.NativeRep())...)
	program, err := known.Program(checked,
		cel.CostTracking(costs{}), cel.CostLimit(maxCost), cel.CustomDecoratorV2(bounded))
	if err != nil {
		e.problems = append(e.problems, err.Error())
	}
	e.program = program
	return e
}

// impossibleStatuses finds statuses that are compared with a word which no step ever has.
func impossibleStatuses(checked *ast.AST) (problems []string) {
	statusOf := func(expr ast.Expr) string {
		if expr.Kind() != ast.SelectKind || expr.AsSelect().FieldName() != "status" {
			return ""
		}
		return checked.GetType(expr.AsSelect().Operand().ID()).TypeName()
	}
	note := func(of string, words ...ast.Expr) {
		what, can := "step", Statuses
		if of == typeRunbook {
			what, can = "runbook", Outcomes
		}
		for _, word := range words {
			if word.Kind() != ast.LiteralKind {
				continue
			}
			if text, ok := word.AsLiteral().(types.String); ok && !slices.Contains(can, string(text)) {
				problems = append(problems, fmt.Sprintf("no %s ever has the status %q: it is one of %s",
					what, clip(string(text)), strings.Join(can, ", ")))
			}
		}
	}
	status := func(expr ast.Expr) bool { of := statusOf(expr); return of == typeStep || of == typeRunbook }
	ast.PostOrderVisit(checked.Expr(), ast.NewExprVisitor(func(expr ast.Expr) {
		if expr.Kind() != ast.CallKind || len(expr.AsCall().Args()) != 2 {
			return
		}
		switch a, b := expr.AsCall().Args()[0], expr.AsCall().Args()[1]; expr.AsCall().FunctionName() {
		case operators.Equals, operators.NotEquals:
			if status(a) {
				note(statusOf(a), b)
			} else if status(b) {
				note(statusOf(b), a)
			}
		case operators.In:
			if status(a) && b.Kind() == ast.ListKind {
				note(statusOf(a), b.AsList().Elements()...)
			}
		}
	}))
	return problems
}

func problem(issue *common.Error) string {
	text := strings.TrimSuffix(strings.ReplaceAll(issue.Message, " (in container '')", ""), "\n")
	for _, name := range []string{"item", "index"} {
		if text == fmt.Sprintf("undeclared reference to '%s'", name) {
			text = name + " is known only inside a step with forEach"
		}
	}
	line, column := issue.Location.Line(), issue.Location.Column()+1
	if line > 1 {
		return fmt.Sprintf("%s (at line %d, column %d of the expression)", text, line, column)
	}
	return fmt.Sprintf("%s (at column %d of the expression)", text, max(column, 1))
}

// refer notes the steps and variables that an expression names. Steps can only be named one by one,
// because something is known only of those that come before. It returns how many loops there are.
func (e *expression) refer(root ast.Expr) (loops int) {
	named := map[int64]bool{}
	note := func(of ast.Expr, name string) {
		switch {
		case of.Kind() != ast.IdentKind:
		case of.AsIdent() == "steps":
			e.steps[name], named[of.ID()] = true, true
		case of.AsIdent() == "vars":
			e.vars[name] = true
		case of.AsIdent() == "runbook":
			e.outcome = e.outcome || name != "workflowId"
		}
	}
	var all []ast.Expr
	ast.PostOrderVisit(root, ast.NewExprVisitor(func(expr ast.Expr) {
		switch expr.Kind() {
		case ast.ComprehensionKind:
			loops++
		case ast.IdentKind:
			all = append(all, expr)
		case ast.SelectKind:
			note(expr.AsSelect().Operand(), expr.AsSelect().FieldName())
		case ast.CallKind:
			call := expr.AsCall()
			if call.FunctionName() != operators.Index || len(call.Args()) != 2 || call.Args()[1].Kind() != ast.LiteralKind {
				return
			}
			if name, ok := call.Args()[1].AsLiteral().(types.String); ok {
				note(call.Args()[0], string(name))
			}
		}
	}))
	for _, ident := range all {
		switch ident.AsIdent() {
		case "steps":
			if !named[ident.ID()] {
				e.problems = append(e.problems, "steps must be followed by a step's id, as in steps.freeze or steps['cool-down']")
			}
		case "item", "index":
			e.item = true
		case "runbook":
			e.runbook = true
		}
	}
	return loops
}

// evaluate gives the expression's value in a scope: always the same, see adapter. The library's functions
// that wait for others are not used.
//
//workflowcheck:ignore
func (e *expression) evaluate(s Scope) (ref.Val, error) {
	values := map[string]any{
		"vars":    map[string]any(s.Vars),
		"runbook": map[string]any{"workflowId": s.WorkflowID, "status": s.Status, "reason": s.Reason},
		"steps":   s.steps(e.steps),
	}
	if s.Item != nil {
		values["item"], values["index"] = s.Item.Value, s.Item.Index
	}
	value, _, err := e.program.Eval(values)
	if err != nil {
		return nil, fmt.Errorf("cannot be evaluated: %w", err)
	}
	return value, nil
}
