package execution

import (
	"encoding/binary"
	"time"
)

// encoder writes what the future of a world depends on. Times are relative to now, and all that are past are equal.
type encoder struct {
	buf []byte
	now int32
}

func (e *encoder) byte(b uint8) { e.buf = append(e.buf, b) }

func (e *encoder) bits(bits ...bool) {
	var b uint8
	for i, bit := range bits {
		if bit {
			b |= 1 << (i % 8)
		}
		if i%8 == 7 || i == len(bits)-1 {
			e.byte(b)
			b = 0
		}
	}
}

func (e *encoder) left(at int32) {
	e.buf = binary.LittleEndian.AppendUint16(e.buf, uint16(max(at-e.now, 0)))
}

func (e *encoder) time(t time.Time) {
	if t.IsZero() {
		e.left(0)
	} else {
		e.left(seconds(t))
	}
}

func (e *encoder) text(s string) {
	e.buf = append(append(e.buf, s...), 0)
}

func (e *encoder) failure(f *Failure) {
	if f == nil {
		e.byte(0)
		return
	}
	e.bits(true, f.Cancelled)
	e.text(f.Type)
}

// core writes what is still of consequence of a State: what follows from it depends on nothing else. The test that
// the explorer knows every field tells when one was added. Where nobody acts any more it does not matter how long
// requests may be on their way.
func (e *encoder) core(s *State, acts bool) {
	settled := settled(s)
	e.bits(s.Over, s.Fetching, s.Sending, s.Wanted, s.known(), s.Polling, s.Cancelled, s.Fetched)
	e.bits(s.Indexed, s.Registers, s.GivenUp, s.Status.Overdue, s.PlatformTime.IsZero(), s.Shown == s.Status.InstanceID, s.Registered == s.Status.InstanceID)
	e.text(s.Urgent)
	e.failure(s.Refused)
	e.failure(s.Unread)
	if !s.Fetching {
		e.time(s.Status.Deadline)
	}
	if s.Sending || s.Wanted {
		e.bits(s.Renewed, s.Checked, s.Busy, s.Recalled)
		e.byte(uint8(s.Pause / time.Second))
	}
	if s.Wanted && !s.Sending {
		e.time(s.SendAt)
	}
	live := s.live()
	if settled && !s.Fetching || s.Sending && len(live) > 1 && !live[1].TriggeredAt.IsZero() {
		e.time(s.Silent.Add(s.Rules.PollAfter))
	}
	if acts && !settled {
		e.time(s.onItsWayUntil())
	}
	e.byte(uint8(len(s.Triggers)))
	for _, t := range live {
		e.text(t.InstanceID)
		e.text(string(t.Outcome))
		e.text(t.Status)
		e.byte(uint8(t.Evidence))
		e.bits(t.TriggeredAt.IsZero(), t.FinishedAt.IsZero())
	}
}

// live are the triggers whose instance is the run's own, or will be if the one that is being sent has no effect; the
// newest comes first. News of others is only noted.
func (s *State) live() (live []*Trigger) {
	for i := len(s.Triggers) - 1; i >= 0; i-- {
		t := &s.Triggers[i]
		live = append(live, t)
		if t.mayHaveRun() && t.Outcome != Pending {
			break
		}
	}
	return live
}

func (e *encoder) events(events []event, acts bool) {
	e.byte(uint8(len(events)))
	for i := range events {
		v := &events[i]
		e.buf = append(e.buf, uint8(v.kind), v.number, v.id, v.word, v.errorType, v.act)
		e.bits(v.intent)
		if acts && v.kind == aSent {
			e.left(v.until)
		}
	}
}

// world writes all but what may still happen; see limits.pack.
func (e *encoder) world(w *world) []byte {
	e.buf, e.now = e.buf[:0], w.now
	s, acts := w.core, w.mayAct()
	done := s.Over || settled(s)
	if done && w.mark == nil && len(w.queue) == 0 && w.left.callbacks == 0 && !acts { // it goes on by itself
		e.bits(s.Over, s.Fetching, s.Polling, s.Status.Overdue, w.underWay(), s.Cancelled)
		if !s.Over {
			e.time(s.Status.Deadline)
			e.time(s.Silent.Add(s.Rules.PollAfter))
		}
		if !w.underWay() {
			return e.buf
		}
	}
	e.bits(w.began, w.reset, w.cut, w.ended, w.mark != nil, w.fresh)
	e.buf = append(e.buf, w.left.resets, w.ran, w.said, w.held)
	if w.mark == nil || !done { // else all that can happen to it is its reset
		e.core(s, acts)
	}
	e.events(w.queue, acts)
	e.byte(uint8(len(w.requests)))
	for i := range w.requests {
		r := &w.requests[i]
		e.buf = append(e.buf, r.number, r.instance, uint8(r.stage), uint8(r.wire), r.errorType, r.named)
		e.bits(r.closed, r.old, r.fork, r.cut, r.recalled, r.late, r.ended, r.intent)
		e.bits(r.known)
		if r.cut && !r.closed {
			e.left(r.beat + int32(Heartbeat/time.Second))
		}
		if r.stage == intended {
			e.left(r.lease)
		}
		if acts && r.intent || r.wire == onItsWay || r.stage == intended || r.stage == waiting {
			e.left(r.until)
		}
	}
	if w.mark != nil {
		e.core(w.mark.core, acts)
		e.events(w.mark.batch, acts)
		e.events(w.mark.later, acts)
	}
	return e.buf
}

// pack puts what may still happen into one number, four bits each.
func (l limits) pack() (packed uint32) {
	for i, n := range []uint8{l.crashes, l.actions, l.callbacks, l.cancels, l.pauses, l.failures} {
		packed |= uint32(n) << (4 * i)
	}
	return packed
}

// covers tells whether each of the numbers in one is at least that in the other.
func covers(one, other uint32) bool {
	const top = 0x88888888
	return ((one|top)-other)&top == top
}
