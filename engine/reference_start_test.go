package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

func (c *cell) condition() (holds, broken bool) {
	when := c.written().When
	switch {
	case when == "" || when == "true":
		return true, false
	case when == "false":
		return false, false
	case strings.HasPrefix(when, "runbook.status == "):
		return strings.Contains(when, "'"+c.in.outcome+"'"), false
	case !strings.HasPrefix(when, "steps."):
		return false, true
	}
	id, status, _ := strings.Cut(strings.TrimPrefix(when, "steps."), ".status == ")
	for _, other := range c.in.steps {
		if other.written().ID == id {
			return other.status == strings.Trim(status, "'"), false
		}
	}
	return false, true
}

func (m *reference) start(c *cell) {
	written := c.written()
	if c.step == nil {
		m.granted = slices.DeleteFunc(m.granted, func(path string) bool { return path == c.path })
		holds, broken := c.condition()
		if broken {
			m.fail(c)
			return
		}
		if !holds {
			m.end(c, "SKIPPED")
			return
		}
	}
	asked := c.asked
	c.status, c.asked = "RUNNING", false
	c.started = true
	switch {
	case c.isEach():
		m.makeItems(c)
		for _, item := range c.items {
			item.asked = item.asked || asked && item.status == "WAITING"
		}
	case written.Approval != nil:
		approvers := written.Approval.Approvers
		if len(approvers) > 0 && written.Approval.Quorum > len(approvers) {
			m.fail(c)
			return
		}
		c.question, c.approved, c.inputs = true, nil, written.Approval.Message
		c.until = m.in(written.Approval.Timeout)
	case written.Ask != nil:
		c.question, c.inputs, c.until = true, written.Ask.Message, m.in(written.Ask.Timeout)
	case written.Wait != nil:
		if c.until = m.opens(*written.Wait); !c.until.After(m.now) {
			m.end(c, "SUCCESS")
		}
	case written.Runbook != nil:
		if m.enter(c); c.status == "RUNNING" {
			c.inside.asked = asked
			m.lock(c.inside, fmt.Sprintf("%s.%d", c.path, c.attempts))
		}
	case written.Params != nil:
		m.fail(c)
	default:
		c.attempts++
		if written.Until != "" && written.Timeout > 0 && c.within.IsZero() {
			c.within = m.in(written.Timeout)
		}
		c.given, c.mayRun, c.instance, c.doubt = false, true, c.adopt, false
		c.inputs, c.adopt = written.Plan, false
		m.do("start %s.%d", c.path, c.attempts)
	}
}

// opens looks at every minute from now on, and is now where the window is open.
func (m *reference) opens(timer runbook.Timer) time.Time {
	switch {
	case timer.For > 0:
		return m.in(timer.For)
	case timer.Until != "":
		at, _ := time.Parse(time.RFC3339, timer.Until)
		return at
	}
	opens, closes, _ := strings.Cut(timer.Window, "-")
	for at := m.now; ; at = at.Add(time.Minute) {
		clock, day := at.Format("15:04"), at.Weekday()
		open := opens <= clock && (clock < closes || closes < opens)
		if closes < opens && clock < closes { // since yesterday
			open, day = true, (day+6)%7
		}
		if open && (timer.Days == "" || day != time.Friday) {
			return at
		}
	}
}

func (m *reference) in(d runbook.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return m.now.Add(time.Duration(d))
}

func (m *reference) makeItems(c *cell) {
	before := c.items
	c.items = nil
	hosts, _ := c.in.hosts()
	for k, value := range hosts {
		item := &cell{status: "WAITING"}
		if at := slices.IndexFunc(before, func(old *cell) bool { return old.value == value }); at >= 0 {
			item, before = before[at], slices.Delete(slices.Clone(before), at, at+1)
		}
		item.path, item.in, item.i, item.step, item.value = fmt.Sprintf("%s[%d]", c.path, k), c.in, c.i, c, value
		c.items = append(c.items, item)
	}
	m.own(c)
}

