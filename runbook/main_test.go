package runbook

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func examples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// parse reads a document in which nothing is wrong.
func parse(t *testing.T, text string) *Document {
	t.Helper()
	document, err := Parse([]byte(text))
	require.NoError(t, err)
	return document
}

// problems are what is wrong with a document, a line for each.
func problems(err error) (lines []string) {
	faults, _ := err.(Faults)
	for _, fault := range faults {
		lines = append(lines, fault.String())
	}
	return lines
}
