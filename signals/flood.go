package signals

import (
	"math"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	// A run takes 10,000 signals at most. At this pace that is more than a day of nothing but new news on one address,
	// while an honest plan sends a handful.
	newsBurst  = 200
	newsRefill = 10 * time.Second

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
	bridge   *rate.Limiter
	triggers *lru.Cache[Target, *rate.Limiter]
	stored   *lru.Cache[news, time.Time]
}

func newFlood(requestsPerSecond float64) *flood {
	limit, burst := rate.Inf, 0
	if requestsPerSecond > 0 {
		limit, burst = rate.Limit(requestsPerSecond), int(math.Ceil(requestsPerSecond))
	}
	return &flood{
		bridge:   rate.NewLimiter(limit, burst),
		triggers: newLRU[Target, *rate.Limiter](),
		stored:   newLRU[news, time.Time](),
	}
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
		fresh := rate.NewLimiter(rate.Every(newsRefill), newsBurst)
		if limiter, ok, _ = f.triggers.PeekOrAdd(t, fresh); !ok {
			limiter = fresh
		}
	}
	return limiter.Allow()
}

// wasStored remembers news as stored. Call it only once the news is durable.
func (f *flood) wasStored(n news) {
	f.stored.Add(n, time.Now())
}
