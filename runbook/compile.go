package runbook

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

const (
	// maxExpressions is how many bytes the different expressions of a document may have in all, so that
	// they are compiled in a fraction of the second that Temporal gives a workflow.
	maxExpressions = 128 << 10
	// perExpression is what each counts for beside its length.
	perExpression = 16
)

// Compile checks the document's expressions and gets them ready to be evaluated. The error is Faults.
// The document must be one that Validate found nothing wrong with, and must not change any more.
func (d *Document) Compile() (*Program, error) {
	program, faults := compile(d)
	return program, faults.capped().Err()
}

func compile(d *Document) (*Program, Faults) {
	c := &compiler{program: &Program{document: d, compiled: map[source]*expression{}, declared: map[*Document]*declarations{}, uses: map[*Document][]Use{}}}
	var err error
	if c.language, err = theLanguage(); err != nil {
		return nil, Faults{{Problem: fmt.Sprintf("the expression language cannot be set up: %s", err)}}
	}
	c.vars(d, "", site{document: d, vars: true})
	c.document(d, "", 1)
	return c.program, c.faults
}

// source is what an expression is compiled from: the same text means the same everywhere, but for
// whether there is an item.
type source struct {
	text  string
	items bool
}

type compiler struct {
	language language
	program  *Program
	size     int
	faults   Faults
	readings []reading // of the document
}

// site is where an expression stands, and what it may refer to there.
type site struct {
	document  *Document
	ids       map[string]int
	ancestors []set
	step      int
	items     bool // item and index are known
	self      bool // the step itself is known
	vars      bool // it is in a variable of the outermost document: nothing is known but other variables
}

func (c *compiler) document(d *Document, path string, depth int) {
	needs, sorted := d.order()
	at := site{document: d, ids: make(map[string]int, d.Len()), ancestors: ancestors(needs, sorted)}
	for i := range d.Len() {
		at.ids[d.Step(i).ID] = i
	}
	if d.Lock != nil {
		c.text(d.Lock.Name, join(path, "lock.name"), site{document: d, vars: true})
	}
	around := c.readings
	c.readings = nil
	for i := range d.Len() {
		at.step = i
		c.step(d.Step(i), join(path, d.Place(i)), at, depth)
	}
	c.unguarded(reachOf(d), at.ids, c.readings)
	c.readings = around
}

func (c *compiler) step(s *Step, path string, at site, depth int) {
	if s.When != "" {
		c.expression(s.When, join(path, "when"), at, types.BoolKind)
	}
	if s.ForEach != "" {
		c.expression(s.ForEach, join(path, "forEach"), at, types.ListKind)
		at.items = true
	}
	text := func(at site) func(path, text string) string {
		return func(path, text string) string { c.text(text, path, at); return text }
	}
	secrets := c.program.declared[at.document].secrets
	s.Job.WithSecrets(secrets).withTexts(path, text(at))
	self := at
	self.self = true
	if s.Until != "" {
		c.expression(s.Until, join(path, "until"), self, types.BoolKind)
	}
	if s.Ask != nil {
		s.Ask.withTexts(join(path, kindAsk), text(at))
	}
	if s.Approval != nil {
		s.Approval.withTexts(join(path, "approval"), text(at))
	}
	if s.Wait != nil {
		s.Wait.withTexts(join(path, "wait"), text(at))
	}
	if s.Rollback != nil {
		s.Rollback.WithSecrets(secrets).withTexts(join(path, "rollback"), text(self))
	}
	if s.Runbook != nil && depth < MaxNesting {
		below := join(path, "runbook")
		around := at
		if s.With != nil {
			for name := range Sorted(s.With) {
				value, _ := plain(s.With[name]) // Validate has found what is wrong with it
				c.values(value, join(join(path, "with"), name), at)
			}
			around = site{document: s.Runbook, vars: true}
		}
		c.vars(s.Runbook, below, around)
		c.document(s.Runbook, below, depth+1)
	}
}

// text compiles the expressions in a text.
func (c *compiler) text(text, path string, at site) {
	parts, err := split(text)
	if err != nil {
		c.faults.Add(path, err)
	}
	for _, part := range parts {
		if part.expression {
			c.expression(part.text, path, at, textKinds...)
		}
	}
}

// textKinds are the kinds of results that have a place in a text or in JSON.
var textKinds = []types.Kind{
	types.BoolKind, types.IntKind, types.UintKind, types.DoubleKind, types.StringKind, types.ListKind, types.MapKind,
}

func (c *compiler) expression(text, path string, at site, kinds ...types.Kind) {
	of := source{text, at.items}
	compiled, known := c.program.compiled[of]
	if !known {
		if c.size += len(text) + perExpression; c.size > maxExpressions {
			if c.size-len(text)-perExpression <= maxExpressions {
				c.faults.add(path, "the expressions have more than %d bytes in all", maxExpressions)
			}
			return
		}
		compiled = c.language.compile(of)
		c.program.compiled[of] = compiled
	}
	for _, problem := range compiled.problems {
		c.faults.add(path, "%s", problem)
	}
	if len(compiled.reads) > 0 {
		c.readings = append(c.readings, reading{compiled, at.step, path})
	}
	secrets := c.program.declared[at.document].secrets
	for name := range Sorted(compiled.vars) {
		if secrets[name] != "" {
			c.faults.add(path, "the variable %q stands for a secret: it may only be the whole value of an input, ${{ vars.%s }} alone", clip(name), clip(name))
		}
	}
	c.used(at, compiled)
	for _, problem := range at.misplaced(compiled) {
		c.faults.add(path, "%s", problem)
	}
	if compiled.result != nil && compiled.result.Kind() != types.DynKind && !slices.Contains(kinds, compiled.result.Kind()) {
		want := map[types.Kind]string{types.BoolKind: "true or false", types.ListKind: "a list"}[kinds[0]]
		if len(kinds) > 1 {
			want = "a value that JSON has"
		}
		c.faults.add(path, "must give %s, gives %s", want, cel.FormatCELType(compiled.result))
	}
}

// misplaced says what an expression refers to that is not known where it stands.
func (at site) misplaced(e *expression) (problems []string) {
	for name := range Sorted(e.vars) {
		if _, known := at.document.Vars[name]; !known {
			problems = append(problems, fmt.Sprintf("there is no variable %q in vars", clip(name)))
		}
	}
	if at.vars {
		if len(e.steps) > 0 || e.runbook {
			problems = append(problems, "may only use other variables: it is known before the run begins")
		}
		return problems
	}
	final := at.document.Final(at.step)
	if e.outcome && !final {
		problems = append(problems, "runbook.status and runbook.reason are only known in finally")
	}
	before := at.ancestors[at.step]
	for id := range Sorted(e.steps) {
		step, known := at.ids[id]
		switch {
		case !known:
			problems = append(problems, fmt.Sprintf("there is no step %q", clip(id)))
		case step == at.step && !at.self:
			problems = append(problems, fmt.Sprintf("nothing is known of step %q before it has run", id))
		case final && !at.document.Final(step): // which has ended by then
		case step != at.step && before != nil && !before.has(step):
			problems = append(problems, fmt.Sprintf("nothing is known of step %q here: it does not come before this one by way of needs", id))
		}
	}
	return problems
}
