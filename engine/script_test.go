package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

// script runs a document by hand: what happens, and what the engine does about it.
type script struct {
	t       *testing.T
	program *Program
	e       *Engine
	now     time.Time
	did     []string
	left    []string // that the last lock was given back with
	starts  map[string]Start
	number  int
}

// start is what an execution was started with.
func (r *script) start(key string) Start {
	r.t.Helper()
	require.Contains(r.t, r.starts, key)
	return r.starts[key]
}

func begin(t *testing.T, document string, change ...func(*Options)) *script {
	t.Helper()
	r := open(t, document, change...)
	r.e.Begin()
	r.next()
	return r
}

// open makes a run that has not begun.
func open(t *testing.T, document string, change ...func(*Options)) *script {
	t.Helper()
	doc, err := runbook.Parse([]byte(document))
	require.NoError(t, err)
	program, err := Compile(doc)
	require.NoError(t, err)
	options := Options{WorkflowID: "run-1"}
	for _, c := range change {
		c(&options)
	}
	return &script{t: t, program: program, now: noon, e: program.New(noon, options), starts: map[string]Start{}}
}

func stepByStep(o *Options) { o.StepByStep = true }

func (r *script) next(events ...Event) {
	r.did = nil
	for _, command := range r.e.Next(r.now, events...) {
		switch command := command.(type) {
		case Start:
			word := "start "
			if command.Adopt != "" {
				word = "adopt " + command.Adopt + " of " + command.From + " as "
			}
			r.did = append(r.did, word+command.Key)
			r.starts[command.Key] = command
		case Cancel:
			r.did = append(r.did, "cancel "+command.Key)
		case Fetch:
			r.did = append(r.did, "fetch "+command.Key)
		case Acquire:
			r.did = append(r.did, strings.TrimSuffix("asks for "+command.Name+" as "+command.Key, " as "))
		case Release:
			r.did = append(r.did, "gives back "+command.Name)
			r.left = command.Left
		case Finish:
			r.did = append(r.did, "finish")
		case Answer:
			if command.Refused != "" {
				r.did = append(r.did, "refused "+command.ID)
			} else {
				r.did = append(r.did, "done "+command.ID)
			}
		}
	}
}

func (r *script) after(d time.Duration, events ...Event) {
	r.now = r.now.Add(d)
	r.next(events...)
}

// does says what the engine did last.
func (r *script) does(words ...string) {
	r.t.Helper()
	require.Equal(r.t, strings.Join(words, ", "), strings.Join(r.did, ", "))
}

func (r *script) succeeds(keys ...string) {
	for _, key := range keys {
		r.next(Ended{Key: key, Outcome: Success, InstanceID: "in-" + key})
	}
}

func (r *script) fails(key string) {
	r.next(Ended{Key: key, Outcome: Fail, InstanceID: "in-" + key, Reason: "ended FAIL"})
}

// timesOut: nobody waits for it any more, though it may still run.
func (r *script) timesOut(key string) {
	r.next(Ended{Key: key, Outcome: Broken, InstanceID: "in-" + key, Reason: "no end in time", MayRun: true})
}

// act does what an operator does, who must not be refused.
func (r *script) act(a Action) {
	r.t.Helper()
	require.NoError(r.t, r.e.Refuse(a))
	r.number++
	a.ID = fmt.Sprint("#", r.number)
	r.next(a)
	require.Contains(r.t, r.did, "done "+a.ID)
	r.did = slices.DeleteFunc(r.did, func(word string) bool { return word == "done "+a.ID })
}

// refuses says that an action makes no sense, and why; it leaves no trace.
func (r *script) refuses(a Action, why string) {
	r.t.Helper()
	before, err := r.e.Encode()
	require.NoError(r.t, err)
	require.ErrorContains(r.t, r.e.Refuse(a), why)
	after, err := r.e.Encode()
	require.NoError(r.t, err)
	require.Equal(r.t, before, after)
}

// statuses of all steps and items, in one line.
func (r *script) statuses() string {
	var all []string
	r.e.each(r.e.root(), func(p part) { all = append(all, p.path+" "+p.of.Status) })
	return strings.Join(all, ", ")
}

func (r *script) step(path string) Step {
	r.t.Helper()
	step, known := r.e.Step(path)
	require.True(r.t, known, path)
	return step
}

// waitsFor is what the run waits for a person for, in one line.
func (r *script) waitsFor() string {
	var all []string
	for _, waits := range r.e.WaitsFor() {
		all = append(all, strings.TrimSpace(waits.Kind+" "+waits.Step))
	}
	return strings.Join(all, ", ")
}

// resumed is a run of a document that continues this one.
func (r *script) resumed(document string, choices Choices) (*script, error) {
	r.t.Helper()
	next := open(r.t, document, func(o *Options) { o.WorkflowID = r.e.WorkflowID + "+" })
	next.now = r.now.Add(time.Hour)
	if err := next.e.Resume(r.e.WorkflowID, r.e.Result(), choices); err != nil {
		return nil, err
	}
	next.e.Begin()
	next.next()
	return next, nil
}
