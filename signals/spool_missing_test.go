package signals

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// nowhere has the runs of some workflows missing.
func nowhere(workflows ...string) map[string]error {
	faults := map[string]error{}
	for _, workflow := range workflows {
		faults[workflow] = errNoRun
	}
	return faults
}

func TestACallbackWhoseRunIsNotThereYetIsKeptAndDeliveredInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		next := &faulty{faults: nowhere("w")}
		s := openSpool(t, t.TempDir(), next)
		forwarding(t, s)
		for _, status := range []string{"RUNNING", "PENDING"} {
			require.Equal(t, OutcomeSpooled, deliver(t, s, "w", status))
		}
		require.Equal(t, OutcomeStored, deliver(t, s, "v", "SUCCESS"), "others do not wait for it")
		time.Sleep(2 * time.Hour)
		require.Equal(t, OutcomeSpooled, deliver(t, s, "w", "SUCCESS"))
		require.Equal(t, "callbacks whose run is not there, kept for 6 hours: 3", s.Remark(), "none waits for Temporal")
		n, age := s.waiting()
		require.Zero(t, n)
		require.Zero(t, age)
		require.Less(t, next.attempts(), 25, "the pauses grow to an hour")

		next.set(false, nil)
		time.Sleep(time.Hour)
		requireEmpty(t, s)
		require.Equal(t, []string{"RUNNING", "PENDING", "SUCCESS"}, next.delivered("w"))
		require.Equal(t, OutcomeStored, deliver(t, s, "w", "FAIL"), "and straight again")
	})
}

func TestWhatWaitedForTemporalWaitsForItsRunToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		next := &faulty{away: true}
		s := openSpool(t, t.TempDir(), next)
		forwarding(t, s)
		for _, status := range []string{"RUNNING", "SUCCESS"} {
			deliver(t, s, "w", status)
		}
		deliver(t, s, "v", "SUCCESS")
		next.set(false, nowhere("w")) // it came back elsewhere
		time.Sleep(lastPause)
		require.Equal(t, []string{"SUCCESS"}, next.delivered("v"))
		require.EqualValues(t, 2, s.store.missing.Load())
		require.Zero(t, s.store.queued.Load())
		next.set(false, nil)
		time.Sleep(time.Minute)
		requireEmpty(t, s)
		require.Equal(t, []string{"RUNNING", "SUCCESS"}, next.delivered("w"))
	})
}

func TestACallbackWhoseRunDoesNotComeIsGivenUpAfterSixHours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		next := &faulty{faults: nowhere("w")}
		s := openSpool(t, t.TempDir(), next)
		forwarding(t, s)
		deliver(t, s, "w", "RUNNING")
		time.Sleep(missingLasts / 2)
		deliver(t, s, "w", "SUCCESS")
		time.Sleep(missingLasts/2 - time.Minute)
		require.EqualValues(t, 2, s.store.missing.Load())
		time.Sleep(lastMissingPause + 2*time.Minute)
		require.EqualValues(t, 1, s.store.missing.Load(), "each is kept for six hours")
		time.Sleep(missingLasts/2 + lastMissingPause)
		require.Zero(t, s.store.missing.Load())
		require.Empty(t, s.Remark())
		next.set(false, nil)
		require.Equal(t, OutcomeStored, deliver(t, s, "w", "SUCCESS"))
	})
}

func TestAMissingRunIsWaitedForAcrossARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	next := &faulty{faults: nowhere("w")}
	first, err := OpenSpool(SpoolConfig{Dir: dir, Namespace: namespace, Next: next, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	deliver(t, first, "w", "RUNNING")
	deliver(t, first, "w", "SUCCESS")
	require.NoError(t, first.Close())

	next.set(false, nil)
	s := openSpool(t, dir, next)
	require.Equal(t, OutcomeSpooled, deliver(t, s, "w", "FAIL"), "behind what waits")
	forwarding(t, s)
	require.Eventually(t, func() bool { return len(next.delivered("w")) == 3 }, waitFor, tick)
	require.Equal(t, []string{"RUNNING", "SUCCESS", "FAIL"}, next.delivered("w"))
	requireEmpty(t, s)
}

func TestOnlySoManyRunsAreWaitedFor(t *testing.T) {
	t.Parallel()
	next := &faulty{faults: nowhere("one too many")}
	s := openSpool(t, t.TempDir(), next)
	for n := range maxMissing {
		require.True(t, s.missing.add(ownerOf(target(fmt.Sprint(n))), time.Now()))
	}
	b := newBench(t, func(c *HandlerConfig) { c.Deliverer = s })
	requireRefused(t, http.StatusServiceUnavailable, b.post(target("one too many"), planBody))

	s.Next = outcome(OutcomeMissing) // and Temporal is well
	requireSuccess(t, b.post(target("another"), planBody))
	require.EqualValues(t, 1, b.results()["plan/missing"])
	require.Zero(t, s.store.missing.Load())
}
