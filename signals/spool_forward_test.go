package signals

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
)

func TestTroubleWithOneTargetHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		next := &faulty{away: true}
		s := openSpool(t, t.TempDir(), next)
		for n := range 3 * forwardPage {
			deliver(t, s, fmt.Sprint(n), "SUCCESS")
		}
		deliver(t, s, "17", "FAIL")
		next.set(false, map[string]error{"17": serviceerror.NewResourceExhausted(0, "workflow is busy")})
		forwarding(t, s)
		time.Sleep(time.Minute)
		require.EqualValues(t, 2, s.store.queued.Load())
		next.set(false, nil)
		time.Sleep(lastPause)
		requireEmpty(t, s)
		require.Equal(t, []string{"SUCCESS", "FAIL"}, next.delivered("17"))
	})
}

func TestWhileTemporalIsAwayItIsAskedNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		next := &faulty{away: true}
		s := openSpool(t, t.TempDir(), next)
		deliver(t, s, "w", "SUCCESS")
		forwarding(t, s)
		time.Sleep(time.Hour)
		require.InDelta(t, time.Hour/lastPause, next.attempts(), 20)

		next.set(false, nil)
		before := time.Now()
		require.Equal(t, OutcomeStored, deliver(t, s, "v", "SUCCESS"))
		synctest.Wait()
		require.Equal(t, []string{"SUCCESS"}, next.delivered("w"), "a callback that got through wakes those that wait")
		require.Less(t, time.Since(before), time.Second)
	})
}

// stuck is a Temporal that does not answer.
type stuck struct{}

func (stuck) Deliver(ctx context.Context, _ Arrival) (Outcome, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestOnlyOneCallbackAtATimeWaitsForATemporalThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openSpool(t, t.TempDir(), stuck{})
		start := time.Now()
		deliver(t, s, "first", "SUCCESS")
		require.InDelta(t, directTimeout, time.Since(start), float64(100*time.Millisecond))

		took := make(chan time.Duration, 10)
		for n := range cap(took) {
			go func() {
				start := time.Now()
				_, _ = s.Deliver(t.Context(), arrival(target(fmt.Sprint(n)), Callback{"in1", "SUCCESS"}))
				took <- time.Since(start)
			}()
		}
		slow := 0
		for range cap(took) {
			if <-took > time.Second {
				slow++
			}
		}
		require.Equal(t, 1, slow)
		require.EqualValues(t, 11, s.store.queued.Load())
	})
}

// TestNothingIsLostAndNothingOvertakes lets Temporal come and go at random under many callers.
func TestNothingIsLostAndNothingOvertakes(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		next := &faulty{}
		s := openSpool(t, t.TempDir(), next)
		forwarding(t, s)
		const perTarget = 20
		var callers sync.WaitGroup
		for caller := range 20 {
			callers.Go(func() {
				random := rand.New(rand.NewPCG(seed, uint64(caller)))
				for n := range perTarget {
					deliver(t, s, fmt.Sprint("w", caller), fmt.Sprint(n))
					time.Sleep(time.Duration(random.Int64N(int64(10 * time.Second))))
				}
			})
		}
		random := rand.New(rand.NewPCG(seed, 1000))
		for range 20 {
			next.set(random.IntN(2) == 0, map[string]error{fmt.Sprint("w", random.IntN(20)): serviceerror.NewInternal("shard moves")})
			time.Sleep(time.Duration(random.Int64N(int64(10 * time.Second))))
		}
		next.set(false, nil)
		callers.Wait()
		time.Sleep(time.Minute)
		requireEmpty(t, s)
		for caller := range 20 {
			got := next.delivered(fmt.Sprint("w", caller))
			require.Len(t, got, perTarget)
			for n, status := range got {
				require.Equal(t, fmt.Sprint(n), status)
			}
		}
	})
}

// BenchmarkSpool keeps callbacks that come side by side, each synced to disk.
func BenchmarkSpool(b *testing.B) {
	s := openSpool(b, b.TempDir(), &faulty{away: true})
	s.away.Store(true)
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Deliver(b.Context(), arrival(target("w"), Callback{"in1", "SUCCESS"})); err != nil {
				b.Error(err)
			}
		}
	})
}
