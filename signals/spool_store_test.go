package signals

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsKeptIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := OpenSpool(SpoolConfig{Dir: dir, Namespace: namespace, Next: &faulty{away: true}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	deliver(t, first, "w", "RUNNING")
	deliver(t, first, "w", "SUCCESS")

	// Delivered, and the process died before it was removed.
	heads, _, err := first.store.heads(bucketQueue, nil, 1)
	require.NoError(t, err)
	next := &faulty{}
	first.Next = next
	_, err = first.forward(t.Context(), &heads[0].entry)
	require.NoError(t, err)
	require.NoError(t, first.Close())

	s := openSpool(t, dir, next)
	require.Contains(t, s.Remark(), "2, the oldest")
	forwarding(t, s)
	requireEmpty(t, s)
	require.Equal(t, []string{"RUNNING", "RUNNING", "SUCCESS"}, next.delivered("w"), "a repeat, which Temporal drops")
}

func TestASpoolBelongsToOneProcessAndOneNamespace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := OpenSpool(SpoolConfig{Dir: dir, Namespace: namespace, Next: &faulty{away: true}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	deliver(t, s, "w", "SUCCESS")
	_, err = OpenSpool(SpoolConfig{Dir: dir, Namespace: namespace, Next: &faulty{}})
	require.ErrorContains(t, err, "in use by another process")
	require.NoError(t, s.Close())

	_, err = OpenSpool(SpoolConfig{Dir: dir, Namespace: "other", Next: &faulty{}})
	require.ErrorContains(t, err, `1 callbacks in it are for the namespace "ops", not "other"`)

	drained := openSpool(t, dir, &faulty{})
	stop := forwarding(t, drained)
	requireEmpty(t, drained)
	stop()
	require.NoError(t, drained.Close())
	openSpool(t, dir, &faulty{})
}

func TestAFolderThatCannotBeUsedIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	_, err := OpenSpool(SpoolConfig{Dir: file, Namespace: namespace, Next: &faulty{}})
	require.ErrorContains(t, err, "open spool")

	_, err = OpenSpool(SpoolConfig{Dir: filepath.Join(t.TempDir(), "missing"), Namespace: namespace, Next: &faulty{}})
	require.ErrorContains(t, err, "open spool")
}

func TestAFullSpoolTakesNothingUntilSomethingIsDelivered(t *testing.T) {
	t.Parallel()
	next := &faulty{away: true}
	s := openSpool(t, t.TempDir(), next)
	s.store.max = 128 << 10
	var kept atomic.Int64
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for {
				_, err := s.Deliver(t.Context(), arrival(target(fmt.Sprint(rand.Int())), Callback{"in1", "SUCCESS"}))
				if err != nil {
					assert.ErrorIs(t, err, errSpoolFull)
					return
				}
				kept.Add(1)
			}
		})
	}
	callers.Wait()
	require.ErrorContains(t, s.Ready(t.Context()), "full")
	require.EqualValues(t, kept.Load(), s.store.queued.Load())
	require.Greater(t, kept.Load(), int64(100))

	next.set(false, nil)
	stop := forwarding(t, s)
	requireEmpty(t, s)
	stop()
	next.set(true, nil)
	require.Equal(t, OutcomeSpooled, deliver(t, s, "w", "SUCCESS"))
	require.NoError(t, s.Ready(t.Context()))
}
