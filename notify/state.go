package notify

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/dpaflow/dpaflow/engine"
)

// State is what a watcher remembers: what was sent and still stands, up to when closings were taken in, and what is
// still to be sent. Its size is bounded. The zero value has seen nothing.
type State struct {
	// Since is from when closings may be new.
	Since time.Time `json:"since,omitzero"`
	// Standing are the keys of what waits and was taken in.
	Standing map[string]bool `json:"standing,omitempty"`
	// Closed are the keys of the closings after Since that were taken in, and when they were.
	Closed map[string]time.Time `json:"closed,omitempty"`
	// Schedules are what the counts were when they were last looked at; nil: they never were.
	Schedules map[string]Counts `json:"schedules"`
	// Overlapped are the runs that a schedule's next one overlapped, as far as that was taken in.
	Overlapped map[string]string `json:"overlapped,omitempty"`
	// Pending are the events to be sent, the oldest first.
	Pending []Pending `json:"pending,omitempty"`
	// Failures counts the attempts that reached nobody since one succeeded; until Quiet there is no other.
	Failures int       `json:"failures,omitempty"`
	Quiet    time.Time `json:"quiet,omitzero"`
}

// Seen is what a look has found.
type Seen struct {
	At     time.Time
	Open   []Open
	Closed []Closed
	// Schedules are all of them by id; nil: nobody looked.
	Schedules map[string]Counts
}

const (
	// overlap is how late Temporal may list a closing.
	overlap = 10 * time.Minute
	// Bounds of what is remembered. What is beyond waits for its time, where it is: a run that ended, or that needs somebody,
	// is found again by the next look.
	maxPendingBytes = 512 << 10
	maxStanding     = 10_000
	maxClosed       = 5_000
	maxSchedules    = 1_000
)

// From is from when closings are to be listed.
func (s *State) From(now time.Time) time.Time {
	if s.Since.IsZero() {
		return now.Add(-overlap)
	}
	return s.Since
}

// New returns those of the closings that have not been taken in, the oldest first, as many as there is room for.
func (s *State) New(list []Closed) (fresh []Closed) {
	room := s.room()
	for _, c := range inOrder(list) {
		if s.knows(c) {
			continue
		}
		if room -= maxEvent; room < 0 {
			break
		}
		fresh = append(fresh, c)
	}
	return fresh
}

// maxEvent is how large an event may be: some reserve, so that what was read is not read for nothing.
const maxEvent = 16 << 10

// Next takes in what was seen, and has events pending for what is new in it. It reports how much of that was left for
// another time, because too much is remembered.
func (s *State) Next(site Site, seen Seen) (left int) {
	left = s.close(site, seen)
	left += s.stand(site, seen)
	return left + s.miss(site, seen)
}

func (s *State) close(site Site, seen Seen) (left int) {
	since := latest(s.Since, seen.At.Add(-overlap))
	held := false
	for _, c := range inOrder(seen.Closed) {
		if s.knows(c) {
			continue
		}
		if held = held || !c.Read || !s.fits(); held { // the order of the closings is kept
			left++
			if c.Ended.At.Before(since) {
				since = c.Ended.At
			}
			continue
		}
		s.pend(site.closed(c), seen.At)
		put(&s.Closed, closedKey(c), c.Ended.At)
	}
	s.Since = since
	s.forget()
	return left
}

func (s *State) knows(c Closed) bool {
	_, taken := s.Closed[closedKey(c)]
	return taken || c.Ended.At.Before(s.Since)
}

// forget lets go of closings that will not be listed again. Those beyond the bound will not be either.
func (s *State) forget() {
	if beyond := len(s.Closed) - maxClosed; beyond > 0 {
		s.Since = latest(s.Since, slices.SortedFunc(maps.Values(s.Closed), time.Time.Compare)[beyond-1].Add(1))
	}
	maps.DeleteFunc(s.Closed, func(_ string, at time.Time) bool { return at.Before(s.Since) })
}

