package signals

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASpoolThatCouldNotBeBegunAnewCanBeClosed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	require.NoError(t, os.Mkdir(dir, 0o700))
	s, err := OpenSpool(SpoolConfig{Dir: dir, Namespace: namespace, Next: &faulty{away: true}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	for range 100 {
		deliver(t, s, "w", "SUCCESS")
	}
	require.NoError(t, os.Truncate(filepath.Join(dir, spoolFile), 2*pageSize))
	require.NoError(t, os.RemoveAll(dir)) // no new file can be begun, as on a full disk
	_, err = s.Deliver(t.Context(), arrival(target("w"), Callback{"in1", "SUCCESS"}))
	require.Error(t, err)
	require.NotPanics(t, func() { _ = s.Close() })
}
