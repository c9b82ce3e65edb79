package dpaflow_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/policy"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/starter/rehearsal"
)

// notVariables are names in the documents that look like variables of the programs.
var notVariables = map[string]bool{
	"DPA_MODEL_WORKDIR": true, // an input of the example plan
}

// documents returns the text of every Markdown file by its path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	walk(t, ".md", func(path string) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		found[path] = string(text)
	})
	require.Contains(t, found, "README.md")
	return found
}

func walk(t *testing.T, extension string, visit func(path string)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !entry.IsDir() && filepath.Ext(path) == extension:
			visit(path)
		}
		return nil
	}))
}

var fence = regexp.MustCompile("(?ms)^[ \t]*```(\\w+)\n(.*?)^[ \t]*```[ \t]*$")

// prose is a document without its blocks of code.
func prose(text string) string { return fence.ReplaceAllString(text, "") }

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

func TestEveryLinkInTheDocumentsLeadsSomewhere(t *testing.T) {
	t.Parallel()
	docs := documents(t)
	for path, text := range docs {
		for _, match := range link.FindAllStringSubmatch(prose(text), -1) {
			target, err := url.Parse(match[1])
			require.NoError(t, err, path)
			if target.Scheme != "" {
				continue
			}
			file := path
			if target.Path != "" {
				file = filepath.Join(filepath.Dir(path), target.Path)
				_, err := os.Stat(file)
				require.NoError(t, err, "%s links to %s", path, match[1])
			}
			if target.Fragment != "" {
				require.Contains(t, anchors(docs[file]), target.Fragment, "%s links to %s", path, match[1])
			}
		}
	}
}

// anchors are those that GitHub makes of headings.
func anchors(text string) (found []string) {
	for _, match := range heading.FindAllStringSubmatch(prose(text), -1) {
		found = append(found, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, match[1]))
	}
	return found
}

func TestTheConfigurationTablesHaveEveryVariableAndNoOther(t *testing.T) {
	t.Parallel()
	variable := regexp.MustCompile(`DPA_[A-Z_]*[A-Z]`)
	known := map[string]bool{}
	for _, name := range config.Variables {
		known[name] = true
	}
	for path, text := range documents(t) {
		for _, name := range variable.FindAllString(text, -1) {
			require.True(t, known[name] || notVariables[name], "%s names %s", path, name)
		}
	}
	for _, path := range []string{"README.md", "README.zh-CN.md"} {
		row := regexp.MustCompile("(?m)^\\| `DPA_[^|]*")
		listed := variable.FindAllString(strings.Join(row.FindAllString(documents(t)[path], -1), ""), -1)
		require.ElementsMatch(t, config.Variables, listed, path)
	}
}

func TestBothReadmesHaveTheSameBlocksOfCode(t *testing.T) {
	t.Parallel()
	blocks := func(path string) (found []string) {
		for _, match := range fence.FindAllStringSubmatch(documents(t)[path], -1) {
			if match[1] != "mermaid" { // has words of the document's language
				found = append(found, match[2])
			}
		}
		return found
	}
	require.Greater(t, len(blocks("README.md")), 5)
	require.Equal(t, blocks("README.md"), blocks("README.zh-CN.md"))
}

// declared are the names that are declared in the code, and its texts.
func declared(t *testing.T) (names, texts map[string]bool) {
	t.Helper()
	names, texts = map[string]bool{}, map[string]bool{}
	walk(t, ".go", func(path string) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.FuncDecl:
				names[node.Name.Name] = true
			case *ast.TypeSpec:
				names[node.Name.Name] = true
			case *ast.ValueSpec:
				for _, name := range node.Names {
					names[name.Name] = true
				}
			case *ast.Field:
				for _, name := range node.Names {
					names[name.Name] = true
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(node.Value); err == nil && !strings.HasSuffix(path, "_test.go") {
					texts[text] = true
				}
			}
			return true
		})
	})
	return names, texts
}