func (s *State) stand(site Site, seen Seen) (left int) {
	before := s.Standing
	s.Standing = map[string]bool{}
	silent, stands := map[string]bool{}, map[string]bool{}
	for _, open := range seen.Open {
		silent[runKey(open.Run)] = silent[runKey(open.Run)] || open.Silent
	}
	for key := range before {
		if silent[key[:runKeyLen]] {
			stands[key[:runKeyLen]] = true
			s.Standing[key] = true
		}
	}
	// What has been taken in comes first, so that nothing pushes it out.
	for _, open := range seen.Open {
		for _, w := range open.Waits {
			if key := standingKey(open.Run, w); before[key] {
				s.Standing[key] = true
			}
		}
	}
	for _, open := range seen.Open {
		for _, w := range open.Waits {
			key := standingKey(open.Run, w)
			switch {
			case s.Standing[key], open.Silent && stands[runKey(open.Run)]:
			case !s.fits() || len(s.Standing) >= maxStanding:
				left++
			default:
				s.pend(site.waits(open.Run, w, seen.At), seen.At)
				s.Standing[key] = true
			}
		}
	}
	return left
}

func (s *State) miss(site Site, seen Seen) (left int) {
	if seen.Schedules == nil {
		return 0
	}
	before := s.Schedules
	s.Schedules = map[string]Counts{}
	maps.DeleteFunc(s.Overlapped, func(id, _ string) bool { _, there := seen.Schedules[id]; return !there })
	for _, id := range slices.Sorted(maps.Keys(seen.Schedules)) {
		now := seen.Schedules[id]
		was := before[id]
		if now.Overlap < was.Overlap || now.Late < was.Late { // it was made anew
			was = Counts{}
		}
		switch {
		case len(s.Schedules) >= maxSchedules:
			left++
			continue
		case before == nil: // what was missed before anybody looked is not sent
		case !s.fits():
			left++
			now = was
		default:
			// What overlaps one run is one change, however often it does.
			if now.Overlap > was.Overlap && now.LastRun != s.Overlapped[id] {
				put(&s.Overlapped, id, now.LastRun)
				s.pend(site.missed(Schedule{ID: id, Reason: "overlap", Missed: now.Overlap - was.Overlap, LastRun: now.LastRun}, now.LastRun, seen.At), seen.At)
			}
			if now.Late > was.Late {
				s.pend(site.missed(Schedule{ID: id, Reason: "late", Missed: now.Late - was.Late, LastRun: now.LastRun}, strconv.Itoa(now.Late), seen.At), seen.At)
			}
		}
		s.Schedules[id] = now
	}
	return left
}

func (s *State) pend(event Event, now time.Time) {
	body, _ := json.Marshal(event) // its values can be marshalled
	s.Pending = append(s.Pending, Pending{ID: event.ID, Type: event.Type, Body: body, At: now})
}

func (s *State) room() int {
	room := maxPendingBytes
	for _, p := range s.Pending {
		room -= len(p.Body)
	}
	return room
}

func (s *State) fits() bool { return s.room() >= maxEvent }

// Keys are short: what is remembered goes along with every heartbeat.
const runKeyLen = 11

func runKey(run Run) string { return id(run.WorkflowID)[:runKeyLen] }

// standingKey has no run id: a runbook that continues as new waits on.
func standingKey(run Run, w engine.WaitsFor) string {
	since := ""
	if w.Since != nil {
		since = w.Since.UTC().Format(time.RFC3339Nano)
	}
	return runKey(run) + id(w.Kind, w.Step, since)[:runKeyLen]
}

func closedKey(c Closed) string { return id(c.Run.WorkflowID, c.Run.RunID)[:2*runKeyLen] }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func put[K comparable, V any](into *map[K]V, key K, value V) {
	if *into == nil {
		*into = map[K]V{}
	}
	(*into)[key] = value
}
