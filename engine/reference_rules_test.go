package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/dpaflow/dpaflow/runbook"
)

func (m *reference) do(format string, args ...any) {
	m.did = append(m.did, fmt.Sprintf(format, args...))
}

func (m *reference) end(c *cell, status string) {
	m.ends++
	c.status, c.order, c.asked = status, m.ends, false
}

// fail: a step or item failed.
func (m *reference) fail(c *cell) {
	switch {
	case c.step != nil:
		m.end(c, "FAILED")
	case c.policy() == runbook.PauseOnFailure && !m.closed(c) && !c.alone():
		c.status = "PAUSED"
	default:
		m.failForGood(c)
	}
}

func (m *reference) failForGood(c *cell) {
	m.end(c, "FAILED")
	for _, item := range c.items {
		if item.status == "WAITING" {
			m.end(item, "ABORTED")
		}
	}
	if c.policy() == runbook.ContinueOnFailure {
		return
	}
	if c.in.failed == "" {
		c.in.failed = c.path
	}
	if c.policy() == runbook.RollbackOnFailure && !m.bookGivenUp(c.in) && !c.in.isExpired() {
		m.close(c.in, "rolling", "FAILED")
	} else {
		m.close(c.in, "failing", "FAILED")
	}
}

func (m *reference) close(b *book, ending, status string) {
	switch {
	case b.ending == "":
		b.ending = ending
		if b == m.top {
			m.status = status
		}
	case b.ending == "failing" && ending == "rolling":
		b.ending = "rolling"
	}
}

// consequence carries out one rule that applies.
func (m *reference) consequence() bool {
	for _, c := range m.top.cells() {
		if m.rule(c) {
			return true
		}
	}
	if m.top.toFinally() {
		m.top.outcome = m.outcome(m.top)
		return true
	}
	return m.ruleOfRollbacks(m.top)
}

func (m *reference) rule(c *cell) bool {
	written := c.written()
	if !m.reached(c) {
		return false
	}
	gone := c.status == "WAITING" && (c.step != nil && c.step.status == "RUNNING" || c.step == nil && c.needs() == "met") &&
		(m.closed(c) || c.alone() && written.Asks())
	switch {
	case c.status == "WAITING" && c.step == nil && c.needs() == "lost":
		c.never = true
		m.end(c, "SKIPPED")
	case c.status == "WAITING" && c.step == nil && c.needs() == "skipped":
		m.end(c, "SKIPPED")
	case gone && len(c.history) > 0 && c.history[len(c.history)-1] == "FAILED":
		m.fail(c)
	case gone:
		m.end(c, "ABORTED")
	case c.status == "PAUSED" && (m.closed(c) || c.alone()):
		m.failForGood(c)
	case c.status == "RUNNING" && written.Asks() && (m.closed(c) || c.alone()),
		c.status == "RUNNING" && written.Wait != nil && m.closed(c):
		m.end(c, "ABORTED")
	case c.status == "RUNNING" && c.isPlan() && (m.givenUp(c) || m.closed(c) && !c.mayRun && !c.instance) && !c.given:
		c.given = true
		m.do("cancel %s.%d", c.path, c.attempts)
	case c.status == "RUNNING" && c.isEach():
		return m.judge(c)
	case c.status == "RUNNING" && c.inside != nil:
		return m.ruleOfNested(c)
	default:
		return false
	}
	return true
}

func (m *reference) judge(c *cell) bool {
	switch {
	case c.tally("RUNNING") > 0, m.closed(c) && c.tally("WAITING") > 0:
		return false
	case c.tooMany():
		m.fail(c)
	case c.tally("WAITING") > 0:
		return false
	case c.tally("ABORTED") > 0:
		m.end(c, "ABORTED")
	default:
		m.end(c, "SUCCESS")
	}
	return true
}

func (b *book) stepsOver() bool {
	return !slices.ContainsFunc(b.steps, func(c *cell) bool { return !c.over() && !c.final() })
}

func (b *book) undoneIfSo() bool { return b.ending != "rolling" || b.undone }

// toFinally: its steps, and what undoes them, are over, and finally has not begun.
func (b *book) toFinally() bool {
	return len(b.doc.Finally) > 0 && b.outcome == "" && b.stepsOver() && b.undoneIfSo()
}

func (b *book) allOver() bool {
	return b.stepsOver() && b.undoneIfSo() && !slices.ContainsFunc(b.steps, func(c *cell) bool { return !c.over() })
}

