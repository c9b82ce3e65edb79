package signals

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func instance(n int) string {
	return fmt.Sprintf(`{"planInstanceId":"in%d","status":"RUNNING"}`, n)
}

// Two bridges stand behind a proxy: what came in between may have come to the other.
func TestTheLastStatusIsDeliveredAgainUntilHalfOfTheAllowanceIsUsedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		for range 3 * triggerBurst {
			requireSuccess(t, b.post(planTarget(), planBody))
		}
		delivered := triggerBurst/2 + 1
		require.Len(t, b.inbox.delivered(), delivered)
		require.Equal(t, map[string]int64{"plan/stored": int64(delivered), "plan/repeat": int64(3*triggerBurst - delivered)}, b.results())

		requireSuccess(t, b.post(planTarget(), instance(7)))
		requireSuccess(t, b.post(planTarget(), planBody))
		require.Len(t, b.inbox.delivered(), delivered+2, "there is room for what is no repeat")

		time.Sleep(4 * triggerRefill)
		requireSuccess(t, b.post(planTarget(), planBody))
		require.Len(t, b.inbox.delivered(), delivered+3, "in time there is room for a repeat, too")
	})
}

func TestAStatusAfterAnotherIsNoRepeat(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var want []news
	for range triggerBurst / 4 {
		for _, status := range []string{"RUNNING", "PENDING"} {
			requireSuccess(t, b.post(planTarget(), `{"planInstanceId":"in1","status":"`+status+`"}`))
			want = append(want, news{planTarget(), Callback{"in1", status}})
		}
	}
	require.Equal(t, want, b.inbox.delivered())
}

func TestTheSameWordsForAnotherTriggerAreNoRepeat(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	other := planTarget()
	other.WorkflowID = "other"
	requireSuccess(t, b.post(planTarget(), planBody))
	requireSuccess(t, b.post(other, planBody))
	require.Len(t, b.inbox.delivered(), 2)
}

func TestOneTriggerCannotFloodItsRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		for n := range triggerBurst {
			requireSuccess(t, b.post(planTarget(), instance(n)))
		}
		answer := b.post(planTarget(), instance(triggerBurst))
		requireRefused(t, http.StatusTooManyRequests, answer)
		require.Equal(t, "600", answer.Header.Get("Retry-After"))
		requireSuccess(t, b.post(planTarget(), instance(triggerBurst-1))) // a repeat

		other := planTarget()
		other.Key = "step-3/1"
		requireSuccess(t, b.post(other, planBody))

		time.Sleep(triggerRefill)
		requireSuccess(t, b.post(planTarget(), instance(triggerBurst)))
		requireRefused(t, http.StatusTooManyRequests, b.post(planTarget(), instance(triggerBurst+1)))
	})
}

// signalLimit is how many signals Temporal lets one run have.
const signalLimit = 10_000

// flooded is how much of a flood of new news on one address the given number of bridges lets through within some time.
func flooded(t *testing.T, target Target, bridges int, within time.Duration) (stored int) {
	for range bridges {
		b := newBench(t, nil)
		for end, n := time.Now().Add(within), 0; time.Now().Before(end); n++ {
			if b.post(target, instance(n)).StatusCode == http.StatusTooManyRequests {
				time.Sleep(triggerRefill)
			}
		}
		stored += len(b.inbox.delivered())
	}
	return stored
}

func TestALeakedAddressCannotEndItsRunWithinAWeek(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const week = 7 * 24 * time.Hour
		stored := flooded(t, planTarget(), 8, week)
		require.Less(t, stored, signalLimit)
		require.Greater(t, stored, signalLimit/2, "the flood was one")
		require.Less(t, flooded(t, planTarget(), 1, week), signalLimit/8)
	})
}

func TestATimedSceneMayBringNewsForMonths(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		scene := planTarget()
		scene.Key = SceneKeyPrefix + "1"
		for n := range 10 * triggerBurst {
			requireSuccess(t, b.post(scene, instance(n)))
			time.Sleep(sceneRefill)
		}
	})
}

func TestTheBridgeHasACeiling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c *HandlerConfig) { c.RequestsPerSecond = 2.5 })
		for range 100 { // strangers do not use it up
			requireRefused(t, http.StatusNotFound, b.do(http.MethodPost, "/callbacks/plan/forged", planBody))
		}
		for n := range 3 {
			requireSuccess(t, b.post(planTarget(), instance(n)))
		}
		answer := b.post(planTarget(), instance(3))
		requireRefused(t, http.StatusTooManyRequests, answer)
		require.Equal(t, "1", answer.Header.Get("Retry-After"))
		require.Equal(t, int64(1), b.results()["plan/limited"])

		time.Sleep(time.Second)
		requireSuccess(t, b.post(planTarget(), instance(3)))
	})
}

func TestStrangersDoNotMakeABridgeForgetWhoHasAToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c *HandlerConfig) { open(c); c.RequestsPerSecond = 1e6 })
		for n := range triggerBurst {
			requireSuccess(t, b.post(planTarget(), instance(n)))
		}
		requireRefused(t, http.StatusTooManyRequests, b.post(planTarget(), planBody))
		for n := range remembered + 1 {
			requireSuccess(t, b.do(http.MethodPost, fixedPlan, instance(n)))
		}
		requireRefused(t, http.StatusTooManyRequests, b.post(planTarget(), planBody))
	})
}
