// Package graph draws runbooks: as Mermaid text, or as an SVG image that needs nothing else.
package graph

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dpaflow/dpaflow/runbook"
)

// kind is what a step does; each has a form of its own.
type kind int

const (
	plan kind = iota
	model
	approval
	wait
	nested
)

// node is a step as it is drawn.
type node struct {
	kind  kind
	lines []string          // what is written in it; the first is its name
	body  *runbook.Document // what is drawn in it; nil where it is not nested
}

// edge is the way from a step to one that needs it, both by their index.
type edge struct {
	from, to int
	on       runbook.On
	label    string
}

// parts are what is drawn of a document that has been checked.
func parts(d *runbook.Document) (nodes []node, edges []edge) {
	graph := d.Graph()
	for i := range d.Len() {
		step := d.Step(i)
		n := describe(step)
		condition := ""
		if step.When != "" {
			condition = "when " + step.When
		}
		needs := graph.Needs(i)
		if len(needs) == 0 && condition != "" {
			n.lines = append(n.lines, condition)
		}
		if len(needs) == 0 && d.Lock != nil && !d.Final(i) {
			n.lines = append(n.lines, "once it has lock "+d.Lock.Name)
		}
		if d.Final(i) {
			n.lines = append(n.lines, "finally: whatever happened")
		}
		if len(needs) > 1 && step.Join == runbook.JoinAny {
			n.lines = append(n.lines, "after any of them")
		}
		for _, need := range needs {
			label := condition
			if need.On == runbook.OnFailed || need.On == runbook.OnEnd {
				label = strings.TrimSuffix("on "+string(need.On)+", "+condition, ", ")
			}
			edges = append(edges, edge{from: need.Step, to: i, on: need.On, label: line(label)})
		}
		for j := range n.lines {
			n.lines[j] = line(n.lines[j])
		}
		nodes = append(nodes, n)
	}
	return nodes, edges
}

func describe(step *runbook.Step) node {
	n := node{kind: plan, lines: []string{cmp.Or(step.Name, step.ID)}}
	if step.Name != "" && step.Name != step.ID {
		n.lines[0] += " (" + step.ID + ")"
	}
	add := func(format string, args ...any) { n.lines = append(n.lines, fmt.Sprintf(format, args...)) }
	switch {
	case step.Approval != nil:
		n.kind = approval
		add("approval: %s", step.Approval.Message)
	case step.Ask != nil:
		n.kind = approval
		add("task: %s", step.Ask.Message)
		add("fill in %s", strings.Join(slices.Sorted(maps.Keys(step.Ask.Fields)), ", "))
	case step.Wait != nil:
		n.kind = wait
		add("wait %s", step.Wait)
	case step.Runbook != nil:
		n.kind, n.body = nested, step.Runbook
		add("runbook %s", step.Runbook.Name)
	case step.Model != "":
		n.kind = model
		add("model %s", step.Model)
	default:
		add("plan %s", step.Plan)
	}
	if step.ForEach != "" {
		add("for each of %s", step.ForEach)
	}
	if step.Until != "" {
		add("until %s, every %s", step.Until, step.Every)
	}
	if undo := step.Rollback; undo != nil && undo.Plan != "" {
		add("undone by plan %s", undo.Plan)
	} else if undo != nil {
		add("undone by model %s", undo.Model)
	}
	return n
}

// line makes one line of a text, and not too long a one.
func line(what string) string {
	const columns = 48
	what = strings.Join(strings.FieldsFunc(what, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	return text.Snip(what, columns, "…")
}
