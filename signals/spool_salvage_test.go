package signals

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatCanBeReadOfADamagedSpoolIsNotLostWhereItCannotBeCopiedNow(t *testing.T) {
	t.Parallel()
	file, workflows := keptOnDisk(t) // 180 callbacks that were answered SUCCESS
	clear(file[:64])                 // of one of its first pages, as after a write that was cut short: all but that one can be read
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, spoolFile), file, 0o600))
	full := filepath.Join(dir, spoolFile+".copy") // cannot be written, as on a full disk
	require.NoError(t, os.MkdirAll(filepath.Join(full, "x"), 0o700))
	if s, err := OpenSpool(SpoolConfig{Dir: dir, Namespace: namespace, Next: &faulty{}, Logger: slog.New(slog.DiscardHandler)}); err == nil {
		require.NoError(t, s.Close())
	}
	require.NoError(t, os.RemoveAll(full)) // there is room again, and the next bridge starts on that folder
	after := t.TempDir()
	require.NoError(t, os.CopyFS(after, os.DirFS(dir)))
	next := &faulty{}
	s := openSpool(t, after, next)
	stop := forwarding(t, s)
	require.Eventually(t, func() bool { return s.store.queued.Load() == 0 }, waitFor, tick)
	stop()
	for _, workflow := range workflows[:len(workflows)-1] {
		require.Equal(t, "[RUNNING PENDING SUCCESS]", fmt.Sprint(next.delivered(workflow)), workflow)
	}
}
