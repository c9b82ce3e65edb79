package runbook

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	// MaxSteps is how many steps a document may have: each costs its workflow a dozen events or more,
	// and Temporal ends a history at 51,200.
	MaxSteps = 1000
	// MaxNesting is how many runbooks may stand inside each other.
	MaxNesting = 5
	// MaxItems is how many items a step may run for.
	MaxItems = 1000

	maxID        = 128 // of plans and models: they are part of the names of signals
	minPollAfter = Duration(time.Second)
	// MaxSyncTimeout is how long a synchronous model may take: its answer is waited for well within one attempt of its trigger.
	MaxSyncTimeout = Duration(10 * time.Minute)
)

// Validate checks the whole document, as Parse does: for documents that were made in Go. The error is
// Faults.
func (d *Document) Validate() error { return d.check(nil).capped().Err() }

// check returns the faults of a document; decoded are those that are known of it already, and of which
// no consequences are told.
func (d *Document) check(decoded Faults) Faults {
	v := &validator{decoded: decoded}
	v.document(d, "", 1, false)
	_, faults := compile(d)
	return append(v.faults, faults...)
}

type validator struct {
	faults  Faults
	decoded Faults
	final   bool // within finally
}

// missing adds a fault about what is not there, unless it is there but could not be read.
func (v *validator) missing(path string, fields []string, problem string) {
	if !v.decoded.covers(path, fields...) {
		v.faults.add(path, "%s", problem)
	}
}

func (v *validator) document(d *Document, path string, depth int, undone bool) {
	if d.Name == "" {
		v.missing(path, []string{"name"}, "name is missing")
	}
	for name := range Sorted(d.Vars) {
		v.variable(d.Vars[name], join(join(path, "vars"), name))
	}
	v.atLeast(join(path, "maxParallel"), d.MaxParallel, 0)
	checkWord(&v.faults, join(path, "onFailure"), d.OnFailure, onFailureWords)
	v.notNegative(join(path, "target"), d.Target)
	v.notNegative(join(path, "timeout"), d.Timeout)
	if at := join(path, "lock"); d.Lock != nil {
		if d.Lock.Name == "" {
			v.missing(at, []string{"", "name"}, "name is missing")
		} else if !strings.Contains(d.Lock.Name, opening) {
			v.faults.Add(join(at, "name"), checkLock(d.Lock.Name))
		}
		checkWord(&v.faults, join(at, "onBusy"), d.Lock.OnBusy, onBusyWords)
	}
	at := join(path, "steps")
	switch {
	case len(d.Steps) == 0:
		v.missing(path, []string{"steps"}, "steps is missing: a runbook must have at least one")
		return
	case d.Len() > MaxSteps:
		v.faults.add(at, "must have at most %d steps, got %d: each is a dozen events or more of a history that Temporal ends at 51,200; put parts into nested runbooks", MaxSteps, d.Len())
		return
	}
	ids := make(map[string]int, d.Len())
	for i := range d.Len() {
		if data, err := json.Marshal(d.Step(i)); err == nil && depth == 1 && replaced.Match(data) {
			v.faults.Add(d.Place(i), errNotUTF8)
		}
		undone = undone && d.FailureOf(i) != RollbackOnFailure
		v.id(d, i, join(path, d.Place(i)), ids)
	}
	for i := range d.Steps {
		v.step(&d.Steps[i], index(at, i), depth, undone)
		v.needs(d, i, index(at, i), ids)
	}
	v.order(at, reachOf(d))
	v.finally(d, path, depth, ids)
}

// order finds steps that need each other in a circle, or can never run.
func (v *validator) order(at string, r *reach) {
	for i := range r.Steps {
		if len(r.order) == len(r.Steps) && r.neverRuns(i) {
			v.faults.add(join(index(at, i), "needs"), "this step can never run: what it waits for cannot fail, or rules out its other needs; and people are not asked once a failure ends the runbook")
		}
	}
	for _, cycle := range cycles(r.needs) {
		names := make([]string, len(cycle))
		for i, step := range cycle {
			names[i] = r.Steps[step].ID
		}
		v.faults.add(index(at, cycle[0]), "the steps need each other in a circle: %s", strings.Join(names, " needs "))
	}
}

