package tool

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// outcome is a test that notes how it was ended.
type outcome struct {
	testing.TB
	skipped, failed bool
}

func (o *outcome) Skipf(string, ...any)  { o.skipped = true }
func (o *outcome) Fatalf(string, ...any) { o.failed = true }

func TestAProgramThatIsNotInstalledSkipsATestOrFailsItWhereItIsRequired(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("PATH", folder)
	t.Setenv(required, "")
	there := filepath.Join(folder, "there")
	require.NoError(t, os.WriteFile(there, nil, 0o700))

	o := &outcome{TB: t}
	require.Equal(t, there, Needed(o, "there"))
	require.Equal(t, outcome{TB: t}, *o)
	Needed(o, "missing")
	require.Equal(t, outcome{TB: t, skipped: true}, *o)

	t.Setenv(required, "yes")
	o = &outcome{TB: t}
	require.Equal(t, there, Needed(o, "there"))
	Needed(o, "missing")
	require.Equal(t, outcome{TB: t, failed: true}, *o)
}
