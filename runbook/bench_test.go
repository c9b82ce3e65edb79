package runbook

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkParse reads the largest document there is, with three expressions of its own in every step.
func BenchmarkParse(b *testing.B) {
	text := largest()
	for b.Loop() {
		_, err := Parse(text)
		require.NoError(b, err)
	}
}

// BenchmarkJob renders one step of it.
func BenchmarkJob(b *testing.B) {
	document, err := Parse(largest())
	require.NoError(b, err)
	program, err := document.Compile()
	require.NoError(b, err)
	for b.Loop() {
		_, err := program.Job(500, Scope{Vars: document.Vars})
		require.NoError(b, err)
	}
}

func largest() []byte {
	var text strings.Builder
	text.WriteString("name: largest\nvars: {a: 1}\nsteps:\n")
	for i := range MaxSteps {
		fmt.Fprintf(&text, "- {id: s%d, plan: p, when: vars.a == %d, params: {m: {A: '${{ vars.a + %d }}', B: '${{ string(%d) }}'}}}\n", i, i, i, i)
	}
	return []byte(text.String())
}
