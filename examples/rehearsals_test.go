package examples_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/starter/rehearsal"
)

func TestTheExamplesGoAsTheirRehearsalsSay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/rehearsals/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			doc, err := runbook.ParseFile(filepath.Join(filepath.Dir(filepath.Dir(file)), "runbook.yaml"), os.ReadFile)
			require.NoError(t, err)
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			script, err := rehearsal.Parse(text)
			require.NoError(t, err)
			require.NotEmpty(t, script.Name)
			require.True(t, script.Decides(), "a rehearsal says how the run ends")
			_, err = script.Play(*doc)
			require.NoError(t, err)
		})
	}
}
