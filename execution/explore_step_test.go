package execution

import (
	"slices"
)

// action is one step of one of those involved.
type action struct {
	name verb
	// on is the index of a request; or what an operator does.
	on, word, id uint8
}

type verb uint8

// The steps. Those before the first fault are what happens anyway: the earlier, the sooner.
const (
	takeIn verb = iota
	record
	write
	execute
	answer
	giveUp
	declareDead
	tellPoll
	tellFetch
	pass

	takeInMarked
	goBack
	cancel
	crash
	fail
	pauseActivity
	refuse
	refuseToken
	loseRequest
	callBack
	operate
)

func (a action) faulty() bool { return a.name > pass }

// steps lists what may happen next, what happens anyway first.
//
// What arrives is seen by the core only in the next workflow task, and it does not know when it arrived. So it is
// enough to let things arrive just before that task, in the order of their kinds: once something has arrived, only
// more of it may, or the task begins. All that could happen in between could as well have happened before. Likewise,
// once the run sends nothing any more, what could happen to it before its reset could as well happen after it.
func (c *scope) steps(w *world, list []action) []action {
	list = list[:0]
	done := w.core.Over || settled(w.core)
	if w.mark != nil && done {
		return append(list, action{name: goBack})
	}
	arrived := w.arriving
	due := !w.core.Over && c.due(w)
	if due {
		list = append(list, action{name: takeIn})
		if w.left.resets > 0 && w.mark == nil && w.began && !done {
			list = append(list, action{name: takeInMarked})
		}
	}
	for i := range w.requests {
		list = c.workerSteps(w, uint8(i), arrived, list)
	}
	if !w.core.Over {
		list = c.askedSteps(w, list)
	}
	if !arrived && c.mayPass(w) {
		list = append(list, action{name: pass})
	}
	if !arrived && w.mark != nil {
		list = append(list, action{name: goBack})
	}
	if w.core.Over {
		return list
	}
	if w.left.cancels > 0 && w.open(aCancel) {
		list = append(list, action{name: cancel})
	}
	for i := range w.requests {
		list = c.faultySteps(w, uint8(i), arrived, list)
	}
	list = c.callbackSteps(w, list)
	return c.operatorSteps(w, list)
}

// open tells whether something of a kind may arrive: nothing of a later kind has.
func (w *world) open(kind kind) bool {
	return len(w.queue) == 0 || w.queue[len(w.queue)-1].kind.order() <= kind.order()
}

// settled tells whether nothing will be sent any more. A run that is reset to there goes on as if what it was told
// later had all come at once, so such resets need not be tried.
func settled(s *State) bool { return s.known() && !s.Sending }

// step carries out one action. It returns what is wrong with the outcome, empty for nothing.
func (c *scope) step(w world, a action) (world, string) {
	broken := ""
	switch a.name {
	case takeIn:
		broken = c.task(&w)
	case takeInMarked:
		w.mark = &mark{core: w.core, batch: slices.DeleteFunc(slices.Clone(w.queue), event.reapplied)}
		w.requests = with(w.requests[:0:0], w.requests...)
		for i := range w.requests {
			w.requests[i].fork, w.requests[i].known = true, w.requests[i].ended
		}
		broken = c.task(&w)
	case goBack:
		c.goBack(&w)
	case cancel:
		w.left.cancels--
		w.arrive(event{kind: aCancel})
	case callBack:
		w.left.callbacks--
		r := &w.requests[a.on]
		w.ended = w.ended || a.word == success
		w.arrive(event{kind: aCallback, number: r.number, id: r.instance, word: a.word})
	case operate:
		w.arrive(event{kind: kind(a.on), id: a.id, word: a.word, act: w.nextAct()})
		w.left.actions--
	case tellPoll:
		w.arrive(event{kind: aPolled, word: a.word})
	case tellFetch:
		w.arrive(event{kind: aFetched, word: a.word})
	case pass:
		w.now = c.nextTime(&w)
	default:
		w.requests = with(w.requests[:0:0], w.requests...)
		broken = c.work(&w, &w.requests[a.on], a.name)
	}
	if broken == "" {
		c.forget(&w)
	}
	return w, broken
}

// forget drops what can have no effect any more.
func (c *scope) forget(w *world) {
	done := w.core.Over || settled(w.core)
	if done && w.mark == nil {
		w.left.resets = 0
	}
	if w.left.resets == 0 {
		w.mark = nil
	}
	heard := w.left.callbacks == 0 && w.left.actions == 0 // nobody will speak of the instances
	kept := make([]request, 0, len(w.requests))
	for _, r := range w.requests {
		if r.stage == intended && r.closed && c.expires && w.now >= r.lease || (r.stage == waiting || r.stage == scheduled) && r.closed {
			r.stage = over
		}
		shows := w.left.resets > 0 || r.old && !done // a later trigger looks at it
		shows = shows && !r.known && r.scheduling().MayHaveRun()
		if r.stage == over {
			idle := r.wire != onItsWay && (r.wire != executed || heard || w.core.Over && w.mark == nil)
			if idle && !shows {
				continue
			}
			if idle {
				r.wire = gone
			}
			r = request{
				number: r.number, instance: r.instance, stage: over, wire: r.wire, old: r.old, closed: true, fork: r.fork && shows && c.forks,
				ended: true, errorType: unknown, intent: shows && r.named == 0, until: r.until, known: !shows,
			}
			if r.known && r.wire != onItsWay {
				r.until = 0
			}
		}
		kept = append(kept, r)
	}
	w.requests = kept
	if w.core.Over {
		w.queue = nil
	}
	if done && w.mark != nil && w.cut && !w.mark.core.Cancelled && !has(w.mark.batch, aCancel) { // as goBack has it
		w.cut = false
		w.left.cancels++
	}
	if w.left.callbacks == 0 {
		w.ended = false
	}
	if done && w.mark == nil && !w.underWay() {
		w.ran = 0
	}
	w.said &= w.acts()
}
