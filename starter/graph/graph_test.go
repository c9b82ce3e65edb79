package graph

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dpaflow/dpaflow/runbook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files anew")

func parse(t *testing.T, name string) *runbook.Document {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	d, err := runbook.Parse(data)
	require.NoError(t, err)
	return d
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the tests once with -update")
	require.Equal(t, string(want), string(got))
}

func TestEveryKindOfStepAndOfEdgeIsDrawn(t *testing.T) {
	t.Parallel()
	d := parse(t, "switch.yaml")
	golden(t, "switch.mmd", []byte(Mermaid(d)))
	golden(t, "switch.svg", SVG(d, nil))
}

// hostile is text that would mean something to Mermaid, Markdown, HTML or XML.
const hostile = "1. \"]; click n0 <b>&amp;</b> `x` %% end #35; style:a#b;\x1b\n```"

func hostileDocument() *runbook.Document {
	return runbook.New("<script>alert(1)</script>",
		runbook.Step{ID: "end", Name: hostile, Job: runbook.Job{Plan: "p"}},
		runbook.Approve("ask", runbook.Approval{Message: hostile}, runbook.If(`"]]>" != "--"`)),
	)
}

func TestTextsCannotBreakOutOfMermaid(t *testing.T) {
	t.Parallel()
	safe := regexp.MustCompile(`^  n\d(\[|\{\{)"([\p{L}\p{Nd} \-_,?!…]|#\d+;|<br/>)*"(\]|\}\})$|^  n0 -->\|"([\p{L}\p{Nd} \-_,?!…]|#\d+;)*"\| n1$`)
	lines := strings.Split(strings.TrimSpace(Mermaid(hostileDocument())), "\n")
	require.Len(t, lines, 4)
	for _, line := range lines[1:] {
		require.Regexp(t, safe, line)
	}
}

func TestAnImageIsXMLThatHoldsTheTextsAsTheyAre(t *testing.T) {
	t.Parallel()
	var texts []string
	decoder := xml.NewDecoder(bytes.NewReader(SVG(hostileDocument(), nil)))
	for inside := false; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			require.NotEqual(t, "script", token.Name.Local)
			inside = token.Name.Local == "text" || token.Name.Local == "title"
		case xml.CharData:
			if inside {
				texts = append(texts, string(token))
			}
			inside = false
		}
	}
	require.Equal(t, []string{
		"<script>alert(1)</script>", line(hostile + " (end)"), "plan p",
		"ask", line("approval: " + hostile), `when "]]>" != "--"`,
	}, texts)
}

func TestBoxesDoNotOverlapAndEdgesLeadDown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"switch.yaml", "wide.yaml"} {
		drawn := newDrawing(parse(t, name), "", nil)
		for i, a := range drawn.boxes {
			require.GreaterOrEqual(t, a.x, 0.0)
			require.LessOrEqual(t, a.x+a.w, drawn.w+0.01)
			require.LessOrEqual(t, a.y+a.h, drawn.h+0.01)
			for _, b := range drawn.boxes[i+1:] {
				apart := math.Max(math.Max(a.x-b.x-b.w, b.x-a.x-a.w), math.Max(a.y-b.y-b.h, b.y-a.y-a.h))
				require.GreaterOrEqual(t, apart, gapX-0.01, "%s: %+v %+v", name, a, b)
			}
		}
		for i, way := range drawn.ways {
			require.Equal(t, drawn.edges[i].from, way[0])
			require.Equal(t, drawn.edges[i].to, way[len(way)-1])
			for n := range way[1:] {
				require.Equal(t, drawn.boxes[way[n]].layer+1, drawn.boxes[way[n+1]].layer, "no edge crosses a layer without a bend")
			}
		}
	}
}

func TestTheLargestRunbookIsDrawnInGoodTime(t *testing.T) {
	t.Parallel()
	var all []runbook.Need
	d := runbook.New("large")
	for i := range runbook.MaxSteps {
		id := "s" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26)
		d.Steps = append(d.Steps, runbook.Plan(id, "p", runbook.Needs(all...)))
		if i%25 == 0 {
			all = append(all, runbook.Need{Step: id})
		}
	}
	require.NoError(t, d.Validate())
	require.NoError(t, xml.Unmarshal(SVG(d, nil), new(struct{})))
}

func TestTheBoxesOfARunShowHowItsStepsStand(t *testing.T) {
	t.Parallel()
	d, err := runbook.Parse([]byte("name: r\nsteps: [{id: a, plan: p}, {id: in, runbook: {name: i, steps: [{id: a, plan: p}]}}]"))
	require.NoError(t, err)
	drawn := string(SVG(d, map[string]string{"a": runbook.StatusFailed, "in/a": runbook.StatusSuccess}))
	require.Contains(t, drawn, `class="box plan FAILED"`)
	require.Contains(t, drawn, `class="box plan SUCCESS"`)
	require.Contains(t, drawn, "✗ a")
	require.Contains(t, drawn, "✓ a")
	require.Contains(t, drawn, `class="box runbook"`)
}

func TestALockAndAWindowAreDrawn(t *testing.T) {
	t.Parallel()
	d := runbook.New("r", runbook.WaitFor("night", runbook.Timer{Window: "22:00-04:00", Days: "MON-FRI", TimeZone: "Asia/Shanghai"}), runbook.Plan("a", "p"))
	d.Lock = &runbook.Lock{Name: "core"}
	drawn := Mermaid(d)
	require.Contains(t, drawn, "wait window 22#58;00-04#58;00 MON-FRI Asia#47;Shanghai")
	require.Equal(t, 1, strings.Count(drawn, "once it has lock core"))
}
