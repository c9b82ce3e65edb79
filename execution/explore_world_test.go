package execution

import (
	"slices"
	"time"
)

// world is one state of the explored system: the core's state and what is around it. It is copied with every step,
// and what it points to is never changed.
type world struct {
	now   int32 // in seconds
	core  *State
	began bool // the first workflow task has run

	queue    []event // in the history, but not in a completed workflow task
	requests []request
	mark     *mark // where a reset would go back to, nil for nowhere yet
	reset    bool  // has been done
	fresh    bool  // and no workflow task has run since
	arriving bool  // something has arrived for the next workflow task
	cut      bool  // cancelled: taken in by a completed task of this run

	left limits
	// ran counts executions since the start, or since the last retrigger that was legitimate. said are the operators'
	// acts that were accepted once.
	ran  uint8
	said uint8
	// held counts triggers of this run that were held back for what an earlier run shows.
	held uint8
	// ended is true once the platform has called back with an end.
	ended bool
}

// limits bound what is explored.
type limits struct {
	resets, crashes, actions, callbacks, cancels, pauses, failures uint8
}

// mark is a boundary between workflow tasks: the state before a task, what that task took in, and what came after
// and would be applied again.
type mark struct {
	core  *State
	batch []event
	later []event
}

// request is one scheduling of the trigger's activity, with the request that it writes.
type request struct {
	number   uint8
	instance uint8 // the id of the instance that it starts
	stage    stage
	wire     wire
	// closed is true once the server waits no more for the activity; old, once its run was reset; fork, where it was
	// scheduled before the point that a reset would go back to; known, where it had ended by then.
	closed, old, fork, known bool
	// cut is true where nothing of its worker reaches the server any more. recalled is the server's wish.
	cut, recalled bool
	// late is true where its intent was accepted after the run's cancellation was taken in.
	late bool
	// ended and errorType are what the history says; intent what was recorded.
	ended, intent    bool
	errorType, named uint8
	beat             int32 // when the intent was recorded
	lease, until     int32
}

type stage uint8

type wire uint8

const (
	scheduled stage = iota // nothing was recorded
	intended               // the worker may write
	waiting                // it has written, and waits for the answer
	over
)

const (
	unwritten wire = iota
	onItsWay
	executed
	refused
	refusedForToken
	gone
)

// newRequest is the trigger of a number that this run sends. Its instance, if there will be one, has an id of its own.
func (w *world) newRequest(number int) request {
	r := request{number: uint8(number), instance: 2 * uint8(number)}
	if w.reset {
		r.instance++
	}
	return r
}

// writable tells whether the request can still be written.
func (r *request) writable() bool { return r.stage == intended }

// scheduling is what an earlier run shows of the request.
func (r *request) scheduling() Scheduling {
	p := Scheduling{Number: int(r.number), Ended: r.ended, ErrorType: errorTypes[r.errorType], InstanceID: idName(r.named)}
	if r.intent && r.named == 0 { // an answer says nothing of it, and needs not to
		p.Intent = &Intent{OnItsWayUntil: moment(r.until), Indexed: true}
	}
	return p
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func moment(seconds int32) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }
func seconds(t time.Time) int32      { return int32(t.Sub(epoch) / time.Second) }

// clone copies a state so far that Next may change the copy.
func clone(s *State) *State {
	c := *s
	c.Triggers = append(make([]Trigger, 0, len(s.Triggers)+1), s.Triggers...)
	c.Status.Notes, c.Status.Actions = nil, nil
	c.commands = nil
	return &c
}

// underWay tells whether a request can still be executed.
func (w *world) underWay() bool {
	for i := range w.requests {
		if w.requests[i].writable() || w.requests[i].wire == onItsWay {
			return true
		}
	}
	return false
}

// mayAct tells whether an operator's act may still be accepted.
func (w *world) mayAct() bool { return w.left.actions > 0 || w.acts() != 0 }

func with[T any](list []T, more ...T) []T { return append(slices.Clip(list), more...) }
