package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

var templates = sync.OnceValues(newPages)

// everything renders every page with a value in every field that comes from outside.
func everything(t testing.TB, said string) map[string]string {
	t.Helper()
	all, err := templates()
	require.NoError(t, err)
	now := time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC)
	item, err := json.Marshal(said)
	require.NoError(t, err)
	execution := engine.Execution{Status: workflows.StatusFailed, PlanID: said, ModelID: said, InstanceID: said, Reason: said, Doubt: said, StartedAt: &now}
	execution.Outputs = []runbook.ModelOutputs{{ModelID: said, ModelName: said, Nodes: []runbook.NodeOutput{{Name: said, Result: said}}}}
	step := workflows.StepResult{
		ID: said, Name: said, Execution: execution, Approvals: []string{said}, Item: item, Earlier: []engine.Execution{execution}, Rollback: &execution,
		Question: &engine.Question{Message: said, Approvers: []string{said}, Quorum: 2},
	}
	nested := step
	nested.Items, nested.Runbook = []workflows.StepResult{step}, &engine.Run{Steps: []workflows.StepResult{step}}
	asks := engine.WaitsFor{Kind: engine.ForApproval, Step: said, Reason: said, Since: &now, Until: &now, Who: []string{said}, Need: 2}
	result := workflows.RunbookResult{
		Name: said, Status: said, Reason: said, StartedBy: said, Vars: runbook.Vars{said: said}, StartedAt: now, Steps: []workflows.StepResult{nested},
		WaitsFor: []engine.WaitsFor{asks}, Actions: []engine.Action{{At: now, Name: said, By: said, Comment: said, Subject: said}},
		Notes: []engine.Note{{At: now, Step: said, Text: said}}, StillRunning: []engine.StillRunning{{Step: said, InstanceID: said}},
	}
	found := report.Report{WorkflowID: said, RunID: said, State: said, StartedAt: now, Error: said, Result: report.State{Runbook: &result}, Timeline: report.Timeline(result)}
	fields := []field{
		{Name: said, Var: runbook.Var{Type: runbook.StringVar, Description: said, Pattern: said, Required: true}, Typed: said, Wrong: said},
		{Name: said + "2", Var: runbook.Var{Enum: []any{said, "other"}, Description: said}, Typed: said},
		{Name: said + "3", Var: runbook.Var{Type: runbook.ListVar, Description: said}, Typed: said},
	}
	steps := stepsOf(result.Steps)
	shown := map[string]any{
		"runs": map[string]any{
			"Search": search{Text: said, Status: said}, "Statuses": []string{said}, "Full": true,
			"Runs": []runs.Run{{WorkflowID: said, RunID: said, Type: said, What: said, Status: said, StartedAt: now, WaitsFor: []engine.WaitsFor{asks}, Unanswered: said}},
		},
		"run":    shownRun{Report: found, Open: true, Waits: []asked{{asks, []string{"approve", "reject"}}}, Steps: steps, Drawn: true, UI: "http://127.0.0.1/" + said, Settle: []string{"pause"}, Together: found.Sections()},
		"step":   shownOne{Report: found, Step: report.Step{StepResult: nested, Around: said}, Path: said, Open: true, Earlier: []attempt{{said, execution}}, Items: []report.Step{{StepResult: step}}, Actions: []string{"retry"}},
		"act":    asking{action: actions["skip"], ID: said, Step: said, Name: said, By: said, Comment: said, Instance: said, Outputs: said, Fields: fields, Question: said, Refused: said},
		"report": found, "refused": said, "signed-out": nil, "sign-in": "/sign-in",
		"start": offered{Runbooks: []string{said}, Plans: []platform.Plan{{ID: said, Title: said, Status: said}}, Models: []platform.Model{{ID: said, Name: said, Status: said}}, Missing: []string{said}, HasFolder: true},
		"form":  starting{Kind: said, Name: said, Title: said, Description: said, Fields: fields, By: said, WorkflowID: said, Checked: true, Steps: steps, Wrong: said},
	}
	pages := map[string]string{}
	for _, language := range []string{english, chinese} {
		for name := range all.templates[language] {
			if name == "layout" {
				continue
			}
			data, known := shown[name]
			require.True(t, known, name)
			w := httptest.NewRecorder()
			p := page{Language: language, Title: "Runs", Name: said, User: said, MayAct: true, Unchecked: true, Live: link("/live", "q", said), Data: data}
			require.NoError(t, all.write(w, 200, name, p), name)
			pages[name+" "+language] = w.Body.String()
		}
	}
	return pages
}

// elements are the elements of a page with the names of their attributes, in order.
func elements(t testing.TB, page string) (list []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	for node := range root.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		var names []string
		for _, attribute := range node.Attr {
			names = append(names, attribute.Key)
			switch attribute.Key {
			case "href", "src", "action":
				at := strings.ToLower(strings.TrimSpace(attribute.Val))
				require.True(t, strings.HasPrefix(at, "/") && !strings.HasPrefix(at, "//") || strings.HasPrefix(at, "#") || strings.HasPrefix(at, "http://127.0.0.1/"), at)
			}
		}
		list = append(list, node.Data+" "+strings.Join(names, " "))
	}
	return list
}

