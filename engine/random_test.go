package engine

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// random makes documents, and what happens to them.
type random struct{ *rand.Rand }

func seeded(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 0x9e3779b9))} }

func (r random) chance(percent int) bool { return r.IntN(100) < percent }

func pick[T any](r random, from ...T) T { return from[r.IntN(len(from))] }

// people who answer, and one who may not.
var people = []string{"zhang", "li", "wang"}

// document makes a runbook that Validate has nothing against, with runbooks in it up to a depth.
func (r random) document(depth int) *runbook.Document {
	d := &runbook.Document{Name: "r", Vars: runbook.Vars{"no": map[string]any{}, "hosts": r.hosts()}}
	switch { // in the ways in which it can be written
	case r.chance(15):
		d.Vars["hosts"] = map[string]any{"type": "list", "default": r.hosts()}
	case r.chance(15):
		d.Vars["hosts"], d.Vars["all"] = ofAll, r.hosts()
	}
	d.OnFailure = pick(r, "", runbook.PauseOnFailure, runbook.AbortOnFailure, runbook.ContinueOnFailure, runbook.RollbackOnFailure, runbook.RollbackOnFailure)
	if r.chance(30) {
		d.MaxParallel = 1 + r.IntN(2)
	}
	if r.chance(8) {
		d.Timeout = runbook.Duration(r.minutes())
	}
	if r.chance(20) { // further in, further in the alphabet
		d.Lock = &runbook.Lock{Name: string(rune('d' - depth + r.IntN(2))), OnBusy: pick(r, "", runbook.FailOnBusy)}
	}
	for i := range 1 + r.IntN(4) + r.IntN(3) {
		d.Steps = append(d.Steps, r.step(d, i, depth))
		sound(d, &d.Steps[i])
	}
	for i := range max(0, r.IntN(5)-2) {
		d.Finally = append(d.Finally, r.last(string(rune('x'+i)), depth))
	}
	return d
}

// last makes a step of finally.
func (r random) last(id string, depth int) runbook.Step {
	s := runbook.Step{ID: id, OnFailure: pick(r, "", "", runbook.AbortOnFailure, runbook.ContinueOnFailure)}
	switch kind := r.IntN(100); {
	case kind < 20 && depth > 1:
		s.Runbook = r.document(1)
		for i := range s.Runbook.Steps {
			if s.Runbook.Steps[i].Asks() {
				s.Runbook.Steps[i].Approval, s.Runbook.Steps[i].Ask, s.Runbook.Steps[i].Plan = nil, nil, "p"
			}
		}
		for i := range s.Runbook.Steps {
			sound(s.Runbook, &s.Runbook.Steps[i])
		}
		r.give(&s)
	case kind < 30:
		s.Wait = &runbook.Timer{For: runbook.Duration(r.minutes())}
	default:
		s.Plan, s.Retries = "p", r.retries()
		r.repeat(&s)
	}
	if r.chance(30) {
		s.When = fmt.Sprintf("runbook.status == '%s'", pick(r, runbook.Outcomes...))
	}
	return s
}

// sound takes out of the last step what can never run, and would be refused.
func sound(d *runbook.Document, s *runbook.Step) {
	if d.Validate() != nil && s.Runbook != nil && s.Rollback != nil {
		s.Rollback.When = ""
	}
	for k := range s.Needs {
		if d.Validate() != nil && s.Needs[k].On == runbook.OnFailed {
			s.Needs[k].On = runbook.OnEnd
		}
	}
}

func (r random) hosts() []any {
	hosts := []any{}
	for range r.IntN(4) {
		hosts = append(hosts, pick[any](r, "web1", "web2", "web3", int64(4)))
	}
	return hosts
}

// What the hosts of a runbook can be made of: others of its own, those of the one around it, or the item there.
const (
	ofAll    = "${{ vars.all }}"
	ofAround = "${{ vars.hosts }}"
	ofItem   = "${{ [item] }}"
	ofNone   = "${{ vars.no }}" // no list
)

// give lets the hosts of a nested runbook come from the one around it: by what it is given, or by its own words.
func (r random) give(s *runbook.Step) {
	from := pick(r, ofAround, ofAround, ofAround, ofNone)
	if s.ForEach != "" && r.chance(50) {
		from = ofItem
	}
	switch {
	case r.chance(30):
		s.With = runbook.Vars{"hosts": from}
		s.Runbook.Vars["hosts"] = pick[any](r, []any{}, map[string]any{"type": "list", "required": true})
	case r.chance(20):
		s.With = runbook.Vars{}
	case r.chance(20):
		s.Runbook.Vars["hosts"] = map[string]any{"type": "list", "default": from}
	case s.Runbook.Vars["hosts"] == ofAll:
		s.Runbook.Vars["hosts"] = s.Runbook.Vars["all"]
	}
}

func (r random) minutes() int64 { return int64(1+r.IntN(20)) * 60e9 }

