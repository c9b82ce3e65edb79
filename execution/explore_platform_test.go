package execution

import "time"

// keys are the addresses of the triggers, by number.
var keys = func() (keys [16]string) {
	for number := 1; number < len(keys); number++ {
		keys[number] = exploredRules().key(number)
	}
	return keys
}()

// exploredRules are those of a plan that is asked for once, and then waits for its deadline.
func exploredRules() Rules {
	return Rules{
		Target: Plan, ID: "p", Name: "plan p", Origin: "run", Label: "plan",
		Timeout: 4 * time.Duration(grid) * time.Second, PollAfter: 2 * time.Duration(grid) * time.Second,
	}
}

// callbackSteps are the platform's callbacks: of each instance, to the address that its request named. An end comes
// first as SUCCESS; that it may be FAIL as well is for the contradictions, and a scope of its own.
func (c *scope) callbackSteps(w *world, list []action) []action {
	if w.left.callbacks == 0 || !w.open(aCallback) {
		return list
	}
	for i := range w.requests {
		if w.requests[i].wire != executed {
			continue
		}
		for _, word := range c.words {
			if (word != failed || w.ended) && !w.repeats(i, word) {
				list = append(list, action{name: callBack, on: uint8(i), word: word})
			}
		}
	}
	return list
}

// repeats tells whether a callback is the same as the one just before it, which the bridge would not deliver.
func (w *world) repeats(i int, word uint8) bool {
	last := len(w.queue) - 1
	return last >= 0 && w.queue[last] == event{kind: aCallback, number: w.requests[i].number, id: w.requests[i].instance, word: word}
}

// askedSteps are the platform's answers to what it is asked.
func (c *scope) askedSteps(w *world, list []action) []action {
	if w.core.Polling && !w.has(aPolled) && w.open(aPolled) {
		for _, word := range c.polls {
			list = append(list, action{name: tellPoll, word: word})
		}
	}
	if w.core.Fetching && !w.has(aFetched) && w.open(aFetched) {
		list = append(list, action{name: tellFetch})
	}
	return list
}

// operatorSteps are what operators do. What the run refuses whatever comes leaves no trace, and is left out.
func (c *scope) operatorSteps(w *world, list []action) []action {
	if w.left.actions == 0 {
		return list
	}
	try := func(a action) {
		if !w.refuses(w.core, event{kind: kind(a.on), id: a.id, word: a.word}) {
			list = append(list, a)
		}
	}
	for i := range w.requests {
		if w.requests[i].wire == executed {
			try(action{name: operate, on: uint8(anAdopt), id: w.requests[i].instance})
		}
	}
	try(action{name: operate, on: uint8(anAdopt), id: wrongID})
	try(action{name: operate, on: uint8(aRetrigger)})
	try(action{name: operate, on: uint8(anAbort)})
	for _, word := range c.ends {
		try(action{name: operate, on: uint8(aResolve), word: word})
	}
	return list
}
