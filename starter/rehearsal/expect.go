package rehearsal

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
)

// Expectation is what must hold at a moment. What is left out does not matter.
type Expectation struct {
	// Status is the run's, such as RUNNING, PAUSED, SUCCESS or FAILED; Phase is its phase.
	Status string `json:"status,omitempty"`
	Phase  string `json:"phase,omitempty"`
	// Reason is a part of the run's reason.
	Reason string `json:"reason,omitempty"`
	// Running is exactly what runs on the platform: paths, in any order, of a rollback "rollback of PATH".
	Running []string `json:"running,omitzero"`
	// WaitsFor is exactly what the run waits for a person for: a kind, and where it is a step's a path, such as
	// "approval confirm".
	WaitsFor []string `json:"waitsFor,omitzero"`
	// WaitsForLocks is exactly what locks are waited for: names, in any order.
	WaitsForLocks []string `json:"waitsForLocks,omitzero"`
	// Steps are the statuses of some steps, by path.
	Steps map[string]string `json:"steps,omitempty"`
	// Attempts is how often some steps were started, by path.
	Attempts map[string]int `json:"attempts,omitempty"`
	// Undone is exactly what was rolled back with success: paths, the first first.
	Undone []string `json:"undone,omitzero"`
	// StillRunning is exactly what may still run on the platform with nobody waiting for it.
	StillRunning []string `json:"stillRunning,omitzero"`
}

// check says everything that does not hold.
func (x Expectation) check(r *Rehearsal) error {
	result := r.Result()
	var wrong []error
	differs := func(what string, expected, got any) {
		wrong = append(wrong, fmt.Errorf("%s must be %v, and is %v", what, expected, got))
	}
	same := func(what, expected, got string) {
		if expected != "" && expected != got {
			differs(what, expected, got)
		}
	}
	list := func(what string, expected, got []string) {
		if expected != nil && !slices.Equal(expected, got) {
			differs(what, orNone(expected), orNone(got))
		}
	}
	same("the status of the run", x.Status, result.Status)
	same("the phase of the run", x.Phase, string(result.Phase))
	if !strings.Contains(result.Reason, x.Reason) {
		differs("the reason of the run", x.Reason, result.Reason)
	}
	list("what runs", sorted(x.Running), r.Running())
	list("what is waited for", sorted(x.WaitsFor), waitsFor(result))
	list("the locks that are waited for", sorted(x.WaitsForLocks), waitsForLocks(result))
	list("what was undone", x.Undone, undone(result))
	list("what may still run", sorted(x.StillRunning), stillRunning(result))
	for _, path := range slices.Sorted(maps.Keys(x.Steps)) {
		if step, known := r.e.Step(path); known {
			same("step "+path, x.Steps[path], step.Status)
		} else {
			wrong = append(wrong, noStep(path))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(x.Attempts)) {
		if step, known := r.e.Step(path); !known {
			wrong = append(wrong, noStep(path))
		} else if step.Attempts != x.Attempts[path] {
			differs("the attempts at step "+path, x.Attempts[path], step.Attempts)
		}
	}
	return errors.Join(wrong...)
}

func noStep(path string) error { return fmt.Errorf("there is no step %s", path) }

func sorted(list []string) []string {
	if list == nil {
		return nil
	}
	return slices.Sorted(slices.Values(list))
}

func waitsFor(result engine.Result) []string {
	all := []string{}
	for _, waits := range result.WaitsFor {
		all = append(all, strings.TrimSpace(waits.Kind+" "+waits.Step))
	}
	return sorted(all)
}

func stillRunning(result engine.Result) []string {
	all := []string{}
	for _, running := range result.StillRunning {
		all = append(all, running.Step)
	}
	return sorted(all)
}

// undone are the paths of what was rolled back, in the order in which that ended.
func undone(result engine.Result) []string {
	type rollback struct {
		path string
		of   *engine.Execution
	}
	var all []rollback
	var add func(path string, steps []engine.Step)
	add = func(path string, steps []engine.Step) {
		for i := range steps {
			step := &steps[i]
			if step.Rollback != nil && step.Rollback.Status == runbook.StatusSuccess {
				all = append(all, rollback{path + step.ID, step.Rollback})
			}
			add(path, step.Items)
			if step.Runbook != nil {
				add(path+step.ID+"/", step.Runbook.Steps)
			}
		}
	}
	add("", result.Steps)
	slices.SortStableFunc(all, func(a, b rollback) int { return a.of.FinishedAt.Compare(*b.of.FinishedAt) })
	paths := []string{}
	for _, r := range all {
		paths = append(paths, r.path)
	}
	return paths
}
