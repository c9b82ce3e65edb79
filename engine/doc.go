// Package engine decides what a runbook does: which step starts now, what a failure means, who may
// answer, what is undone, and when it is over. It decides, and acts on nothing: whoever drives it, a
// workflow or a test, feeds it what has happened and carries out the commands that come back.
//
//	program, err := engine.Compile(document)
//	e := program.New(now, options)
//	commands := e.Next(now, events...)   // what arrived since the last time, and what is to be done
//	due, any := e.Due()                  // when to call Next again though nothing has arrived
//
// One engine runs the whole tree: the steps of the document, the items of a step with forEach, and the
// steps of nested runbooks, which go by their path, such as verify/business or probe[2].
//
// What it knows is data (State), so that a run can be copied, shown, and carried to another process.
// How an execution is triggered and observed is none of its business: it starts one, and is told how
// it stands and how it ended.
package engine