func FuzzNothingFromOutsideBecomesMarkup(f *testing.F) {
	plain := map[string][]string{}
	for name, page := range everything(f, "x") {
		plain[name] = elements(f, page)
	}
	for _, said := range []string{
		"x", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "' onmouseover='alert(1)", "javascript:alert(1)", "</textarea><script>", "</title><script>",
		"{{.}}", "\u2028</script>", "预案", "<!--", "]]>", "&lt;script&gt;", "`${alert(1)}`", "x\x00y", "a\nb", "//evil.example", `\\evil.example`, "%0d%0aX: y",
	} {
		f.Add(said)
	}
	f.Fuzz(func(t *testing.T, said string) {
		if said == "" {
			t.Skip("what is empty is left out")
		}
		for name, page := range everything(t, said) {
			require.Equal(t, plain[name], elements(t, page), "%s with %q", name, said)
		}
	})
}

func TestEveryInputHasALabelAndEveryPageAHeading(t *testing.T) {
	t.Parallel()
	for name, page := range everything(t, "x") {
		root, err := html.Parse(strings.NewReader(page))
		require.NoError(t, err)
		labels, ids, headings := map[string]bool{}, map[string]int{}, 0
		attribute := func(node *html.Node, key string) string {
			at := slices.IndexFunc(node.Attr, func(a html.Attribute) bool { return a.Key == key })
			if at < 0 {
				return ""
			}
			return node.Attr[at].Val
		}
		for node := range root.Descendants() {
			if node.Type != html.ElementNode {
				continue
			}
			labels[attribute(node, "for")] = true
			if id := attribute(node, "id"); id != "" {
				ids[id]++
			}
		}
		for node := range root.Descendants() {
			switch {
			case node.Type != html.ElementNode:
			case node.Data == "h1":
				headings++
			case node.Data == "html":
				require.NotEmpty(t, attribute(node, "lang"), name)
			case node.Data == "img":
				require.NotEmpty(t, attribute(node, "alt"), name)
			case node.Data == "th":
				require.NotEmpty(t, attribute(node, "scope"), name)
			case slices.Contains([]string{"input", "select", "textarea"}, node.Data) && attribute(node, "type") != "hidden":
				wrapped := node.Parent.Data == "label"
				require.True(t, wrapped || labels[attribute(node, "id")], "%s: %s %v", name, node.Data, node.Attr)
			case attribute(node, "tabindex") != "":
				require.NotContains(t, "123456789", attribute(node, "tabindex"), "the order of the page is the order of focus")
			}
		}
		require.Equal(t, 1, headings, name)
		for id, times := range ids {
			require.Equal(t, 1, times, "%s: #%s", name, id)
		}
	}
}

var rule = regexp.MustCompile(`([^{}]+)\{([^{}]*)\}`)

// Every rule that sets both colours has a contrast of 4.5 to 1, as WCAG asks.
func TestColoursCanBeToldFromTheirBackgrounds(t *testing.T) {
	t.Parallel()
	style, err := os.ReadFile("pages/static/style.css")
	require.NoError(t, err)
	variables, checked := map[string]string{}, 0
	for _, match := range regexp.MustCompile(`--(\w+):(#\w+)`).FindAllStringSubmatch(string(style), -1) {
		variables["var(--"+match[1]+")"] = match[2]
	}
	colour := func(declarations, property string) string {
		match := regexp.MustCompile(`(?:^|;)` + property + `:([^;]+)`).FindStringSubmatch(declarations)
		if match == nil {
			return ""
		}
		if known, ok := variables[match[1]]; ok {
			return known
		}
		return match[1]
	}
	for _, match := range rule.FindAllStringSubmatch(string(style), -1) {
		ink, paper := colour(match[2], "color"), colour(match[2], "background")
		if ink == "" {
			continue
		}
		if paper == "" {
			paper = "#fffbeb" // the darkest that any has below it, but for the header's
			if strings.HasPrefix(match[1], "\nheader") {
				paper = "#111827"
			}
		}
		checked++
		require.GreaterOrEqual(t, contrast(t, ink, paper), 4.5, match[0])
	}
	require.Greater(t, checked, 8)
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(colour string) float64 {
		if len(colour) == 4 {
			colour = fmt.Sprintf("#%[1]c%[1]c%[2]c%[2]c%[3]c%[3]c", colour[1], colour[2], colour[3])
		}
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			value, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
			require.NoError(t, err, colour)
			part := float64(value) / 255
			if part <= 0.04045 {
				part /= 12.92
			} else {
				part = math.Pow((part+0.055)/1.055, 2.4)
			}
			sum += weight * part
		}
		return sum
	}
	light, dark := luminance(a), luminance(b)
	return (max(light, dark) + 0.05) / (min(light, dark) + 0.05)
}

// What pages say in English they say in Chinese.
func TestEveryWordOfThePagesIsThereInChinese(t *testing.T) {
	t.Parallel()
	all, err := newPages()
	require.NoError(t, err)
	names, err := files.ReadDir("pages")
	require.NoError(t, err)
	said := regexp.MustCompile(`\{\{tf? "([^"]+)"`)
	for _, name := range names {
		if !strings.HasSuffix(name.Name(), ".html") {
			continue
		}
		data, err := files.ReadFile("pages/" + name.Name())
		require.NoError(t, err)
		for _, match := range said.FindAllStringSubmatch(string(data), -1) {
			require.Contains(t, all.words, match[1], name.Name())
		}
	}
	for name, action := range actions {
		require.Contains(t, all.words, name)
		require.Contains(t, all.words, action.Says)
	}
	for _, status := range statuses {
		require.Contains(t, all.words, status)
	}
}

func TestTheScriptIsShort(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("pages/static/console.js")
	require.NoError(t, err)
	require.Less(t, strings.Count(string(script), "\n"), 100)
}
