package zones

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheTimeZonesAreThoseOfTheToolchain(t *testing.T) {
	t.Parallel()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	current, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	require.NoError(t, err)
	require.True(t, string(current) == string(database), "run go generate ./internal/zones")
}

func TestAZoneIsNotTheMachines(t *testing.T) {
	t.Setenv("ZONEINFO", t.TempDir())
	zone, err := Load("Europe/Berlin")
	require.NoError(t, err)
	require.Equal(t, "2026-07-01T14:00:00+02:00", time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).In(zone).Format(time.RFC3339))
	for _, name := range []string{"", "Local", "Europe", "Europe/", "Mars/Base", "../zoneinfo"} {
		_, err := Load(name)
		require.Error(t, err, name)
	}
}
