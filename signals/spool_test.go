package signals

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"
	"go.temporal.io/api/serviceerror"
)

// faulty is a Temporal that may be away, or refuse what is for some workflows.
type faulty struct {
	mu     sync.Mutex
	got    []news
	tried  int
	away   bool
	faults map[string]error // by workflow id
}

func (f *faulty) Deliver(_ context.Context, a Arrival) (Outcome, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tried++
	if f.away {
		return "", serviceerror.NewUnavailable("no connection")
	}
	if err := f.faults[a.Target.WorkflowID]; err != nil {
		return "", err
	}
	f.got = append(f.got, news{a.Target, a.Callback})
	return OutcomeStored, nil
}

func (f *faulty) set(away bool, faults map[string]error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away, f.faults = away, faults
}

func (f *faulty) attempts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tried
}

// delivered are the statuses that arrived for a workflow, in order.
func (f *faulty) delivered(workflowID string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var statuses []string
	for _, n := range f.got {
		if n.target.WorkflowID == workflowID {
			statuses = append(statuses, n.callback.Status)
		}
	}
	return statuses
}

func target(workflowID string) Target {
	return Target{Kind: KindPlan, Namespace: namespace, WorkflowID: workflowID, Key: "k"}
}

func openSpool(t testing.TB, dir string, next Deliverer) *Spool {
	s, err := OpenSpool(SpoolConfig{Dir: dir, Namespace: namespace, Next: next, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// forwarding runs Forward until the returned function is called, at the latest at the end of the test.
func forwarding(t testing.TB, s *Spool) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Forward(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-stopped)
	})
	t.Cleanup(stop)
	return stop
}

func deliver(t testing.TB, s *Spool, workflowID, status string) Outcome {
	outcome, err := s.Deliver(t.Context(), arrival(target(workflowID), Callback{"in1", status}))
	require.NoError(t, err)
	return outcome
}

func requireEmpty(t testing.TB, s *Spool) {
	require.Eventually(t, func() bool { return s.store.queued.Load() == 0 }, waitFor, tick)
	require.NoError(t, s.store.view(s.store.count))
	require.Zero(t, s.store.queued.Load())
	require.Zero(t, s.store.oldest.Load())
	require.Empty(t, s.Remark())
}

func TestNewsGoesStraightToTemporalWhereItCan(t *testing.T) {
	t.Parallel()
	next := &faulty{}
	s := openSpool(t, t.TempDir(), next)
	require.Equal(t, OutcomeStored, deliver(t, s, "w", "SUCCESS"))
	require.Equal(t, []string{"SUCCESS"}, next.delivered("w"))
	requireEmpty(t, s)
}

func TestNewsThatTemporalCannotTakeNowIsKeptAndDeliveredInOrder(t *testing.T) {
	t.Parallel()
	next := &faulty{away: true}
	dir := t.TempDir()
	s := openSpool(t, dir, next)
	for _, status := range []string{"RUNNING", "PENDING", "SUCCESS"} {
		require.Equal(t, OutcomeSpooled, deliver(t, s, "w", status))
		require.Equal(t, OutcomeSpooled, deliver(t, s, "v", status))
	}
	require.Regexp(t, `^callbacks that wait for Temporal: 6, the oldest for \d+s$`, s.Remark())
	require.NoError(t, s.Ready(t.Context()), "callbacks can be taken")

	next.set(false, nil)
	forwarding(t, s)
	requireEmpty(t, s)
	for _, workflow := range []string{"v", "w"} {
		require.Equal(t, []string{"RUNNING", "PENDING", "SUCCESS"}, next.delivered(workflow))
	}
	info, err := os.Stat(filepath.Join(dir, spoolFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestNewsDoesNotOvertakeWhatWaitsForTheSameTarget(t *testing.T) {
	t.Parallel()
	next := &faulty{away: true}
	s := openSpool(t, t.TempDir(), next)
	deliver(t, s, "w", "RUNNING")
	next.set(false, nil)
	require.Equal(t, OutcomeSpooled, deliver(t, s, "w", "SUCCESS"))
	require.Equal(t, OutcomeStored, deliver(t, s, "v", "SUCCESS"), "other targets do not wait for it")
	forwarding(t, s)
	requireEmpty(t, s)
	require.Equal(t, []string{"RUNNING", "SUCCESS"}, next.delivered("w"))
	require.Equal(t, OutcomeStored, deliver(t, s, "w", "FAIL"), "and straight again")
}

func TestWhatTemporalRefusesForGoodIsPutAsideAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	next := &faulty{away: true}
	s := openSpool(t, t.TempDir(), next)
	for _, workflow := range []string{"a", "poison", "z"} {
		deliver(t, s, workflow, "SUCCESS")
	}
	require.NoError(t, s.store.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketQueue).Put([]byte(strings.Repeat("x", 32)+"12345678"), []byte("bit rot"))
	}))
	require.NoError(t, s.store.view(s.store.count))
	next.set(false, map[string]error{"poison": serviceerror.NewInvalidArgument("WorkflowId length exceeds limit.")})
	forwarding(t, s)
	requireEmpty(t, s)
	require.NotEmpty(t, next.delivered("a"))
	require.NotEmpty(t, next.delivered("z"))
	var dead []string
	require.NoError(t, s.store.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketDead).ForEach(func(_, data []byte) error {
			dead = append(dead, string(data))
			return nil
		})
	}))
	require.Len(t, dead, 2)
	all := strings.Join(dead, "\n")
	require.Contains(t, all, `"workflowId":"poison"`)
	require.Contains(t, all, "WorkflowId length exceeds limit")
	require.Contains(t, all, "bit rot")

	_, err := s.Deliver(t.Context(), arrival(target("poison"), Callback{"in1", "FAIL"}))
	require.ErrorContains(t, err, "length exceeds", "not taken where it is known at once")
	requireEmpty(t, s)
}

