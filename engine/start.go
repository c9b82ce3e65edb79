package engine

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// begin starts a step whose needs are met.
func (e *Engine) begin(p part) {
	e.changed = true
	defer e.hold(p)
	e.Granted = slices.DeleteFunc(e.Granted, func(path string) bool { return path == p.path })
	holds, err := p.program.When(p.i, e.knows(p))
	switch {
	case err != nil:
		e.fail(p, err.Error())
	case !holds:
		e.end(p, runbook.StatusSkipped, "its condition is false")
	case p.written().ForEach != "":
		e.beginItems(p)
	default:
		e.start(p)
	}
}

// hold keeps others from starting until the consequences of what has just started are drawn: it may have
// ended at once, or have items or steps that come before the others.
func (e *Engine) hold(p part) {
	written := p.written()
	simple := written.Runbook == nil && (written.ForEach == "" || p.isItem())
	e.starting = e.starting && simple && p.of.Status == runbook.StatusRunning && !e.StepByStep
}

// beginItems starts a step with forEach: its items start one by one.
func (e *Engine) beginItems(p part) {
	values, err := p.program.ForEach(p.i, e.knows(p))
	if err != nil {
		e.fail(p, err.Error())
		return
	}
	items, gone, err := match(p.written(), p.step.Items, values)
	if err != nil {
		e.fail(p, err.Error())
		return
	}
	if runs := e.top.runs() + e.items() + len(items) - len(p.step.Items); runs > MaxRuns {
		e.fail(p, fmt.Sprintf("with its %d items the runbook has %d runs, which are more than %d", len(items), runs, MaxRuns))
		return
	}
	for k := range items {
		items[k].Asked = items[k].Asked || p.step.Asked && items[k].Status == runbook.StatusWaiting
	}
	for _, item := range gone {
		item.mayRun(item.ID, func(_ string, of *Execution) { p.step.Earlier = append(p.step.Earlier, *of) })
	}
	p.step.Items = items
	e.run(p)
}

// items counts those that there are.
func (e *Engine) items() (count int) {
	e.each(e.root(), func(p part) {
		if p.isItem() {
			count++
			if p.inner[p.i] != nil {
				count += p.inner[p.i].doc.Len()
			}
		}
	})
	return count
}

// match makes the items of a list. One that there was before keeps what became of it: it is known by its
// value and, among equals, by how many of them come before it. Those that are gone are not in the list any more.
func match(written *runbook.Step, before []Step, values []any) (items, gone []Step, err error) {
	known := map[string][]*Step{}
	for k := range before {
		value := string(before[k].Item)
		known[value] = append(known[value], &before[k])
	}
	items = make([]Step, len(values))
	for k, value := range values {
		text, err := runbook.FormatValue(value)
		if err != nil {
			return nil, nil, fmt.Errorf("item %d: %w", k, err)
		}
		items[k] = newStep(written)
		if same := known[string(text)]; len(same) > 0 {
			items[k], known[string(text)] = *same[0], same[1:]
		}
		items[k].ID, items[k].Name, items[k].Item = fmt.Sprintf("%s[%d]", written.ID, k), "", text
	}
	for value := range runbook.Sorted(known) {
		for _, item := range known[value] {
			gone = append(gone, *item)
		}
	}
	return items, gone, nil
}

// run marks a part as under way.
func (e *Engine) run(p part) {
	now := e.now
	p.of.Status, p.of.Reason, p.of.StartedAt, p.of.FinishedAt = runbook.StatusRunning, "", &now, nil
	p.of.Asked, p.of.PausedAt, p.of.NotBefore = false, nil, nil
	e.changed = true
}

// start starts a step without forEach, or an item.
func (e *Engine) start(p part) {
	defer e.hold(p)
	asked := p.of.Asked
	e.run(p)
	switch written := p.written(); {
	case written.Asks():
		e.ask(p)
	case written.Wait != nil:
		e.wait(p)
	case written.Runbook != nil:
		e.enter(p, asked)
	default:
		e.execute(p)
	}
	if p.of.Status == runbook.StatusRunning {
		p.scope.running += p.counts(p.i, p.of)
		if p.all != nil {
			p.all.running++
		}
	} else if p.all != nil && p.of.Status == runbook.StatusFailed {
		p.all.failed++
	}
}

func (e *Engine) in(d runbook.Duration) *time.Time {
	if d == 0 {
		return nil
	}
	at := e.now.Add(time.Duration(d))
	return &at
}

// wait begins a wait. Its end is fixed now, whatever becomes of the time zones meanwhile.
func (e *Engine) wait(p part) {
	timer, err := p.program.Timer(p.i, e.knows(p))
	if err != nil {
		e.failPart(p, err.Error())
		return
	}
	until := e.Over(timer, e.now)
	if p.of.Inputs = timerDigest(timer); !until.After(e.now) {
		e.end(p, runbook.StatusSuccess, "")
		return
	}
	p.of.Until = &until
}

// enter begins a nested runbook. What succeeded in it before, and was not undone, is kept.
func (e *Engine) enter(p part, asked bool) {
	vars, err := p.program.InnerVars(p.i, e.knows(p))
	if err != nil {
		e.failPart(p, err.Error())
		return
	}
	run := newRun(p.inner[p.i].doc, vars, e.now)
	switch old := p.of.Runbook; {
	case old == nil:
	case old.Resumed && !p.of.Anew:
		run.Steps = old.Steps
	default:
		carry(p.inner[p.i], &run, old.Steps, !p.of.Anew)
	}
	run.Asked = asked
	p.of.Attempts++
	p.of.Ran, p.of.Runbook, p.of.Anew, p.of.Until = true, &run, false, e.in(p.written().Timeout)
	if err := e.lockInside(p, &run); err != nil {
		e.wind(&run, Failing, err.Error(), "")
	}
}

// execute starts a plan or model.
func (e *Engine) execute(p part) {
	job, err := p.program.Job(p.i, e.knows(p))
	if err != nil {
		e.failPart(p, err.Error())
		return
	}
	e.bound(p, &job)
	p.of.Attempts++
	p.of.Inputs, p.of.MayRun, p.of.InstanceID = digest(job), true, p.of.Adopt
	e.do(Start{Key: p.key(false), Path: p.path, Job: job, Finally: p.final, Adopt: p.of.Adopt, From: p.of.From, Outputs: p.outputs(e)})
	p.of.Adopt = ""
}

// digest is the same for jobs that do the same with the same.
func digest(job runbook.Job) string {
	return sum(job.Plan, job.Model, job.Params, job.ExecutePath, job.DesignatedOutputsOnly)
}

// timerDigest is of a time and a window only: a while that has passed is over.
func timerDigest(timer runbook.Timer) string {
	if timer.For != 0 {
		return ""
	}
	return sum(timer)
}

func sum(values ...any) string {
	text, err := json.Marshal(values)
	if err != nil {
		return "" // strings and maps of strings always encode
	}
	hash := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(hash[:12])
}
