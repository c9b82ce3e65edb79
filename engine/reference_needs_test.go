package engine

import (
	"slices"

	"github.com/dpaflow/dpaflow/runbook"
)

// need: met, skipped, lost or pending.
func (c *cell) needs() string {
	written := c.written()
	count := map[string]int{}
	needs := written.Needs
	switch {
	case needs == nil && c.final() && c.i > len(c.in.doc.Steps):
		needs = []runbook.Need{{Step: c.in.doc.Step(c.i - 1).ID, On: runbook.OnEnd}}
	case needs == nil && !c.final() && c.i > 0:
		needs = []runbook.Need{{Step: c.in.doc.Step(c.i - 1).ID}}
	}
	for _, need := range needs {
		k := slices.IndexFunc(c.in.steps, func(other *cell) bool { return other.written().ID == need.Step })
		meets := c.in.steps[k].meets(need.On)
		if meets == "met" && written.Join == runbook.JoinAny && need.On == "" && c.in.steps[k].status != "SUCCESS" {
			meets = "lost"
		}
		count[meets]++
	}
	switch {
	case len(needs) == 0:
		return "met"
	case written.Join == runbook.JoinAny && count["met"] > 0:
		return "met"
	case written.Join != runbook.JoinAny && count["lost"] > 0:
		return "lost"
	case count["pending"] > 0:
		return "pending"
	case written.Join != runbook.JoinAny:
		return "met"
	case count["skipped"] == len(needs):
		return "skipped"
	}
	return "lost"
}

func (c *cell) meets(on runbook.On) string {
	itself := c.status == "SUCCESS" || c.status == "SKIPPED" && !c.never && (c.skippedBy == "" || c.kept)
	if !c.over() || itself && c.needs() == "pending" {
		return "pending"
	}
	table := map[string]string{ // by status and on: met, skipped, else lost
		"SUCCESS ": "met", "SUCCESS success": "met", "SUCCESS end": "met",
		"SKIPPED ": "skipped", "SKIPPED success": "skipped", "SKIPPED end": "skipped", "NEVER end": "skipped",
		"FAILED failure": "met", "FAILED end": "met", "ABORTED end": "met",
	}
	status := c.status
	if c.never {
		status = "NEVER"
	}
	if c.status == "FAILED" && c.policy() == runbook.ContinueOnFailure {
		table["FAILED "] = "met"
	}
	if result, known := table[status+" "+string(on)]; known {
		return result
	}
	return "lost"
}

func (c *cell) policy() runbook.OnFailure {
	if c.final() && c.written().OnFailure == "" {
		return runbook.AbortOnFailure
	}
	for _, word := range []runbook.OnFailure{c.written().OnFailure, c.in.doc.OnFailure, runbook.PauseOnFailure} {
		if word != "" {
			return word
		}
	}
	return ""
}

// handler: it needs the failure, or the end, of a step that failed; or it runs whatever happened.
func (c *cell) handler() bool {
	if c.final() {
		return true
	}
	for _, need := range c.written().Needs {
		for _, other := range c.in.steps {
			if other.written().ID == need.Step && other.status == "FAILED" && (need.On == runbook.OnFailed || need.On == runbook.OnEnd) {
				return true
			}
		}
	}
	return false
}

// around visits the step of a cell and those that it is in, from the inside.
func (c *cell) around(visit func(step *cell) (stop bool)) {
	for c != nil {
		if c.step != nil {
			c = c.step
		}
		if visit(c) {
			return
		}
		c = c.in.owner
	}
}

func (c *cell) shielded() (yes bool) {
	c.around(func(step *cell) bool { yes = yes || step.handler(); return yes })
	return yes
}

// closed: nothing but handlers starts here.
func (m *reference) closed(c *cell) (yes bool) {
	c.around(func(step *cell) bool {
		if step.handler() {
			yes = m.stops > 1 || step.final() && (!m.begun || step.in.locked())
			return true
		}
		yes = step.in.ending != ""
		return yes
	})
	return yes
}

func (m *reference) givenUp(c *cell) (yes bool) {
	c.around(func(step *cell) bool {
		if step.handler() {
			yes = yes || m.stops > 1
			return true
		}
		yes = yes || step.in.given || step.in.owner == nil && m.stops > 0
		return false
	})
	return yes
}

// bookGivenUp, bookExpired: of a runbook, whatever the step.
func (m *reference) bookGivenUp(b *book) bool {
	if b.owner == nil {
		return m.stops > 0 || b.given
	}
	return b.given || m.givenUp(b.owner)
}

func (b *book) isExpired() bool {
	for ; b != nil; b = b.outer() {
		if b.expired {
			return true
		}
	}
	return false
}

func (b *book) outer() *book {
	if b.owner == nil {
		return nil
	}
	return b.owner.in
}

func (c *cell) alone() (yes bool) {
	c.around(func(step *cell) bool { yes = yes || step.final() || step.in.ending != ""; return yes })
	return yes
}

func (c *cell) undecidedNearby() bool {
	for b := c.in; b != nil; b = b.outer() {
		for _, step := range b.steps {
			if step.status == "PAUSED" {
				return true
			}
		}
		if b.asked {
			return false
		}
	}
	return false
}

func (c *cell) counts() bool {
	return c.status == "RUNNING" && !c.written().Asks() && c.written().Wait == nil && !c.isEach()
}

func (b *book) running() (n int) {
	for _, step := range b.steps {
		for _, c := range append([]*cell{step}, step.items...) {
			if c.counts() {
				n++
			}
		}
	}
	return n
}

func (c *cell) tally(status string) (n int) {
	for _, item := range c.items {
		if item.status == status {
			n++
		}
	}
	return n
}

func (c *cell) tooMany() bool {
	limit := c.written().MaxFailures
	if limit.Percent > 0 {
		return c.tally("FAILED")*100 > limit.Percent*len(c.items)
	}
	return c.tally("FAILED") > limit.Count
}

// held: it could start, but something keeps it.
func (m *reference) held(c *cell) bool {
	written, shielded := c.written(), c.shielded()
	takesPlace := !written.Asks() && written.Wait == nil && !c.isEach()
	switch {
	case c.in.locked():
		return true
	case !c.notBefore.IsZero() && !m.passed(c.notBefore):
		return true
	case m.paused && !shielded:
		return true
	case c.undecidedNearby() && !shielded && !c.asked:
		return true
	case takesPlace && c.in.doc.MaxParallel > 0 && c.in.running() >= c.in.doc.MaxParallel:
		return true
	case c.step != nil:
		return c.step.tooMany() || written.MaxParallel > 0 && c.step.tally("RUNNING") >= written.MaxParallel
	case m.stepByStep && !shielded && c.attempts == 0 && !c.asked && !slices.Contains(m.granted, c.path):
		if m.announced == "" {
			m.announced = c.path
		}
		return true
	}
	return false
}
