package signals

import (
	"cmp"
	"math"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Temporal lets a run have 10,000 signals, and a run with that many is lost. An honest trigger has a handful of callbacks
// in its life: one instance, some statuses. Whoever got hold of an address can bring 100 + 144 a day to each bridge: within
// a week 1,108, or 8,864 through eight bridges. A bridge that restarts begins anew.
//
// The address of a timed scene is different: it is called for ever new instances, several times for each, for months.
// A scene may run every second: it may bring twenty a second, and the run has to continue as new long before its 10,000th.
const (
	triggerBurst  = 100
	triggerRefill = 10 * time.Minute
	sceneRefill   = 50 * time.Millisecond

	strangersPerSecond = 50

	remembered = 10_000 // triggers, the least recent forgotten first
)

// limits keep away from Temporal what the network sends too much of. Signed and fixed addresses have limits of their own:
// strangers use up nothing of what those with a token have.
type limits struct {
	requests *rate.Limiter
	triggers *lru.Cache[Target, *trigger]
}

// trigger is what a bridge remembers of a target: to lose it costs a signal, never a callback.
type trigger struct {
	allowance *rate.Limiter
	last      atomic.Pointer[Callback] // that became durable through this bridge
}

func newLimits(requestsPerSecond float64) *limits {
	triggers, err := lru.New[Target, *trigger](remembered)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	requests := rate.NewLimiter(rate.Inf, 0)
	if requestsPerSecond > 0 {
		requests = rate.NewLimiter(rate.Limit(requestsPerSecond), int(math.Ceil(requestsPerSecond)))
	}
	return &limits{requests, triggers}
}

// unsignedRate is the ceiling of the fixed addresses.
func unsignedRate(requestsPerSecond float64) float64 {
	return cmp.Or(requestsPerSecond, strangersPerSecond)
}

func (l *limits) of(t Target) *trigger {
	fresh := &trigger{allowance: rate.NewLimiter(rate.Every(refillOf(t)), triggerBurst)}
	if known, ok, _ := l.triggers.PeekOrAdd(t, fresh); ok {
		l.triggers.Get(t) // which keeps it from being forgotten
		return known
	}
	return fresh
}

// refillOf is the time in which a target may bring one more callback.
func refillOf(t Target) time.Duration {
	if strings.HasPrefix(t.Key, SceneKeyPrefix) {
		return sceneRefill
	}
	return triggerRefill
}

// isRepeat says whether a callback need not be delivered: it is what this bridge delivered last, and half of the allowance
// is used up. Until then it is delivered, and the run drops what it has: in between, another bridge may have delivered
// another status, and RUNNING after PENDING is no repeat.
func (t *trigger) isRepeat(c Callback) bool {
	last := t.last.Load()
	return last != nil && *last == c && t.allowance.Tokens() < triggerBurst/2
}
