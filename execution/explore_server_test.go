package execution

import (
	"fmt"
	"slices"
)

// due tells whether there is something for a workflow task.
func (c *scope) due(w *world) bool {
	wake := w.core.Wake()
	return !w.began || slices.ContainsFunc(w.queue, w.finds) || !wake.IsZero() && !moment(w.now).Before(wake)
}

// finds tells whether the run takes in an event: callbacks stay where they are until it has their address.
func (w *world) finds(v event) bool {
	if n := int(v.number); v.kind != aCallback || n <= len(w.core.Triggers) && w.core.Triggers[n-1].Key == keys[n] {
		return true
	}
	return slices.Contains(w.core.Addresses(), keys[v.number])
}

// task is one workflow task: all that is in the history is taken in, and the commands are carried out, until there
// is nothing more to take in.
func (c *scope) task(w *world) string {
	w.fresh, w.arriving = false, false
	validated := w.core
	refused := func(v event) bool {
		a, ok := w.real(v).(*Resolve)
		return ok && validated.Refuse(a, moment(w.now)) != nil
	}
	w.queue = slices.DeleteFunc(slices.Clone(w.queue), refused) // by the validator; that leaves no trace
	for first := true; first || slices.ContainsFunc(w.queue, w.finds); first = false {
		if broken := c.advance(w); broken != "" {
			return broken
		}
	}
	if w.core.Over && len(w.queue) > 0 {
		return "the run ended, and a callback in its history was ignored"
	}
	return w.claims()
}

// advance gives the core what has arrived, and does what it says.
func (c *scope) advance(w *world) string {
	now, before, s := moment(w.now), w.core, clone(w.core)
	var taken, left []event
	var events []Event
	for _, v := range w.queue {
		if w.finds(v) {
			taken, events = append(taken, v), append(events, w.real(v))
		} else {
			left = append(left, v)
		}
	}
	// The handlers of updates run first, so that is the order that a careless shell would have.
	slices.SortStableFunc(events, func(a, b Event) int { return b.rank() - a.rank() })
	commands := c.next(s, now, events...)
	w.note(taken)
	w.core, w.queue, w.began = s, left, true
	if has(taken, aCancel) {
		w.cut = true
	}
	broken := w.carryOut(before, commands, taken)
	if broken == "" {
		broken = check(before, s, taken, commands, now)
	}
	s.Status.Notes, s.Status.Actions, s.commands = nil, nil, nil
	return broken
}

// refuses tells whether the validator of a run refuses an act whenever it comes.
func (w *world) refuses(s *State, v event) bool {
	act, ok := w.real(v).(*Resolve)
	now := moment(w.now)
	if until := s.onItsWayUntil(); until.After(now) {
		now = until
	}
	return !ok || s.Refuse(act, now) != nil
}

// carryOut starts what the core asks for, and answers operators.
func (w *world) carryOut(before *State, commands []Command, taken []event) string {
	for _, v := range taken {
		if v.kind == aSent && v.number > 0 {
			if w.held++; w.held > 1 {
				return "a trigger was held back again for what an earlier run shows, which an operator had settled"
			}
		}
	}
	for _, command := range commands {
		switch command := command.(type) {
		case Send:
			w.requests = with(w.requests, w.newRequest(command.Number))
		case Recall:
			w.requests = slices.Clone(w.requests)
			for i := range w.requests {
				w.requests[i].recalled = w.requests[i].recalled || !w.requests[i].closed && !w.requests[i].ended
			}
		case Reply:
			w.accept(before, command, taken)
		}
	}
	return ""
}

// accept notes that an operator's act was accepted. A retrigger counts once, and only where no request is on its way
// and nothing has shown in its own task that the one before has run.
func (w *world) accept(before *State, reply Reply, taken []event) {
	bit := uint8(1) << (reply.ID - 1)
	if reply.Refusal != "" || w.said&bit != 0 {
		return
	}
	w.said |= bit
	doubted := before.leading()
	shown := doubted != nil && slices.ContainsFunc(taken, func(v event) bool { return v.signal() && keys[v.number] == doubted.Key })
	for _, v := range taken {
		if v.kind == aRetrigger && int(v.act)+1 == reply.ID && !shown && !w.underWay() {
			w.ran = 0
		}
	}
}

// claims checks that a run that ends as "nothing runs" tells the truth.
func (w *world) claims() string {
	if f := w.core.Failure; f != nil && (f.Type == ErrorTriggerRejected || f.Type == ErrorTriggerNotSent || f.Type == ErrorPlatformAuth || f.Type == ErrorInvalidInput) {
		if w.ran > 0 || w.underWay() {
			return fmt.Sprintf("the run ended as %s, but an instance runs, or may yet", f.Type)
		}
	}
	if f := w.core.Failure; f != nil && f.Cancelled && f.Phase != PhaseUnknown && !w.core.known() && (w.ran > 0 || w.underWay()) {
		return "the run was cancelled without a doubt and names no instance, but one runs, or may yet"
	}
	return ""
}

// note keeps what a reset would apply again, all in one task. Of the callbacks of one instance that is the first end,
// or else the last.
func (w *world) note(taken []event) {
	if w.mark == nil {
		return
	}
	later := slices.Clone(w.mark.later)
	for _, v := range taken {
		same := slices.IndexFunc(later, func(o event) bool { return o.signal() && o.number == v.number && o.id == v.id })
		switch {
		case !v.reapplied() || v.action() && w.refuses(w.mark.core, v):
		case v.signal() && same >= 0 && later[same].word == running:
			later[same] = v
		case v.action() || same < 0:
			later = append(later, v)
		}
	}
	slices.SortStableFunc(later, byKind)
	w.mark = &mark{core: w.mark.core, batch: w.mark.batch, later: later}
}

// goBack resets the run to its mark. The activity that was pending there is started again; what the run was told
// since is applied again. Whether a cancellation is, depends on the server: it may come again.
func (c *scope) goBack(w *world) {
	m := w.mark
	if w.cut && !m.core.Cancelled && !has(m.batch, aCancel) {
		w.left.cancels++
	}
	core := clone(m.core)
	core.Rules.Reset = true
	w.cut, w.held, w.reset, w.fresh, w.mark = core.Cancelled, 0, true, true, nil
	queue := slices.Concat(m.batch, m.later, w.queue)
	slices.SortStableFunc(queue, byKind)
	requests := slices.Clone(w.requests)
	for i := range requests {
		r := &requests[i]
		r.old, r.closed, r.cut = true, true, true
	}
	if m.core.Sending && !has(queue, aSent) {
		again := w.newRequest(1 + slices.IndexFunc(core.Triggers, func(t Trigger) bool { return t.Outcome == Pending }))
		again.recalled = core.Recalled
		requests = append(requests, again)
	}
	w.core, w.queue, w.requests = core, queue, requests
	w.left.resets--
}