// finally checks the steps that run last. Nobody is asked there, and nothing is undone.
func (v *validator) finally(d *Document, path string, depth int, ids map[string]int) {
	around, at := v.final, join(path, "finally")
	v.final = true
	for i := range d.Finally {
		step := &d.Finally[i]
		v.step(step, index(at, i), depth, false)
		v.needs(d, len(d.Steps)+i, index(at, i), ids)
		if step.OnFailure == PauseOnFailure || step.OnFailure == RollbackOnFailure {
			v.faults.add(join(index(at, i), "onFailure"), "must be abort | continue in finally, got %q", step.OnFailure)
		}
		if step.Rollback != nil {
			v.faults.add(join(index(at, i), "rollback"), "does not fit in finally, which runs after all rollbacks")
		}
	}
	v.final = around
	needs := resolve(d.Finally, OnEnd)
	v.order(at, &reach{&Document{Steps: d.Finally, OnFailure: ContinueOnFailure}, needs, order(needs)})
}

var fieldForm = regexp.MustCompile(`^[\p{L}\p{N}_.-]{1,64}$`)

var idForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

func (v *validator) id(d *Document, step int, path string, ids map[string]int) {
	id := d.Step(step).ID
	first, twice := ids[id]
	switch {
	case id == "":
		v.missing(path, []string{"id"}, "id is missing")
		return
	case !idForm.MatchString(id):
		v.faults.add(join(path, "id"), `must be a letter, then at most 63 letters, digits, "_" and "-", got %q`, clip(id))
	case twice:
		v.faults.add(join(path, "id"), "%q is the id of %s already", id, d.Place(first))
	}
	if !twice {
		ids[id] = step
	}
}

func (v *validator) needs(d *Document, step int, path string, ids map[string]int) {
	s := d.Step(step)
	seen := make(map[string]bool, len(s.Needs))
	for i, need := range s.Needs {
		at := index(join(path, "needs"), i)
		needed, known := ids[need.Step]
		switch {
		case need.Step == "":
			v.missing(at, []string{"", "step"}, "step is missing")
		case need.Step == s.ID:
			v.faults.add(at, "a step cannot need itself")
		case !known:
			v.faults.add(at, "there is no step %q", clip(need.Step))
		case d.Final(step) != d.Final(needed) && d.Final(step):
			v.faults.add(at, "%q has ended when finally begins: leave it out", need.Step)
		case d.Final(step) != d.Final(needed):
			v.faults.add(at, "%q is in finally, which comes after all other steps", need.Step)
		case seen[need.Step]:
			v.faults.add(at, "%q is needed already", need.Step)
		}
		seen[need.Step] = true
		checkWord(&v.faults, join(at, "on"), need.On, onWords)
	}
	checkWord(&v.faults, join(path, "join"), s.Join, joinWords)
}

func (v *validator) atLeast(path string, number, least int) {
	if number < least {
		v.faults.add(path, "must be at least %d, got %d", least, number)
	}
}

func (v *validator) notNegative(path string, d Duration) {
	if d < 0 {
		v.faults.add(path, "must be more than zero, got %s", d)
	}
}

// fits adds a fault for every field that is given though steps of this kind have no use for it.
func (v *validator) fits(path, kind string, fields []field) {
	for _, field := range fields {
		if field.given && !slices.Contains(field.kinds, kind) {
			v.faults.add(join(path, field.name), "does not fit a step with %s, only one with %s", kind, strings.Join(field.kinds, ", "))
		}
	}
}

// field is one of a step or job: whether it is given, and the kinds of steps that it fits.
type field struct {
	name  string
	given bool
	kinds []string
}

func (v *validator) exactlyOne(path string, names []string, given []bool) (kind string) {
	var found []string
	for i, name := range names {
		if given[i] {
			found = append(found, name)
		}
	}
	switch {
	case len(found) == 1:
		return found[0]
	case len(found) == 0:
		v.missing(path, names, fmt.Sprintf("must have exactly one of %s", strings.Join(names, ", ")))
	default:
		v.faults.add(path, "must have exactly one of %s, got %s", strings.Join(names, ", "), strings.Join(found, " and "))
	}
	return ""
}