func (r random) step(d *runbook.Document, i, depth int) runbook.Step {
	s := runbook.Step{ID: string(rune('a' + i))}
	switch kind := r.IntN(100); {
	case kind < 12:
		s.Approval = &runbook.Approval{Message: "go?", Quorum: r.IntN(3)}
		if r.chance(70) {
			s.Approval.Approvers = []string{"zhang", "li"}
		}
		if r.chance(30) {
			s.Approval.Timeout = runbook.Duration(r.minutes())
			s.Approval.OnTimeout = pick(r, "", runbook.ApproveOnTimeout)
		}
	case kind < 15:
		s.Ask = &runbook.Task{Message: "how much?", Fields: map[string]runbook.Var{"lag": {Type: runbook.IntegerVar, Enum: []any{1, 2, 3, 4}}}}
		if r.chance(70) {
			s.Ask.Who = []string{"zhang", "li"}
		}
		if r.chance(30) {
			s.Ask.Timeout = runbook.Duration(r.minutes())
		}
	case kind < 20:
		s.Wait = pick(r, &runbook.Timer{For: runbook.Duration(r.minutes())}, &runbook.Timer{For: runbook.Duration(r.minutes())},
			&runbook.Timer{Until: noon.Add(time.Duration(r.minutes())).Format(time.RFC3339)},
			&runbook.Timer{Window: pick(r, "11:50-12:10", "12:05-12:08", "23:00-11:00"), Days: pick(r, "", "SAT-THU"), TimeZone: "Etc/UTC"})
	case kind < 34 && depth > 1:
		s.Runbook = r.document(depth - 1)
		if r.chance(20) {
			s.Timeout = runbook.Duration(r.minutes())
		}
	default:
		s.Plan = "p"
		s.Retries = r.retries()
	}
	if !s.Asks() && s.Wait == nil {
		r.repeat(&s)
		r.undo(&s)
	}
	if s.Runbook != nil {
		r.give(&s)
	}
	if s.Plan != "" && r.chance(15) {
		r.rounds(&s)
	}
	if s.Plan != "" && r.chance(4) {
		s.Params = broken
	}
	s.OnFailure = pick(r, "", "", "", runbook.PauseOnFailure, runbook.AbortOnFailure, runbook.ContinueOnFailure, runbook.RollbackOnFailure)
	r.order(d, &s, i)
	return s
}

// broken cannot be rendered.
var broken = runbook.Params{"md": runbook.Inputs(runbook.Params{"A": runbook.Text("${{ vars.no.such }}")})}

func (r random) retries() runbook.Retries {
	retries := runbook.Retries{Max: max(0, r.IntN(4)-1)}
	if retries.Max > 0 && r.chance(30) {
		retries.Pause, retries.Backoff = runbook.Duration(r.minutes()), float64(r.IntN(3))
	}
	return retries
}

func (r random) rounds(s *runbook.Step) {
	s.Every = runbook.Duration(1+r.IntN(5)) * runbook.Duration(time.Minute)
	if s.Until = fmt.Sprintf("steps.%s.outputs['ok'] == 'yes'", s.ID); s.ForEach != "" {
		s.Until = fmt.Sprintf("steps.%s.items[index].outputs['ok'] == 'yes'", s.ID)
	}
	if r.chance(60) {
		s.Timeout = runbook.Duration(r.minutes())
	}
}

func (r random) repeat(s *runbook.Step) {
	if !r.chance(25) {
		return
	}
	s.ForEach = "vars.hosts"
	s.MaxParallel = r.IntN(3)
	if r.chance(40) {
		s.MaxFailures = pick(r, runbook.MaxFailures{Count: 1}, runbook.MaxFailures{Percent: 50})
	}
}

func (r random) undo(s *runbook.Step) {
	if !r.chance(60) {
		return
	}
	s.Rollback = &runbook.Rollback{Job: runbook.Job{Plan: "u"}, When: pick(r, "", runbook.RollbackSucceeded, runbook.RollbackStarted)}
	if r.chance(6) {
		s.Rollback.Params = broken
	}
}

func (r random) order(d *runbook.Document, s *runbook.Step, i int) {
	if i > 0 && r.chance(65) {
		s.Needs = []runbook.Need{}
		for k := range i {
			if r.chance(45) {
				on := pick(r, "", "", "", runbook.OnSuccess, runbook.OnFailed, runbook.OnEnd)
				s.Needs = append(s.Needs, runbook.Need{Step: d.Steps[k].ID, On: on})
			}
		}
	}
	if len(s.Needs) > 1 && r.chance(35) {
		s.Join = runbook.JoinAny
	}
	if !r.chance(20) {
		return
	}
	s.When = pick(r, "true", "false", "vars.no.such == 1")
	if s.Needs == nil && i > 0 {
		s.When = fmt.Sprintf("steps.%s.status == '%s'", d.Steps[i-1].ID, pick(r, runbook.StatusSuccess, runbook.StatusSkipped))
	} else if len(s.Needs) > 0 && r.chance(50) {
		s.When = fmt.Sprintf("steps.%s.status == '%s'", s.Needs[0].Step, pick(r, runbook.StatusSuccess, runbook.StatusFailed))
	}
}

// edit makes a document of another one, as people do between two runs.
func (r random) edit(d *runbook.Document) (*runbook.Document, *Program) {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	for tries := 0; ; tries++ {
		var edited runbook.Document
		if err := json.Unmarshal(text, &edited); err != nil {
			panic(err)
		}
		r.change(&edited)
		program, err := Compile(&edited)
		if err == nil {
			return &edited, program
		}
		if tries > 100 {
			panic(err)
		}
	}
}

func (r random) change(d *runbook.Document) {
	if r.chance(40) {
		d.Vars["hosts"] = r.hosts()
	}
	for i := range d.Steps {
		step := &d.Steps[i]
		if step.Plan != "" && r.chance(8) {
			step.Plan = "q"
		}
		if step.Approval != nil && r.chance(20) {
			step.Approval.Message = "really?"
		}
		if step.Ask != nil && r.chance(20) {
			step.Ask.Message = "how many?"
		}
		if step.Runbook != nil && r.chance(50) {
			r.change(step.Runbook)
		}
	}
	if r.chance(10) && len(d.Steps) > 1 {
		d.Steps = d.Steps[:len(d.Steps)-1]
	}
	if r.chance(20) {
		d.Steps = append(d.Steps, runbook.Step{ID: "z", Job: runbook.Job{Plan: "p"}})
	}
}
