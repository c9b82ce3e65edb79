package execution

import (
	"hash/maphash"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
)

// found is the outcome of a search: how many states there are, and the shortest way to one that is wrong.
type found struct {
	states, steps, depth int
	broken               string
	trace                []action
}

// search is a breadth-first search through all states of a scope. It keeps a hash of 64 bits of each, with how it was
// reached and where it goes without further faults.
type search struct {
	scope
	seed maphash.Seed
	// seen has the newest state of a hash, same the one before it: states that differ in nothing but what may still
	// happen, left. One of which no more may happen than of another is no state of its own.
	seen   map[uint64]uint32
	same   []uint32
	left   []uint32
	parent []uint32
	// reached is how a state follows from its parent: all the actions, in one list, with the place of each state's last.
	reached []action
	until   []uint32
	// onward is the state that follows without a fault, itself where the run has ended.
	onward []uint32
	steps  int
}

// find returns a state in which everything may happen that may happen in the one that was reached.
func (f *search) find(r *reach) (id uint32, known bool) {
	for id, known = f.seen[r.hash]; known; id, known = f.same[id]-1, f.same[id] != 0 {
		if covers(f.left[id], r.left) {
			return id, true
		}
	}
	return 0, false
}

// reach is a step that was tried.
type reach struct {
	hash    uint64
	left    uint32
	from    uint32
	actions []action
	// onward is true for the step that happens without further faults.
	onward bool
	next   world
	broken string
}

// batch is how many states are expanded before what they lead to is merged, always in the same order.
const batch = 4096

func (c scope) explore() found {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	f := &search{scope: c, seed: maphash.MakeSeed(), seen: map[uint64]uint32{}}
	var enc encoder
	first := world{core: New(c.rules, epoch), left: c.limits}
	f.add(&reach{hash: maphash.Bytes(f.seed, enc.world(&first)), left: first.left.pack()})
	level := []world{first}
	start := uint32(0)
	depth := 0
	for ; len(level) > 0; depth++ {
		var next []world
		for at := 0; at < len(level); at += batch {
			for _, r := range f.expand(level[at:min(at+batch, len(level))], start+uint32(at)) {
				if r.broken != "" {
					return found{len(f.parent), f.steps, depth + 1, r.broken, slices.Concat(f.trace(r.from), r.actions)}
				}
				id, known := f.find(&r)
				if !known {
					id = f.add(&r)
					next = append(next, r.next)
				}
				if r.onward {
					f.onward[r.from] = id
				}
			}
		}
		start += uint32(len(level))
		level = next
	}
	out := found{states: len(f.parent), steps: f.steps, depth: depth}
	if lasso := f.endless(); lasso >= 0 {
		out.broken, out.trace = "without further faults the run never ends", f.trace(uint32(lasso))
	}
	return out
}

func (f *search) add(r *reach) uint32 {
	id := uint32(len(f.parent))
	before := uint32(0)
	if newest, known := f.seen[r.hash]; known {
		before = newest + 1
	}
	f.seen[r.hash] = id
	f.same, f.left = append(f.same, before), append(f.left, r.left)
	f.parent, f.reached, f.onward = append(f.parent, r.from), append(f.reached, r.actions...), append(f.onward, id)
	f.until = append(f.until, uint32(len(f.reached)))
	return id
}

// expand tries all steps from some states, on all processors.
func (f *search) expand(worlds []world, first uint32) (all []reach) {
	parts := make([][]reach, 4*runtime.GOMAXPROCS(0))
	var steps sync.Mutex
	var group sync.WaitGroup
	size := (len(worlds) + len(parts) - 1) / len(parts)
	for p := range parts {
		from, to := min(p*size, len(worlds)), min((p+1)*size, len(worlds))
		group.Go(func() {
			part, tried := f.expandSome(worlds[from:to], first+uint32(from))
			steps.Lock()
			defer steps.Unlock()
			parts[p] = part
			f.steps += tried
		})
	}
	group.Wait()
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

// expander tries all steps from some states.
type expander struct {
	*search
	enc   encoder
	from  uint32
	steps int
	all   []reach
}

func (f *search) expandSome(worlds []world, first uint32) ([]reach, int) {
	e := expander{search: f}
	for i := range worlds {
		e.from = first + uint32(i)
		e.try(&worlds[i], nil, !worlds[i].core.Over)
	}
	return e.all, e.steps
}

// try tries all steps from one state. Whatever arrives only leads to another state once a workflow task has taken it
// in. The first step of each state that is no fault is the one onward.
func (e *expander) try(w *world, before []action, onward bool) {
	list := e.scope.steps(w, nil)
	if stuck := !w.core.Over && (len(list) == 0 || list[0].faulty() && w.mark == nil); stuck && e.only == "" {
		e.all = append(e.all, reach{from: e.from, actions: before, broken: "the run neither goes on nor ends"})
	}
	for n, a := range list {
		e.steps++
		next, broken := e.step(*w, a)
		if !strings.Contains(broken, e.only) {
			broken = ""
		}
		actions := with(before, a)
		on := onward && n == 0 && !a.faulty()
		if next.arriving && broken == "" {
			e.try(&next, actions, on)
			continue
		}
		r := reach{
			hash: maphash.Bytes(e.seed, e.enc.world(&next)), left: next.left.pack(),
			from: e.from, actions: actions, broken: broken, next: next, onward: on,
		}
		if _, known := e.find(&r); !known || on || broken != "" {
			e.all = append(e.all, r)
		}
	}
}

func (f *search) trace(id uint32) (trace []action) {
	for ; id != 0; id = f.parent[id] {
		trace = slices.Concat(f.reached[f.until[id-1]:f.until[id]], trace)
	}
	return trace
}

// endless returns a state from which the way without further faults leads nowhere, -1 if there is none.
func (f *search) endless() int {
	ends := make([]uint8, len(f.onward)) // 1: on the way, 2: ends
	for id := range f.onward {
		var way []uint32
		at := uint32(id)
		for ends[at] == 0 && f.onward[at] != at {
			ends[at] = 1
			way = append(way, at)
			at = f.onward[at]
		}
		if ends[at] == 1 {
			return id
		}
		ends[at] = 2
		for _, on := range way {
			ends[on] = 2
		}
	}
	return -1
}
