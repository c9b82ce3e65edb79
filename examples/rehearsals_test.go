package examples_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/examples/switchover"
	"github.com/dpaflow/dpaflow/starter/rehearsal"
)

func TestTheSwitchoverGoesAsItsRehearsalsSay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("switchover/rehearsals/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			script, err := rehearsal.Parse(text)
			require.NoError(t, err)
			require.NotEmpty(t, script.Name)
			require.True(t, script.Decides(), "a rehearsal says how the run ends")
			_, err = script.Play(*switchover.Runbook())
			require.NoError(t, err)
		})
	}
}
