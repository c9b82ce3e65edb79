package runbook

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func varsOf(t *testing.T, vars string) (Vars, error) {
	t.Helper()
	doc, err := Parse([]byte("name: r\nvars: " + vars + "\nsteps: [{id: a, plan: p}]\n"))
	if err != nil {
		return nil, err
	}
	program, err := doc.Compile()
	if err != nil {
		return nil, err
	}
	require.NoError(t, doc.Bind(nil))
	return program.Vars()
}

func TestAVariableMayUseOthersInAnyOrder(t *testing.T) {
	t.Parallel()
	vars, err := varsOf(t, `{url: "http://${{ vars.host }}/health", host: "web.${{ vars.site }}", site: beijing,
		ports: [80, 443], all: "${{ vars.ports.map(p, p + 1) }}", nested: {to: ["${{ vars.ports[0] }}"]}, escaped: "$${{ vars.site }}"}`)
	require.NoError(t, err)
	require.Equal(t, Vars{
		"url": "http://web.beijing/health", "host": "web.beijing", "site": "beijing", "ports": []any{int64(80), int64(443)},
		"all": []any{int64(81), int64(444)}, "nested": map[string]any{"to": []any{int64(80)}}, "escaped": "${{ vars.site }}",
	}, vars)
}

func TestAVariableThatCannotBeKnownIsRefused(t *testing.T) {
	t.Parallel()
	for vars, because := range map[string]string{
		`{a: "${{ vars.b }}", b: "${{ vars.c }}", c: "x${{ vars.a }}"}`: "vars.a: uses itself in a circle: a → b → c → a",
		`{a: "${{ vars.a }}"}`:             "vars.a: uses itself in a circle",
		`{a: "${{ vars.none }}"}`:          `vars.a: there is no variable "none"`,
		`{a: "${{ steps.a.status }}"}`:     "vars.a: may only use other variables",
		`{a: "${{ runbook.workflowId }}"}`: "vars.a: may only use other variables",
		`{a: "${{ item }}"}`:               "vars.a: item is known only inside a step with forEach",
		`{a: {b: ["${{ 1 + }}"]}}`:         "vars.a.b[0]: ",
		`{a: "${{ vars.l[3] }}", l: [1]}`:  "vars.a: cannot be evaluated",
	} {
		_, err := varsOf(t, vars)
		require.ErrorContains(t, err, because, vars)
	}
}
