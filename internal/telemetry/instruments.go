package telemetry

import (
	"slices"
	"sync"

	"go.temporal.io/sdk/client"
)

// maxKept bounds what is kept for tags, some of which, such as the types of workflows, come from outside.
const maxKept = 1000

// instruments keeps what the handler of Temporal's SDK makes anew, with its attributes, at every request to the
// server, and twice for each: half of what it allocates for a signal.
type instruments struct {
	from     client.MetricsHandler
	tagged   kept[*instruments]
	counters kept[client.MetricsCounter]
	gauges   kept[client.MetricsGauge]
	timers   kept[client.MetricsTimer]
}

// WithTags implements client.MetricsHandler.
func (i *instruments) WithTags(tags map[string]string) client.MetricsHandler {
	var room [256]byte
	return i.tagged.get(string(appendTags(room[:0], tags)), func() *instruments { return &instruments{from: i.from.WithTags(tags)} })
}

// Counter implements client.MetricsHandler.
func (i *instruments) Counter(name string) client.MetricsCounter {
	return i.counters.get(name, func() client.MetricsCounter { return i.from.Counter(name) })
}

// Gauge implements client.MetricsHandler.
func (i *instruments) Gauge(name string) client.MetricsGauge {
	return i.gauges.get(name, func() client.MetricsGauge { return i.from.Gauge(name) })
}

// Timer implements client.MetricsHandler.
func (i *instruments) Timer(name string) client.MetricsTimer {
	return i.timers.get(name, func() client.MetricsTimer { return i.from.Timer(name) })
}

// Unwrap gives the SDK's own handler to those who ask for it.
func (i *instruments) Unwrap() client.MetricsHandler { return i.from }

// kept is what was made once for each key.
type kept[T any] struct {
	mu   sync.RWMutex
	made map[string]T
}

func (k *kept[T]) get(key string, create func() T) T {
	k.mu.RLock()
	one, ok := k.made[key]
	k.mu.RUnlock()
	if ok {
		return one
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if one, ok := k.made[key]; ok {
		return one
	}
	if k.made == nil || len(k.made) >= maxKept {
		k.made = map[string]T{}
	}
	one = create()
	k.made[key] = one
	return one
}

// appendTags appends tags in the order of their names, each behind a byte that UTF-8 does not have.
func appendTags(b []byte, tags map[string]string) []byte {
	var room [8]string
	names := room[:0]
	for name := range tags {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b = append(append(b, name...), 0xff)
		b = append(append(b, tags[name]...), 0xff)
	}
	return b
}