// ended is what runbook.status says in finally.
func (m *reference) outcome(b *book) string {
	aborted := slices.ContainsFunc(b.steps, func(c *cell) bool { return c.status == "ABORTED" })
	switch {
	case b == m.top:
		return cmp.Or(m.status, "SUCCESS")
	case b.expired:
		return "TIMED_OUT"
	case b.ending != "":
		return "FAILED"
	case aborted && m.status == "CANCELLED":
		return "CANCELLED"
	case aborted:
		return "ABORTED"
	}
	return "SUCCESS"
}

func (m *reference) ruleOfNested(c *cell) bool {
	b := c.inside
	switch {
	case !b.stepsOver():
		return false
	case b.ending == "rolling" && !b.undone:
		return m.ruleOfRollbacks(b)
	case b.toFinally():
		b.outcome = m.outcome(b)
	case !b.allOver():
		return false
	case m.givesBack(b):
	case b.ending != "":
		m.fail(c)
	case slices.ContainsFunc(b.steps, func(step *cell) bool { return step.status == "ABORTED" }):
		m.end(c, "ABORTED")
	default:
		m.end(c, "SUCCESS")
	}
	return true
}

// undoables lists what has a rollback that ran, or that applies.
func (b *book) undoables() (list []*cell) {
	for _, step := range b.steps[:len(b.doc.Steps)] {
		cells := []*cell{step}
		if step.isEach() {
			cells = step.items
		}
		for _, c := range cells {
			if c.undo != "" || c.undoApplies() || c.status == "RUNNING" && c.written().Rollback != nil {
				list = append(list, c)
			} else if c.inside != nil {
				list = append(list, c.inside.undoables()...)
			}
		}
	}
	return list
}

func (c *cell) undoApplies() bool {
	rollback := c.written().Rollback
	if rollback == nil {
		return false
	}
	halfDone := rollback.When == runbook.RollbackStarted && c.status != "RUNNING" && c.ran
	return c.status == "SUCCESS" || halfDone
}

func (m *reference) ruleOfRollbacks(b *book) bool {
	if b.ending != "rolling" || b.undone || !b.stepsOver() || b.owner != nil && b.owner.status != "RUNNING" {
		return false
	}
	left := false
	for _, c := range b.undoables() {
		if c.status == "RUNNING" && m.stops < 2 {
			return false
		}
		if c.undo == "RUNNING" {
			if m.stops > 1 && !c.undoGiven {
				c.undoGiven = true
				m.do("cancel %s~rollback.%d", c.path, c.undos)
				return true
			}
			return false
		}
		left = left || c.undo == "" && c.status != "RUNNING"
	}
	if left && !b.isExpired() && m.stops < 2 {
		return false
	}
	b.undone = true
	return true
}

func (m *reference) settle() {
	for m.consequence() {
	}
	gone := func(path string) bool {
		c := m.find(path)
		return c == nil || c.status != "WAITING" || m.closed(c)
	}
	if gone(m.announced) {
		m.announced = ""
	}
	m.granted = slices.DeleteFunc(m.granted, gone)
	if !m.over && m.top.allOver() {
		m.over = true
		if m.status == "" {
			m.status = "SUCCESS"
		}
		m.givesBack(m.top)
		m.do("finish")
	}
}

// startNext starts the first thing that may start.
func (m *reference) startNext() bool {
	for _, c := range m.top.cells() {
		isNext := c.status == "WAITING" && m.reached(c) && (c.step != nil && c.step.status == "RUNNING" || c.step == nil && c.needs() == "met")
		if isNext && !m.held(c) {
			m.start(c)
			return true
		}
		if c.inside != nil && c.status == "RUNNING" && m.undoNext(c.inside) {
			return true
		}
	}
	return m.undoNext(m.top)
}

// reached: the runbook that it is in is being run.
func (m *reference) reached(c *cell) bool {
	return (c.in.owner == nil || c.in.owner.status == "RUNNING") && (!c.final() || c.in.outcome != "")
}

func (m *reference) undoNext(b *book) bool {
	if b.ending != "rolling" || b.undone || !b.stepsOver() {
		return false
	}
	var next *cell
	for _, c := range b.undoables() {
		if c.undo == "RUNNING" || c.status == "RUNNING" {
			return false
		}
		if c.undo == "" && (next == nil || c.order > next.order) {
			next = c
		}
	}
	next.undos++
	if next.written().Rollback.Params != nil {
		next.undo = "FAILED"
		return true
	}
	next.undo, next.undoGiven, next.undoRuns, next.undoRan = "RUNNING", false, true, false
	m.do("start %s~rollback.%d", next.path, next.undos)
	return true
}