func TestDeadLettersAreListedAndSentAgain(t *testing.T) {
	t.Parallel()
	next := &faulty{away: true}
	s := openSpool(t, t.TempDir(), next)
	deliver(t, s, "poison", "SUCCESS")
	deliver(t, s, "worse", "FAIL")
	refusal := serviceerror.NewInvalidArgument("the payload is too large")
	next.set(false, map[string]error{"poison": refusal, "worse": refusal})
	stop := forwarding(t, s)
	requireEmpty(t, s)
	stop()

	var out strings.Builder
	next.set(false, map[string]error{"worse": refusal})
	require.ErrorContains(t, s.SendDeadLetters(t.Context(), &out), "are kept")
	require.Equal(t, []string{"SUCCESS"}, next.delivered("poison"))
	require.Contains(t, out.String(), `plan of workflow "poison": instance "in1" is SUCCESS; it was refused: the payload is too large`)
	require.Contains(t, out.String(), "sent again: stored")
	require.Contains(t, out.String(), "not sent, and kept: the payload is too large")

	out.Reset()
	next.set(false, nil)
	require.NoError(t, s.SendDeadLetters(t.Context(), &out))
	require.NotContains(t, out.String(), "poison")
	require.Equal(t, []string{"FAIL"}, next.delivered("worse"))
	out.Reset()
	require.NoError(t, s.SendDeadLetters(t.Context(), &out))
	require.Equal(t, "dead letters: 0\n", out.String())
}

func TestDeadLettersAreBounded(t *testing.T) {
	t.Parallel()
	s := openSpool(t, t.TempDir(), &faulty{})
	require.NoError(t, s.store.db.Update(func(tx *bolt.Tx) error {
		for range keepDead + 10 {
			if err := (&changes{Tx: tx}).bury(entry{Reason: "no"}); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, s.store.db.View(func(tx *bolt.Tx) error {
		require.Equal(t, keepDead, tx.Bucket(bucketDead).Stats().KeyN)
		return nil
	}))
}

func TestADiskThatHangsHoldsUpNobodyBeyondTheDeadline(t *testing.T) {
	t.Parallel()
	s := openSpool(t, t.TempDir(), &faulty{away: true})
	hangs, goesOn := make(chan struct{}), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(goesOn) })
	t.Cleanup(goOn)
	hanging := make(chan error, 1)
	go func() {
		hanging <- s.store.update(t.Context(), func(*changes) error { close(hangs); <-goesOn; return nil })
	}()
	<-hangs
	soon := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(t.Context(), 50*time.Millisecond)
	}
	for range 20 {
		ctx, cancel := soon()
		require.ErrorContains(t, s.Ready(ctx), "the disk does not answer")
		cancel()
	}
	stacks := make([]byte, 8<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	require.NotRegexp(t, `created by \S*signals\.\(\*(Spool|store)\)\.(Ready|probe|update) `, string(stacks), "no probe leaves something behind")
	ctx, cancel := soon()
	defer cancel()
	_, err := s.Deliver(ctx, arrival(target("w"), Callback{"in1", "SUCCESS"}))
	require.ErrorContains(t, err, "check the disk of DPA_SPOOL_DIR")
	require.Empty(t, s.Remark(), "which needs no disk")
	goOn()
	require.NoError(t, <-hanging)
	require.Equal(t, OutcomeSpooled, deliver(t, s, "w", "SUCCESS"))
	require.NoError(t, s.Ready(t.Context()))
}

func TestAProbeSyncsTheDiskOnlyIfNothingElseDidAMomentAgo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openSpool(t, t.TempDir(), &faulty{away: true})
		syncs := func() int64 { stats := s.store.db.Stats(); return stats.TxStats.GetWrite() }
		require.NoError(t, s.Ready(t.Context()))
		before := syncs()
		for range 100 {
			require.NoError(t, s.Ready(t.Context()))
			time.Sleep(probeEvery / 101)
		}
		require.Equal(t, before, syncs())
		time.Sleep(probeEvery)
		require.NoError(t, s.Ready(t.Context()))
		require.Greater(t, syncs(), before)
	})
}

func TestABacklogIsLoggedNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s, err := OpenSpool(SpoolConfig{Dir: t.TempDir(), Namespace: namespace, Next: &faulty{away: true},
			Logger: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err)
		for n := range 50 {
			deliver(t, s, fmt.Sprint(n), "SUCCESS")
		}
		stop := forwarding(t, s)
		time.Sleep(time.Hour + time.Second)
		stop()
		require.NoError(t, s.Close())
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		require.InDelta(t, time.Hour/warnEvery, len(lines), 1, log.String())
		require.Contains(t, lines[1], "callbacks that wait for Temporal: 50")
		require.Contains(t, lines[1], "no connection")
	})
}
