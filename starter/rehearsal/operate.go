package rehearsal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
)

// act does what an operator does.
func (r *Rehearsal) act(s sentence) error {
	a := *s.action
	if err := r.fill(&a, s.outputs); err != nil {
		return err
	}
	if err := r.e.Refuse(a); err != nil {
		return err
	}
	if key := r.e.Target(a); key != "" {
		return r.settle(key, s)
	}
	r.triggered(nil)
	a.ID = "rehearsed"
	var refused error
	for _, command := range r.next(a) {
		switch command := command.(type) {
		case engine.Answer:
			if command.Refused != "" {
				refused = errors.New(command.Refused)
			}
		case engine.Fetch:
			r.next(engine.Ended{
				Key: command.Key, Outcome: engine.Success, InstanceID: command.InstanceID, ObservedBy: "operator",
				Outputs: nodes(command.Job, s.outputs),
			})
		}
	}
	return refused
}

// fill gives the values of an answer the types that the step asks for.
func (r *Rehearsal) fill(a *engine.Action, typed map[string]string) (err error) {
	step, known := r.e.Step(a.Step)
	if a.Name != engine.ActionAnswer || !known || step.Question == nil {
		return nil
	}
	a.Values, err = runbook.ReadFields(step.Question.Fields, typed)
	return err
}

// settle does what an operator does to an execution that runs, or may.
func (r *Rehearsal) settle(key string, s sentence) error {
	i := slices.IndexFunc(r.running, func(x *execution) bool { return x.Key == key })
	if i < 0 {
		return fmt.Errorf("%s does not run now", s.action.Step)
	}
	x, a := r.running[i], *s.action
	if s.trigger != "" && x.instance != "" {
		return fmt.Errorf("the trigger of %s is not in doubt: it is instance %s", a.Step, x.instance)
	}
	r.triggered(x)
	r.e.Record(a)
	switch {
	case s.trigger == "adopt":
		x.instance = s.instance
		r.next(engine.Progress{Key: key, Phase: "WAITING", InstanceID: x.instance})
	case s.trigger == "retrigger":
		r.next(engine.Progress{Key: key, Phase: "TRIGGERING"})
	case s.trigger == "abort":
		r.end(x, engine.Ended{Outcome: engine.Broken, Reason: by(a.By) + " gave up the trigger", MayRun: true})
	default:
		r.end(x, engine.Ended{Outcome: engine.Outcome(a.Status), Reason: "it ended FAIL, says " + by(a.By), ObservedBy: "operator",
			Outputs: nodes(x.Job, s.outputs)})
	}
	return nil
}
