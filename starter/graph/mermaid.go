package graph

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/dpaflow/dpaflow/runbook"
)

// forms are how Mermaid writes the kinds of steps, around their text.
var forms = map[kind][2]string{
	plan:     {"[", "]"},
	model:    {"[[", "]]"},
	approval: {"{{", "}}"},
	wait:     {"([", "])"},
}

// Mermaid returns a flowchart of a document that Validate found nothing wrong with, as text that Markdown
// viewers draw. A nested runbook is a frame around its steps.
func Mermaid(d *runbook.Document) string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	writeMermaid(&b, d, "n", "  ")
	return b.String()
}

// writeMermaid writes the steps and edges of a document. Names of its nodes begin with prefix, as
// Mermaid has one space of names for all frames.
func writeMermaid(b *strings.Builder, d *runbook.Document, prefix, indent string) {
	nodes, edges := parts(d)
	for i, n := range nodes {
		name, caption := fmt.Sprintf("%s%d", prefix, i), caption(n.lines)
		if n.body != nil {
			fmt.Fprintf(b, "%ssubgraph %s[\"%s\"]\n", indent, name, caption)
			writeMermaid(b, n.body, name+"_", indent+"  ")
			fmt.Fprintf(b, "%send\n", indent)
			continue
		}
		form := forms[n.kind]
		fmt.Fprintf(b, "%s%s%s\"%s\"%s\n", indent, name, form[0], caption, form[1])
	}
	for _, e := range edges {
		arrow, label := "-->", ""
		if e.on == runbook.OnFailed {
			arrow = "-.->"
		}
		if e.label != "" {
			label = `|"` + escape(e.label) + `"|`
		}
		fmt.Fprintf(b, "%s%s%d %s%s %s%d\n", indent, prefix, e.from, arrow, label, prefix, e.to)
	}
}

func caption(lines []string) string {
	escaped := make([]string, len(lines))
	for i := range lines {
		escaped[i] = escape(lines[i])
	}
	return strings.Join(escaped, "<br/>")
}

// escape writes all that could mean something to Mermaid, HTML or Markdown by its number.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" -_,?!…，。？！、：", r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
