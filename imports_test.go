package dpaflow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/dpaflow/dpaflow"

// layer says what the packages of a folder may import: of this module only
// own, and nothing under never. Tests may import what they like.
type layer struct {
	own   []string // folders of this module; "*" for all
	never []string // import paths, with all below them
	deep  []string // like never, but not through other packages either
}

var everything = layer{own: []string{"*"}}

// layers has the row of every folder; the longest that matches counts.
var layers = map[string]layer{
	"":                      {},
	"platform":              {own: []string{"internal/endpoint", "internal/ids"}, deep: []string{"go.temporal.io"}},
	"platform/platformtest": {own: []string{"platform"}, deep: []string{"go.temporal.io"}},
	"execution":             {never: []string{"net/http", "os"}, deep: []string{"go.temporal.io"}},
	"activities":            {own: []string{"platform", "execution", "lock", "runbook"}},
	"signals":               {own: []string{"internal/keys", "internal/ids"}},
	"runbook":               {own: []string{"internal/endpoint", "internal/zones"}, never: []string{"net/http"}, deep: []string{"go.temporal.io"}},
	"engine":                {own: []string{"lock", "runbook"}, never: []string{"net/http", "os"}, deep: []string{"go.temporal.io"}},
	"notify":                {own: []string{"engine", "internal/shell"}, never: []string{"net/http", "os"}, deep: []string{"go.temporal.io"}},
	"lock":                  {never: []string{"net/http", "os"}, deep: []string{"go.temporal.io"}},
	"operators":             {own: []string{"internal/keys"}, never: []string{"net/http", "os"}},
	"workflows":             {own: []string{"activities", "execution", "lock", "operators", "signals", "runbook", "engine", "internal/endpoint"}, never: []string{"net/http", "os"}},

	// What users could write in a module of their own.
	"examples": {own: []string{"activities", "notify", "runbook", "workflows"}},

	"platform/platformtest/simulator": everything,
	"signals/bridge":                  everything,
	"worker":                          everything,
	"starter":                         everything,
	"codec":                           everything,
	"console":                         everything,
	"internal":                        everything,
	"e2e":                             everything,
}

// listed is a package as `go list -json` tells of it.
type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string // imports, and theirs
}

func TestPackagesImportOnlyWhatTheirLayerMay(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...").Output()
	require.NoError(t, err)
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
	require.NotEmpty(t, packages)
	require.Empty(t, violations(packages))
}

func TestEveryKindOfForbiddenImportIsCaught(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of, imports, deps string
		allowed           bool
	}{
		{of: "platform", deps: "go.temporal.io/sdk/client"},
		{of: "platform", imports: module + "/signals"},
		{of: "platform", imports: module + "/internal/config"},
		{of: "platform", imports: "net/http", allowed: true},
		{of: "platform/platformtest", imports: module + "/platform", allowed: true},
		{of: "platform/platformtest", imports: module + "/activities"},
		{of: "activities", imports: module + "/platform", allowed: true},
		{of: "activities", imports: module + "/signals"},
		{of: "signals", imports: module + "/platform"},
		{of: "signals", imports: module + "/workflows"},
		{of: "signals", imports: "net/http", allowed: true},
		{of: "signals", imports: module + "/internal/keys", allowed: true},
		{of: "signals", imports: module + "/internal/config"},
		{of: "signals/bridge", imports: module + "/internal/config", allowed: true},
		{of: "runbook", deps: "go.temporal.io/api/common/v1"},
		{of: "runbook/schema", imports: "net/http"},
		{of: "workflows", imports: "net/http/httptest"},
		{of: "workflows", imports: "os"},
		{of: "workflows", imports: "os/exec"},
		{of: "workflows", imports: module + "/platform"},
		{of: "workflows", deps: module + "/platform", allowed: true},
		{of: "workflows", imports: module + "/runbook", allowed: true},
		{of: "worker", imports: module + "/internal/serve", allowed: true},
		{of: "examples/switchover", imports: module + "/runbook", allowed: true},
		{of: "examples/ownworkflow", imports: module + "/internal/config"},
		{of: "examples/ownworkflow", imports: module + "/platform"},
		{of: "elsewhere", allowed: false},
	} {
		found := violations([]listed{{
			ImportPath: module + "/" + c.of,
			Imports:    []string{c.imports},
			Deps:       []string{c.imports, c.deps},
		}})
		require.Equal(t, c.allowed, len(found) == 0, "%s imports %s%s: %v", c.of, c.imports, c.deps, found)
	}
}

// violations says, in one sentence each, what is imported against the rules.
func violations(packages []listed) []string {
	var found []string
	for _, p := range packages {
		folder := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		rule, ok := layerOf(folder)
		if !ok {
			found = append(found, fmt.Sprintf("%s has no row in this test's table of layers", folder))
			continue
		}
		for _, path := range p.Imports {
			if within(path, rule.never) || foreign(folder, path, rule) {
				found = append(found, fmt.Sprintf("%s must not import %s", folder, path))
			}
		}
		for _, path := range p.Deps {
			if within(path, rule.deep) {
				found = append(found, fmt.Sprintf("%s must not depend on %s", folder, path))
			}
		}
	}
	return found
}

// foreign reports an import of this module that is not in the layer's list.
func foreign(folder, path string, rule layer) bool {
	if !within(path, []string{module}) || slices.Contains(rule.own, "*") {
		return false
	}
	imported := strings.TrimPrefix(path, module+"/")
	same := strings.SplitN(folder, "/", 2)[0] == strings.SplitN(imported, "/", 2)[0]
	_, ownRow := layers[imported]
	return !(same && !ownRow) && !slices.Contains(rule.own, imported)
}

func layerOf(folder string) (layer, bool) {
	if folder == "" {
		return layers[""], true
	}
	for parent := folder; parent != ""; {
		if rule, ok := layers[parent]; ok {
			return rule, true
		}
		cut := strings.LastIndexByte(parent, '/')
		parent = parent[:max(cut, 0)]
	}
	return layer{}, false
}

func within(path string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return path == root || strings.HasPrefix(path, root+"/")
	})
}