// Error types, metrics, tests, functions and files that the documents name are there.
func TestWhatTheDocumentsNameIsInTheCode(t *testing.T) {
	t.Parallel()
	camel := regexp.MustCompile("`(?:[a-z]+\\.)?([A-Z][a-z]+[A-Z]\\w*|Test[A-Z]\\w*)`")
	metric := regexp.MustCompile(`dpaflow_[a-z_]*[a-z]`)
	file := regexp.MustCompile("`((?:[a-z0-9_]+/)*[a-z0-9_]+\\.go)`")
	names, texts := declared(t)
	for path, text := range documents(t) {
		for _, match := range camel.FindAllStringSubmatch(prose(text), -1) {
			require.True(t, names[match[1]] || texts[match[1]], "%s names %s", path, match[1])
		}
		for _, name := range metric.FindAllString(text, -1) {
			// What the exporter for Prometheus puts behind counters and histograms.
			plain := strings.TrimSuffix(strings.TrimSuffix(name, "_total"), "_seconds")
			require.True(t, texts[name] || texts[plain], "%s names the metric %s", path, name)
		}
		for _, match := range file.FindAllStringSubmatch(prose(text), -1) {
			_, err := os.Stat(match[1])
			require.NoError(t, err, "%s names %s", path, match[1])
		}
	}
}

func TestTheErrorTypesInTheReadmeAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	names, texts := declared(t)
	require.True(t, names["ErrorPlanFailed"] && texts["PlanFailed"])
	_, failures, found := strings.Cut(documents(t)["README.md"], "\n## Results and failures\n")
	require.True(t, found)
	rows := regexp.MustCompile("(?m)^\\| `([A-Z][a-z]\\w+)` \\|").FindAllStringSubmatch(failures, -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		require.True(t, names["Error"+row[1]] || names["Error"+strings.TrimSuffix(row[1], "Error")], row[1])
		require.True(t, texts[row[1]], row[1])
	}
}

func TestTheGoProgramsInTheDocumentsCompile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	here, err := os.Getwd()
	require.NoError(t, err)
	replace := map[string]string{}
	packages := []string{"build", "-overlay=" + filepath.Join(folder, "overlay.json"), "-o=" + filepath.Join(folder, "bin") + "/"}
	for _, path := range []string{"README.md", "docs/own-worker.md", "docs/runbooks.md", "docs/nexus.md"} {
		for _, match := range fence.FindAllStringSubmatch(documents(t)[path], -1) {
			if match[1] != "go" {
				continue
			}
			name := fmt.Sprintf("block%d", len(replace))
			file := filepath.Join(folder, name+".go")
			require.NoError(t, os.WriteFile(file, []byte(match[2]), 0o600))
			replace[filepath.Join(here, "docs", name, "main.go")] = file
			packages = append(packages, "./docs/"+name)
		}
	}
	require.Len(t, replace, 5)
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "overlay.json"), overlay, 0o600))
	out, err := exec.CommandContext(t.Context(), "go", packages...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestThePoliciesInTheDocumentsCanBeRead(t *testing.T) {
	t.Parallel()
	_, section, found := strings.Cut(documents(t)["docs/operations.md"], "\n## What a worker may run\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	read := 0
	for _, match := range fence.FindAllStringSubmatch(section, -1) {
		if match[1] == "yaml" {
			_, err := policy.Parse([]byte(match[2]))
			require.NoError(t, err, "%s", match[2])
			read++
		}
	}
	require.Equal(t, 3, read)
}

func TestTheRunbookInTheDocumentsIsTheOneThatCanBeRun(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("docs/switch-over.yaml")
	require.NoError(t, err)
	doc, err := runbook.Parse(file)
	require.NoError(t, err)
	story, err := os.ReadFile("docs/switch-over-rehearsal.yaml")
	require.NoError(t, err)
	script, err := rehearsal.Parse(story)
	require.NoError(t, err)
	_, err = script.Play(*doc)
	require.NoError(t, err)
	var shown []string
	for _, match := range fence.FindAllStringSubmatch(documents(t)["docs/runbooks.md"], -1) {
		switch part, _, _ := strings.Cut(match[2], ":"); {
		case match[1] != "yaml":
		case part == "name":
			shown = append(shown, match[2])
		case strings.HasPrefix(part, "  - "): // some of its steps
			_, err := runbook.Parse([]byte("name: r\nsteps:\n" + match[2]))
			require.NoError(t, err, match[2])
		default: // what stands beside them
			_, err := runbook.Parse([]byte("name: r\n" + match[2] + "steps: [{id: a, plan: p}]\n"))
			require.NoError(t, err, match[2])
		}
	}
	require.Equal(t, []string{string(file), string(story)}, shown)
}
