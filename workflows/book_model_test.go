package workflows

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// world is all that is not in a document: how long everything takes, and how it ends.
type world struct {
	Seed    uint64
	Fails   map[string]int      // so many of the first triggers of a step, item or rollback end FAIL
	Answers map[string]string   // approve or reject, by approval; nobody answers the others
	Decides map[string][]string // what the operator does each time that a step waits; then skip
}

// margin is how far apart two things happen at least that could change each other's effect.
const margin = 10 * time.Second

// takes is how long something takes, the nth time: never twice the same.
func (w world) takes(what string, n int) time.Duration {
	hash := fnv.New64a()
	_, _ = fmt.Fprint(hash, w.Seed, what, n)
	return time.Minute + time.Duration(hash.Sum64()%uint64(8*time.Hour))
}

// prediction is what a document must come to.
type prediction struct {
	Failed   string            // error type
	Steps    map[string]string // statuses, those of nested runbooks included
	Undone   map[string]string // how rollbacks ended
	Left     []string          // instances that still run
	Triggers map[string][]time.Duration
	Acts     []act // of the operator
	Close    bool  // too close to each other for an order
}

// act is an update that the operator sends.
type act struct {
	At           time.Duration
	Update, Step string
}

// model plays documents in a world. It is written from the description of the runbook document, and knows
// nothing of how they are run.
type model struct {
	world
	prediction
	now   time.Duration
	due   []event
	asked map[string]int // by step: how often the operator was asked
}

type event struct {
	at time.Duration
	do func()
}

func emptyPrediction() prediction {
	return prediction{Steps: map[string]string{}, Undone: map[string]string{}, Triggers: map[string][]time.Duration{}}
}

func predict(doc *runbook.Document, w world) prediction {
	m := &model{world: w, asked: map[string]int{}, prediction: emptyPrediction()}
	m.play(doc, func(failed string) { m.Failed = failed })
	for len(m.due) > 0 {
		first := 0
		for i := range m.due {
			if m.due[i].at < m.due[first].at {
				first = i
			}
		}
		next := m.due[first]
		m.due = slices.Delete(m.due, first, first+1)
		m.Close = m.Close || next.at != m.now && next.at-m.now < margin
		m.now = next.at
		next.do()
	}
	slices.Sort(m.Left)
	return m.prediction
}

// run is one runbook in the model: the whole or a nested one.
type run struct {
	*model
	doc      *runbook.Document
	state    []string        // by step
	waits    map[int]bool    // for the operator
	kept     map[string]bool // items that have succeeded
	under    map[string]bool // what the platform runs
	inside   map[int]*run
	order    []int
	ending   string
	stopped  bool
	finished bool
	tell     func(failed string)
}

const lost = "LOST" // what it needs can no longer happen: a SKIPPED that is no success

func (m *model) play(doc *runbook.Document, tell func(string)) *run {
	r := &run{
		model: m, doc: doc, state: make([]string, len(doc.Steps)), tell: tell,
		waits: map[int]bool{}, kept: map[string]bool{}, under: map[string]bool{}, inside: map[int]*run{},
	}
	m.later(0, r.settle)
	return r
}

func (m *model) later(delay time.Duration, do func()) {
	m.due = append(m.due, event{m.now + delay, do})
}

// then goes on with the run after a delay, unless it was aborted.
func (r *run) then(delay time.Duration, do func()) {
	r.later(delay, func() {
		if !r.stopped {
			do()
			r.settle()
		}
	})
}

// settle starts what may start, and ends the run where nothing can happen any more.
func (r *run) settle() {
	for r.pass() {
	}
	if slices.Contains(r.state, StatusRunning) || r.finished {
		return
	}
	r.finished = true
	if r.ending == "rollback" {
		r.undo(r.rollbacks())
		return
	}
	r.end()
}

func (r *run) pass() (moved bool) {
	var starting []int
	for i := range r.doc.Steps {
		running := 0
		for _, state := range r.state {
			if state == StatusRunning {
				running++
			}
		}
		met, never := r.needs(i)
		switch {
		case r.state[i] != "":
		case never:
			r.state[i], moved = lost, true
		case met && r.ending == "" && len(r.waits) == 0 && (r.doc.MaxParallel == 0 || running < r.doc.MaxParallel):
			r.state[i] = StatusRunning
			starting = append(starting, i)
		}
	}
	for _, i := range starting {
		if r.holds(r.doc.Steps[i].When) {
			r.attempt(i)
		} else {
			r.state[i] = StatusSkipped
		}
	}
	return moved || len(starting) > 0
}

// needs tells whether a step's needs are met, and whether they never can be.
func (r *run) needs(i int) (met, never bool) {
	step := r.doc.Steps[i]
	needs := step.Needs
	if needs == nil && i > 0 {
		needs = []runbook.Need{{Step: r.doc.Steps[i-1].ID}}
	}
	yes, no := 0, 0
	for _, need := range needs {
		j := slices.IndexFunc(r.doc.Steps, func(s runbook.Step) bool { return s.ID == need.Step })
		good := r.state[j] == StatusSuccess || r.state[j] == StatusSkipped
		bad := r.state[j] == StatusFailed
		ended := good || bad || r.state[j] == lost || r.state[j] == StatusAborted
		happened := map[runbook.On]bool{
			"": good || bad && r.policy(j) == runbook.ContinueOnFailure, runbook.OnSuccess: good, runbook.OnFailed: bad, runbook.OnEnd: ended,
		}[need.On]
		if happened {
			yes++
		} else if ended {
			no++
		}
	}
	if step.Join == runbook.JoinAny && len(needs) > 0 {
		return yes > 0, no == len(needs)
	}
	return yes == len(needs), no > 0
}

func (r *run) policy(i int) runbook.OnFailure {
	for _, word := range []runbook.OnFailure{r.doc.Steps[i].OnFailure, r.doc.OnFailure} {
		if word != "" {
			return word
		}
	}
	return runbook.PauseOnFailure
}

// holds knows the conditions that are drawn: true, false, and comparisons of a status with a word.
func (r *run) holds(when string) bool {
	if when == "" || when == "true" || when == "false" {
		return when != "false"
	}
	var id, word string
	_, _ = fmt.Sscanf(strings.NewReplacer("steps.", "", ".status", "", "'", "").Replace(when), "%s == %s", &id, &word)
	for i, step := range r.doc.Steps {
		if step.ID == id {
			return strings.Replace(r.state[i], lost, StatusSkipped, 1) == word
		}
	}
	return false
}
