package execution

import (
	"fmt"
	"math/bits"
	"slices"
)

// event is an Event, in a few bytes.
type event struct {
	kind kind
	// number is the trigger's; id is an instance's; word is an index of words.
	number, id, word uint8
	errorType        uint8
	intent           bool
	until            int32
	act              uint8 // which of the operators' acts it is
}

type kind uint8

const (
	aCallback kind = iota
	aSent
	aPolled
	aFetched
	aCancel
	anAdopt
	aRetrigger
	anAbort
	aResolve
)

var (
	words      = []string{"", "RUNNING", "SUCCESS", "FAIL", "STOPPED"}
	errorTypes = []string{"", ErrorLost, ErrorTriggerOutcomeUnknown, ErrorTriggerRejected, ErrorPlatformAuth, ErrorTriggerNotSent, ErrorPlatform}
)

const (
	running = 1 + iota
	success
	failed
	stopped
)

const (
	lost = 1 + iota
	unknown
	rejected
	auth
	notSent
	unread
)

// wrongID is an instance that is not ours.
const wrongID = 100

func idName(id uint8) string { return idNames[id] }

var idNames = func() (names [wrongID + 1]string) {
	for id := 2; id < wrongID; id++ {
		names[id] = fmt.Sprintf([]string{"instance-%d", "second-run-%d"}[id%2], id/2)
	}
	names[wrongID] = "foreign"
	return names
}()

func (v event) signal() bool    { return v.kind == aCallback }
func (v event) action() bool    { return v.kind >= anAdopt }
func (v event) reapplied() bool { return v.signal() || v.action() }

// order puts kinds in order; operators' acts keep their own.
func (k kind) order() kind { return min(k, anAdopt) }

// byKind keeps the order of callbacks to one address, and that of operators' acts.
func byKind(a, b event) int {
	if a.signal() && b.signal() {
		return int(a.id) - int(b.id)
	}
	return int(a.kind.order()) - int(b.kind.order())
}

func has(events []event, kind kind) bool {
	for i := range events {
		if events[i].kind == kind {
			return true
		}
	}
	return false
}

func (w *world) has(kind kind) bool { return has(w.queue, kind) }

// real makes the Event that the core is given.
func (w *world) real(v event) Event {
	switch v.kind {
	case aSent:
		e := &Sent{ErrorType: errorTypes[v.errorType], Message: "why", InstanceID: idName(v.id), Status: words[v.word], At: moment(w.now)}
		if e.Key == "" && v.number > 0 {
			e.Earlier = int(v.number)
		}
		e.Indexed, e.Registers = v.errorType != lost, v.errorType != lost
		if v.intent {
			e.Intent = &Intent{OnItsWayUntil: moment(v.until), Indexed: true, Register: true}
			e.Indexed, e.Registers = true, true
		}
		e.TokenRejected = v.errorType == auth
		return e
	case aCallback:
		return &Callback{Address: keys[v.number], InstanceID: idName(v.id), Status: words[v.word]}
	case aPolled:
		e := &Polled{InstanceID: w.core.Status.InstanceID, Exact: true, Status: words[v.word]}
		if v.word == 0 {
			e.Err = "no answer"
		}
		return e
	case aFetched:
		return &Fetched{}
	case aCancel:
		return &Cancelled{}
	case aResolve:
		return &Resolve{ID: int(v.act) + 1, Status: words[v.word]}
	}
	what := map[kind]string{anAdopt: ActionAdopt, aRetrigger: ActionRetrigger, anAbort: ActionAbort}[v.kind]
	return &Resolve{ID: int(v.act) + 1, What: what, InstanceID: idName(v.id)}
}

// arrive puts an event into the history, after others of its kind and before those of later kinds.
func (w *world) arrive(v event) {
	queue := with(w.queue, v)
	slices.SortStableFunc(queue, byKind)
	w.queue, w.arriving = queue, w.arriving || w.finds(v)
}

// acts tells which of the operators' acts may still be accepted.
func (w *world) acts() (bits uint8) {
	for _, v := range w.queue {
		if v.action() {
			bits |= 1 << v.act
		}
	}
	if w.mark != nil {
		for _, v := range w.mark.later {
			if v.action() {
				bits |= 1 << v.act
			}
		}
	}
	return bits
}

func (w *world) nextAct() uint8 { return uint8(bits.TrailingZeros8(^w.acts())) }
