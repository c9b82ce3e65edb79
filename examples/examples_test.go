// Package examples_test holds that the examples are what they say.
package examples_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/examples/switchover"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestTheYAMLTheJSONAndTheBuilderAreTheSameDocument(t *testing.T) {
	t.Parallel()
	built := switchover.Runbook()
	require.NoError(t, built.Validate())
	written, err := runbook.Parse(switchover.YAML)
	require.NoError(t, err)
	require.Equal(t, written, built)

	var input workflows.RunbookInput
	require.NoError(t, runbook.ParseInto(switchover.JSON, &input))
	yes := true
	require.Equal(t, workflows.RunbookInput{Document: *written, Preflight: &yes}, input)
}