// hosts are those of a runbook, unless what they are made of is no list.
func (b *book) hosts() (hosts []any, are bool) {
	value := b.doc.Vars["hosts"]
	if b.owner != nil && len(b.owner.written().With) > 0 {
		value = b.owner.written().With["hosts"]
	} else if declared, is := value.(map[string]any); is {
		value = declared["default"]
	}
	switch value {
	case ofAll:
		value = b.doc.Vars["all"]
	case ofAround:
		return b.owner.in.hosts()
	case ofItem:
		return []any{b.owner.value}, true
	}
	hosts, are = value.([]any)
	return hosts, are
}

func (m *reference) enter(c *cell) {
	if _, are := (&book{doc: c.written().Runbook, owner: c}).hosts(); !are {
		m.fail(c)
		return
	}
	before := c.inside
	c.attempts++
	c.ran = true
	c.until = m.in(c.written().Timeout)
	c.inside = m.open(c.written().Runbook, c, c.path+"/")
	if before != nil {
		for i, old := range before.steps {
			m.keep(c.inside.steps[i], old, c.anew, before.resumed && !c.anew)
		}
	}
	c.anew = false
}

// keep: what is done is not run again; the rest waits. What an earlier run left was decided about already.
func (m *reference) keep(c, old *cell, anew, resumed bool) {
	path, in := c.path, c.in
	if !resumed {
		old.forget()
		for _, item := range old.items {
			item.forget()
		}
	}
	if resumed || !anew && old.done() && !c.final() {
		*c = *old
		c.kept = c.kept || !resumed
	} else {
		items := old.items
		anew = anew || c.final()
		*c = *m.again(old, anew)
		c.items = nil
		for _, item := range items {
			if anew || !item.done() {
				item = m.again(item, anew)
			}
			c.items = append(c.items, item)
		}
	}
	c.path, c.in = path, in
	for _, item := range c.items {
		item.step, item.in = c, in
		if item.inside != nil {
			item.inside.owner = item
		}
	}
	if c.inside != nil {
		c.inside.owner = c
	}
}

// again: it waits for its next attempt.
func (m *reference) again(c *cell, anew bool) *cell {
	next := &cell{
		path: c.path, in: c.in, i: c.i, step: c.step, items: c.items, value: c.value, inside: c.inside, status: "WAITING",
		attempts: c.attempts, undos: c.undos, ran: (c.ran || c.instance || c.mayRun) && c.undo != "SUCCESS", history: c.history, anew: c.anew || anew || c.undo != "",
		adopt: c.adopt, inputs: c.inputs,
	}
	next.lefts, next.undoLeft = c.lefts, c.undoLeft || c.undoRuns
	if c.adopt {
		next.mayRun, next.instance = c.mayRun, c.instance
	} else if c.started && c.mayRun {
		next.lefts++
	}
	if c.started {
		next.history = append(slices.Clone(c.history), strings.Replace(c.status, "PAUSED", "FAILED", 1))
	}
	if c.status == "WAITING" && c.undo == "" {
		next.history, next.anew = c.history, c.anew || anew
	}
	return next
}

func (c *cell) done() bool { return (c.status == "SUCCESS" || c.skippedBy != "") && !c.wasUndone() }

// forget: a rollback that never ran undid nothing.
func (c *cell) forget() {
	if c.undo != "" && !c.undid() {
		c.undo = ""
	}
}

func (c *cell) undid() bool {
	return c.undo == "RUNNING" || c.undo == "SUCCESS" || c.undo != "" && c.undoRan
}

func (c *cell) wasUndone() bool {
	if c.undid() {
		return true
	}
	for _, item := range c.items {
		if item.wasUndone() {
			return true
		}
	}
	return c.inside != nil && slices.ContainsFunc(c.inside.steps, (*cell).wasUndone)
}

// somethingMayRun: adopted says whether that counts which is to be adopted, and has not been yet.
func (c *cell) somethingMayRun(adopted bool) bool {
	if c.done() {
		return false
	}
	itself := c.lefts > 0 || c.mayRun && (adopted || !c.adopt) || c.status == "RUNNING" && c.instance
	if c.undoRuns || c.undoLeft || itself && (c.isPlan() || c.step != nil) {
		return true
	}
	may := func(c *cell) bool { return c.somethingMayRun(adopted) }
	return slices.ContainsFunc(c.items, may) || c.inside != nil && slices.ContainsFunc(c.inside.steps, may)
}
