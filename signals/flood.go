package signals

import (
	"cmp"
	"math"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Temporal lets a run have 10,000 signals, and a run with that many is lost. An honest trigger brings a handful of news
// in its life: one instance, some statuses, repeats not counted. Whoever got hold of an address can bring
// 100 + 144 a day to each bridge: within a week 1,108, or 8,864 through eight bridges. A bridge that restarts begins anew.
//
// The address of a timed scene is different: it brings news of ever new instances, several for each, for months.
// A scene may run every second: it may bring twenty a second, and the run has to continue as new long before its 10,000th.
const (
	newsBurst   = 100
	newsRefill  = 10 * time.Minute
	sceneRefill = 50 * time.Millisecond

	strangersPerSecond = 50

	remembered  = 10_000 // triggers and pieces of news, the least recent forgotten first
	repeatsLast = 10 * time.Minute
)

type news struct {
	target   Target
	callback Callback
}

// flood keeps what the network sends away from Temporal: too many requests, too much news for one trigger,
// and repeats of what is stored already. All of it is memory of one process: losing it costs an RPC, never news.
type flood struct {
	bridge    *rate.Limiter // of all who hold a token
	strangers *rate.Limiter // of all who do not: they use up nothing of the others'
	triggers  *lru.Cache[Target, *rate.Limiter]
	stored    *lru.Cache[news, time.Time]
}

func newFlood(requestsPerSecond float64) *flood {
	return &flood{
		bridge:    newLimiter(requestsPerSecond),
		strangers: newLimiter(cmp.Or(requestsPerSecond, strangersPerSecond)),
		triggers:  newLRU[Target, *rate.Limiter](),
		stored:    newLRU[news, time.Time](),
	}
}

func newLimiter(perSecond float64) *rate.Limiter {
	if perSecond <= 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(perSecond), int(math.Ceil(perSecond)))
}

func newLRU[K comparable, V any]() *lru.Cache[K, V] {
	cache, err := lru.New[K, V](remembered)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return cache
}

// isRepeat says whether the same news was stored within the last minutes.
func (f *flood) isRepeat(n news) bool {
	at, ok := f.stored.Get(n)
	return ok && time.Since(at) < repeatsLast
}

// allowNews says whether the trigger may still bring news that is not a repeat.
func (f *flood) allowNews(t Target) bool {
	limiter, ok := f.triggers.Get(t)
	if !ok {
		fresh := rate.NewLimiter(rate.Every(refillOf(t)), newsBurst)
		if limiter, ok, _ = f.triggers.PeekOrAdd(t, fresh); !ok {
			limiter = fresh
		}
	}
	return limiter.Allow()
}

// refillOf is the time in which a target may bring one more piece of news.
func refillOf(t Target) time.Duration {
	if strings.HasPrefix(t.Key, SceneKeyPrefix) {
		return sceneRefill
	}
	return newsRefill
}

// wasStored remembers news as stored. Call it only once the news is durable.
func (f *flood) wasStored(n news) {
	f.stored.Add(n, time.Now())
}
