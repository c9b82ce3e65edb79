package signals

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const pageSize = 4096

// keptOnDisk is the file of a spool in which callbacks of some workflows wait, several for each.
func keptOnDisk(t *testing.T) (file []byte, workflows []string) {
	dir := t.TempDir()
	s, err := OpenSpool(SpoolConfig{Dir: dir, Namespace: namespace, Next: &faulty{away: true}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	for n := range 60 {
		workflows = append(workflows, fmt.Sprint("w", n))
	}
	for _, status := range []string{"RUNNING", "PENDING", "SUCCESS"} {
		for _, workflow := range workflows {
			require.Equal(t, OutcomeSpooled, deliver(t, s, workflow, status))
		}
	}
	require.NoError(t, s.Close())
	file, err = os.ReadFile(filepath.Join(dir, spoolFile))
	require.NoError(t, err)
	return file, workflows
}

// requireUsable opens a spool on a file, whatever is in it, and has it take and deliver a callback. It returns how many of the
// workflows got all that was kept for them.
func requireUsable(t *testing.T, file []byte, workflows []string) (whole int, aside bool) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, spoolFile), file, 0o600))
	next := &faulty{away: true}
	s := openSpool(t, dir, next)
	require.NoError(t, s.Ready(t.Context()))
	require.Equal(t, OutcomeSpooled, deliver(t, s, "new", "SUCCESS"))
	next.set(false, nil)
	stop := forwarding(t, s)
	require.Eventually(t, func() bool { return s.store.queued.Load() == 0 }, waitFor, tick)
	stop()
	require.Equal(t, []string{"SUCCESS"}, next.delivered("new"))
	for _, workflow := range workflows {
		if got := next.delivered(workflow); fmt.Sprint(got) == "[RUNNING PENDING SUCCESS]" {
			whole++
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, asideFiles))
	require.NoError(t, err)
	require.EqualValues(t, len(found), s.store.aside.Load())
	if len(found) > 0 {
		require.Contains(t, s.Remark(), "damaged files in "+dir)
		kept, err := os.ReadFile(found[0])
		require.NoError(t, err)
		require.Equal(t, file, kept, "it is put aside as it was")
	}
	return whole, len(found) > 0
}

func TestADamagedSpoolIsPutAsideAndTheBridgeGoesOn(t *testing.T) {
	t.Parallel()
	file, workflows := keptOnDisk(t)
	pages := len(file) / pageSize
	whole, aside := requireUsable(t, file, workflows)
	require.Equal(t, len(workflows), whole)
	require.False(t, aside)

	for name, damaged := range map[string][]byte{
		"no database":         bytes.Repeat([]byte("no database"), 1000),
		"one byte":            file[:1],
		"half a page":         file[:pageSize/2],
		"the first page":      file[:pageSize],
		"the first two pages": file[:2*pageSize],
		"the first half":      file[:pages/2*pageSize],
		"zeroes":              make([]byte, len(file)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, aside := requireUsable(t, damaged, nil)
			require.True(t, aside)
		})
	}
	t.Run("an empty file is a new one", func(t *testing.T) {
		t.Parallel()
		_, aside := requireUsable(t, nil, nil)
		require.False(t, aside)
	})
}

func TestWhatCanBeReadOfADamagedSpoolIsSaved(t *testing.T) {
	t.Parallel()
	file, workflows := keptOnDisk(t)
	noticed := 0
	for page := range len(file) / pageSize {
		damaged := bytes.Clone(file)
		clear(damaged[page*pageSize : (page+1)*pageSize])
		whole, aside := requireUsable(t, damaged, workflows)
		if !aside {
			require.Equal(t, len(workflows), whole, "page %d was not in use", page)
			continue
		}
		noticed++
		t.Logf("without page %d, %d of %d workflows got all", page, whole, len(workflows))
	}
	require.Greater(t, noticed, 3)
}

func TestNoGarbageInItsFileEndsABridge(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	file, _ := keptOnDisk(t)
	for range 60 {
		damaged := bytes.Clone(file)
		for range 1 + random.IntN(20) {
			damaged[random.IntN(len(damaged))] = byte(random.Uint32())
		}
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, spoolFile), damaged, 0o600))
		next := &faulty{away: true}
		s, err := OpenSpool(SpoolConfig{Dir: dir, Namespace: namespace, Next: next, Logger: slog.New(slog.DiscardHandler)})
		if err != nil { // the name of a namespace may be what is damaged
			require.ErrorContains(t, err, "are for the namespace")
			continue
		}
		s.store.mu.Lock()
		s.store.replaced = time.Time{}
		s.store.mu.Unlock()
		require.Eventually(t, func() bool { // what is noticed only now is put aside now
			outcome, err := s.Deliver(t.Context(), arrival(target("new"), Callback{"in1", "SUCCESS"}))
			return err == nil && outcome == OutcomeSpooled
		}, waitFor, tick)
		next.set(false, nil)
		stop := forwarding(t, s)
		require.Eventually(t, func() bool { return len(next.delivered("new")) > 0 }, waitFor, tick)
		stop()
		require.NoError(t, s.Close())
	}
}

func TestASpoolThatIsDamagedWhileItIsOpenIsPutAsideToo(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(*os.File, int64) error{
		"its pages are lost": func(f *os.File, size int64) error { _, err := f.WriteAt(make([]byte, size), 0); return err },
		"it is cut short":    func(f *os.File, _ int64) error { return f.Truncate(2 * pageSize) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			next := &faulty{away: true}
			s := openSpool(t, dir, next)
			for n := range 100 {
				deliver(t, s, fmt.Sprint("w", n), "SUCCESS")
			}
			f, err := os.OpenFile(filepath.Join(dir, spoolFile), os.O_RDWR, 0)
			require.NoError(t, err)
			info, err := f.Stat()
			require.NoError(t, err)
			require.NoError(t, damage(f, info.Size()))
			require.NoError(t, f.Close())

			require.Eventually(t, func() bool {
				outcome, err := s.Deliver(t.Context(), arrival(target("new"), Callback{"in1", "SUCCESS"}))
				return err == nil && outcome == OutcomeSpooled
			}, waitFor, tick)
			require.Contains(t, s.Remark(), "damaged files in "+dir)
			next.set(false, nil)
			forwarding(t, s)
			require.Eventually(t, func() bool { return len(next.delivered("new")) > 0 }, waitFor, tick)
		})
	}
}
