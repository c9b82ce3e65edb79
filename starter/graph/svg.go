package graph

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dpaflow/dpaflow/runbook"
)

// Sizes of what is drawn, in pixels.
const (
	columnWidth = 7.4 // of a character at the font's size; a Chinese one has two columns
	lineHeight  = 18
	padding     = 14
	margin      = 20
)

const head = `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>%[3]s</title>
<style>
text{font:13px sans-serif;fill:#1f2937;text-anchor:middle}
text.name{font-weight:bold}
text.label{font-size:11px;fill:#4b5563;stroke:#fff;stroke-width:4px;paint-order:stroke}
.box{stroke-width:1.5}
.plan{fill:#dbeafe;stroke:#2563eb}
.model{fill:#dcfce7;stroke:#16a34a}
.approval{fill:#fef3c7;stroke:#d97706}
.wait{fill:#f3f4f6;stroke:#6b7280}
.runbook{fill:#fff;stroke:#7c3aed}
.edge{fill:none;stroke:#4b5563;stroke-width:1.5}
.failure{stroke:#dc2626;stroke-dasharray:6 4}
.WAITING{fill:#fff;stroke:#9ca3af}
.RUNNING{fill:#dbeafe;stroke:#1d4ed8;stroke-width:3}
.SUCCESS,.PLANNED{fill:#dcfce7;stroke:#15803d}
.FAILED,.ABORTED{fill:#fee2e2;stroke:#b91c1c;stroke-width:3}
.PAUSED{fill:#fef3c7;stroke:#b45309;stroke-width:3}
.SKIPPED{fill:#f3f4f6;stroke:#6b7280;stroke-dasharray:4 3}
</style>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#4b5563"/></marker></defs>
<rect width="100%%" height="100%%" fill="#fff"/>
`

var classes = map[kind]string{plan: "plan", model: "model", approval: "approval", wait: "wait", nested: "runbook"}

// SVG returns an image of a document that Validate found nothing wrong with: its steps from the top
// down, each below those that it needs. Statuses are those of the steps of a run by their paths, such as verify/business;
// their boxes show them. Nil draws the document alone.
func SVG(d *runbook.Document, statuses map[string]string) []byte {
	drawn := newDrawing(d, "", statuses)
	var b bytes.Buffer
	fmt.Fprintf(&b, head, int(drawn.w)+2*margin, int(drawn.h)+2*margin, escapeXML(d.Name))
	drawn.write(&b, margin, margin)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// marks tell statuses apart where colours do not.
var marks = map[string]string{
	runbook.StatusSuccess: "✓ ", "PLANNED": "✓ ", runbook.StatusFailed: "✗ ", runbook.StatusAborted: "✗ ",
	runbook.StatusSkipped: "– ", runbook.StatusRunning: "► ", runbook.StatusPaused: "! ",
}

// drawing is a document with a place for everything, and the drawings in its nodes.
type drawing struct {
	*layout
	nodes  []node
	edges  []edge
	bodies []*drawing // by node; nil where there is none
	status []string   // by node; empty where it is not known
}

func newDrawing(d *runbook.Document, around string, statuses map[string]string) *drawing {
	nodes, edges := parts(d)
	drawn := &drawing{nodes: nodes, edges: edges, bodies: make([]*drawing, len(nodes)), status: make([]string, len(nodes))}
	boxes := make([]box, len(nodes))
	for i, n := range nodes {
		path := around + d.Step(i).ID
		drawn.status[i] = statuses[path]
		n.lines[0] = marks[drawn.status[i]] + n.lines[0]
		boxes[i].h = float64(len(n.lines)*lineHeight + padding)
		for _, line := range n.lines {
			boxes[i].w = max(boxes[i].w, float64(text.StringWidth(line))*columnWidth+2*padding)
		}
		if n.body != nil {
			drawn.bodies[i] = newDrawing(n.body, path+"/", statuses)
			boxes[i].w = max(boxes[i].w, drawn.bodies[i].w+2*padding)
			boxes[i].h += drawn.bodies[i].h + padding
		}
	}
	drawn.layout = newLayout(boxes, edges, d.Graph().Order())
	return drawn
}

// write draws everything to the right of and below a point.
func (d *drawing) write(b *bytes.Buffer, x, y float64) {
	for i, e := range d.edges {
		class := "edge"
		if e.on == runbook.OnFailed {
			class += " failure"
		}
		fmt.Fprintf(b, `<path class="%s" marker-end="url(#arrow)" d="%s"/>`+"\n", class, d.path(d.ways[i], x, y))
	}
	for i, n := range d.nodes {
		d.writeNode(b, i, n, x, y)
	}
	for i, e := range d.edges {
		if e.label != "" {
			way := d.ways[i]
			last, to := d.boxes[way[len(way)-2]], d.boxes[e.to]
			middle := (last.middle() + to.middle()) / 2
			writeText(b, "label", x+middle, y+to.y-gapY/2+4, e.label)
		}
	}
}

// path leads from the lower side of the first box through bends to the upper side of the last.
func (d *drawing) path(way []int, x, y float64) string {
	var b strings.Builder
	from := d.boxes[way[0]]
	atX, atY := x+from.middle(), y+from.y+from.h
	fmt.Fprintf(&b, "M%.1f %.1f", atX, atY)
	for n, i := range way[1:] {
		to := d.boxes[i]
		toX, toY := x+to.middle(), y+to.y
		half := (atY + toY) / 2
		fmt.Fprintf(&b, "C%.1f %.1f %.1f %.1f %.1f %.1f", atX, half, toX, half, toX, toY)
		if n < len(way)-2 {
			toY += to.h
			fmt.Fprintf(&b, "V%.1f", toY)
		}
		atX, atY = toX, toY
	}
	return b.String()
}

func (d *drawing) writeNode(b *bytes.Buffer, i int, n node, x, y float64) {
	at := d.boxes[i]
	x, y = x+at.x, y+at.y
	corner := 4.0
	switch n.kind {
	case approval:
		corner = 14
	case wait:
		corner = at.h / 2
	}
	fmt.Fprintf(b, `<rect class="box %s" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="%.1f"/>`+"\n", strings.TrimSpace(classes[n.kind]+" "+d.status[i]), x, y, at.w, at.h, corner)
	class := "name"
	for number, line := range n.lines {
		writeText(b, class, x+at.w/2, y+padding/2+float64(number+1)*lineHeight-5, line)
		class = "detail"
	}
	if body := d.bodies[i]; body != nil {
		body.write(b, x+(at.w-body.w)/2, y+float64(len(n.lines)*lineHeight)+padding)
	}
}

func writeText(b *bytes.Buffer, class string, x, y float64, line string) {
	fmt.Fprintf(b, `<text class="%s" x="%.1f" y="%.1f">%s</text>`+"\n", class, x, y, escapeXML(line))
}

func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}
