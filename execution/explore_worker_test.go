package execution

import "time"

// workerSteps are those of one activity of the trigger, and of its request. Once something has arrived, only its end
// may arrive as well.
func (c *scope) workerSteps(w *world, i uint8, arrived bool, list []action) []action {
	r := &w.requests[i]
	alive := !r.cut && !r.closed
	if r.wire == onItsWay && !arrived {
		list = append(list, action{name: execute, on: i})
	}
	switch {
	case r.stage == scheduled && alive:
		if ends := c.judgeOf(w, r).MayHaveRun || r.recalled; ends && w.open(aSent) || !ends && !arrived {
			list = append(list, action{name: record, on: i})
		}
	case r.stage == intended && c.holds(w, r) && !arrived, r.stage == intended && !c.holds(w, r) && alive && w.open(aSent):
		list = append(list, action{name: write, on: i})
	case r.stage == waiting && alive && w.open(aSent):
		if r.wire == executed || r.wire == refused || r.wire == refusedForToken {
			list = append(list, action{name: answer, on: i})
		}
		list = append(list, action{name: giveUp, on: i})
	}
	if r.cut && !r.closed && w.now >= r.beat+int32(Heartbeat/time.Second) && w.open(aSent) {
		list = append(list, action{name: declareDead, on: i})
	}
	return list
}

// faultySteps are what else may become of it.
func (c *scope) faultySteps(w *world, i uint8, arrived bool, list []action) []action {
	r := &w.requests[i]
	alive := !r.cut && !r.closed
	if alive && w.left.crashes > 0 && (r.stage == scheduled && w.open(aSent) || r.stage != scheduled && !arrived) {
		list = append(list, action{name: crash, on: i})
	}
	if alive && r.stage == scheduled && w.open(aSent) {
		if w.left.failures > 0 {
			list = append(list, action{name: fail, on: i})
		}
		if w.left.pauses > 0 {
			list = append(list, action{name: pauseActivity, on: i})
		}
	}
	if r.wire == onItsWay && !arrived {
		list = append(list, action{name: loseRequest, on: i})
		if alive {
			list = append(list, action{name: refuse, on: i})
			if w.left.failures > 0 {
				list = append(list, action{name: refuseToken, on: i})
			}
		}
	}
	return list
}

func (c *scope) holds(w *world, r *request) bool { return !c.expires || w.now < r.lease }

// work carries out one step of a request.
func (c *scope) work(w *world, r *request, name verb) string {
	switch name {
	case record, pauseActivity:
		c.record(w, r, name == pauseActivity)
	case write:
		if !c.holds(w, r) {
			w.left.failures--
			w.finish(r, event{errorType: notSent})
			break
		}
		r.stage, r.wire = waiting, onItsWay
		if r.late {
			return "a trigger was sent whose intent was recorded after the run's cancellation had been taken in"
		}
	case execute:
		r.wire = executed
		if w.ran++; w.ran > 1 {
			return "the platform executes twice"
		}
	case answer:
		w.finish(r, map[wire]event{executed: {id: r.instance}, refused: {errorType: rejected}, refusedForToken: {errorType: auth}}[r.wire])
	case giveUp:
		w.finish(r, event{errorType: unknown})
	case refuse:
		r.wire = refused
	case refuseToken:
		w.left.failures--
		r.wire = refusedForToken
	case fail:
		w.left.failures--
		w.finish(r, event{errorType: notSent})
	case loseRequest:
		r.wire = gone
	case crash:
		w.left.crashes--
		if r.cut = true; r.stage == scheduled {
			w.finish(r, event{errorType: lost}) // the server notices: without an intent it does not matter when
		}
	case declareDead:
		stage := r.stage
		w.finish(r, event{errorType: lost})
		r.stage = stage
	}
	return ""
}

// judgeOf is what earlier runs show of a request. They are closed, so that does not change any more.
func (c *scope) judgeOf(w *world, r *request) Past {
	var earlier []Scheduling
	var forked []bool
	for i := range w.requests {
		if w.requests[i].old && !w.requests[i].known {
			earlier, forked = append(earlier, w.requests[i].scheduling()), append(forked, w.requests[i].fork)
		}
	}
	if len(earlier) == 0 {
		return Past{}
	}
	return c.judge(int(r.number), earlier, forked, moment(w.now))
}

// record has the worker look at what earlier runs show, take its lease, and record its intent.
func (c *scope) record(w *world, r *request, paused bool) {
	now := moment(w.now)
	past := c.judgeOf(w, r)
	lease, err := c.lease(now, now.Add(Attempt))
	if paused {
		w.left.pauses--
	}
	switch {
	case past.MayHaveRun:
		w.finish(r, event{errorType: unknown, number: uint8(past.Number), intent: true, until: seconds(past.OnItsWayUntil)})
	case err != nil, r.recalled, paused:
		w.finish(r, event{errorType: notSent})
	default:
		r.stage, r.intent, r.late = intended, true, w.cut
		r.beat, r.lease, r.until = w.now, seconds(lease.Until), seconds(lease.OnItsWayUntil)
	}
}

// finish ends the activity for the server, which notes it in the run's history.
func (w *world) finish(r *request, v event) {
	v.kind = aSent
	if r.intent {
		v.intent, v.until = true, r.until
	}
	r.ended, r.closed, r.stage = true, true, over
	r.errorType, r.named = v.errorType, v.id
	w.arrive(v)
}
