package engine

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// next is the reference's Next: the commands, as words.
func (m *reference) next(now time.Time, begun bool, events ...Event) []string {
	m.now, m.did, m.begun = now, nil, begun
	for rank := range 3 {
		for _, event := range events {
			if event.rank() == rank {
				m.take(event)
				m.settle()
			}
		}
	}
	m.time()
	m.settle()
	for begun && !m.over && m.startNext() {
		m.settle()
	}
	slices.Sort(m.did)
	return m.did
}

func (m *reference) take(event Event) {
	switch event := event.(type) {
	case Progress:
		if c, undoing := m.running(event.Key); c != nil && !undoing {
			c.mayRun, c.doubt = !event.Idle, event.Doubt != ""
			c.instance = c.instance || event.InstanceID != ""
		} else if c != nil {
			c.undoRan = c.undoRan || event.InstanceID != ""
		}
	case Ended:
		m.ended(event)
	case Cancelled:
		m.stop("CANCELLED")
	case LockAnswered:
		m.lockAnswered(event)
	case Action:
		if c := m.find(event.Step); event.Name == ActionResolveRun && c != nil && !m.undecided(c) && !m.leftBehind(c) {
			m.ignored[event.ID] = true // it is the execution's to answer
			return
		}
		if m.over || !m.allowed(event) {
			m.do("refused %s", event.ID)
			return
		}
		m.act(event)
		if event.Name != ActionResolveTrigger {
			m.do("done %s", event.ID)
		}
	}
}

func (m *reference) stop(status string) {
	m.stops++
	m.close(m.top, "aborted", status)
}

// running finds the execution of a key, if it runs.
func (m *reference) running(key string) (c *cell, undoing bool) {
	at := strings.LastIndexByte(key, '.')
	path, undoing := strings.CutSuffix(key[:at], "~rollback")
	number, _ := strconv.Atoi(key[at+1:])
	c = m.find(path)
	switch {
	case c == nil:
		return nil, false
	case undoing && c.undo == "RUNNING" && c.undos == number:
		return c, true
	case !undoing && c.status == "RUNNING" && c.attempts == number:
		return c, false
	}
	return nil, false
}

func (m *reference) ended(event Ended) {
	c, undoing := m.running(event.Key)
	switch {
	case c == nil:
	case undoing:
		c.undo = map[Outcome]string{Success: "SUCCESS", GivenUp: "ABORTED"}[event.Outcome]
		if c.undo == "" {
			c.undo = "FAILED"
		}
		c.undoRuns = event.MayRun
		c.undoRan = c.undoRan || event.MayRun || event.InstanceID != ""
	default:
		c.mayRun, c.doubt, c.instance = event.MayRun, false, c.instance || event.InstanceID != ""
		c.ran, c.definite = c.ran || c.instance || c.mayRun, event.Outcome == Fail
		switch {
		case event.Outcome == Success && c.written().Until != "":
			m.round(c, event)
		case event.Outcome == Success:
			m.end(c, "SUCCESS")
		case event.Outcome == GivenUp:
			m.end(c, "ABORTED")
		case event.Outcome == Fail && c.failures < c.written().Retries.Max && !m.closed(c):
			c.status = "FAILED"
			failures, pause := c.failures+1, time.Duration(c.written().Retries.Pause)
			for range c.failures {
				pause *= time.Duration(max(1, c.written().Retries.Backoff))
			}
			m.tryAgain(c, failures, c.rounds, pause)
		default:
			m.fail(c)
		}
	}
}

// round: one that succeeded, and gave out what it gave out.
func (m *reference) round(c *cell, event Ended) {
	node, next := event.Outputs[0].Nodes[0], m.now.Add(time.Duration(c.written().Every))
	switch {
	case node.Name != "ok", node.Result != "yes" && c.rounds == 199:
		m.fail(c)
	case node.Result == "yes":
		m.end(c, "SUCCESS")
	case !c.within.IsZero() && !next.Before(c.within):
		m.fail(c)
	default:
		c.status = "SUCCESS"
		m.tryAgain(c, c.failures, c.rounds+1, time.Duration(c.written().Every))
	}
}

func (m *reference) tryAgain(c *cell, failures, rounds int, pause time.Duration) {
	within := c.within
	*c = *m.again(c, false)
	c.failures, c.rounds, c.notBefore, c.within = failures, rounds, m.now.Add(min(pause, 24*time.Hour)), within
}

func (m *reference) passed(at time.Time) bool { return !at.IsZero() && !m.now.Before(at) }

func (m *reference) time() {
	passed := m.passed
	for _, c := range m.top.cells() {
		if c.inside != nil && !c.over() && passed(c.inside.deadline) && !c.inside.expired && c.inside.outcome == "" {
			c.inside.expired = true
			m.close(c.inside, "failing", "")
		}
		if c.status == "WAITING" && passed(c.within) {
			m.fail(c)
		}
		if c.status != "RUNNING" || !passed(c.until) {
			continue
		}
		switch written := c.written(); {
		case written.Wait != nil:
			m.end(c, "SUCCESS")
		case written.Runbook != nil && !c.inside.given && c.inside.outcome == "":
			c.inside.expired, c.inside.given = true, true
			m.close(c.inside, "failing", "")
		case written.Approval != nil && written.Approval.OnTimeout == runbook.ApproveOnTimeout:
			m.end(c, "SUCCESS")
		case written.Approval != nil, written.Ask != nil:
			m.fail(c)
		}
	}
	if !m.over && passed(m.top.deadline) && !m.top.expired && m.top.outcome == "" {
		m.top.expired = true
		m.close(m.top, "failing", "TIMED_OUT")
	}
}

// allowed says whether an operator's action makes sense.
func (m *reference) allowed(a Action) bool {
	c := m.find(a.Step)
	if len(a.Outputs) > 0 && a.Name != ActionSkip || len(a.Values) > 0 && a.Name != ActionAnswer {
		return false
	}
	switch a.Name {
	case ActionPause:
		return !m.paused && m.top.ending == "" && m.top.outcome == ""
	case ActionResume:
		return m.paused || m.announced != ""
	case ActionRollback:
		return m.begun && (m.top.ending == "" || m.top.ending == "failing") && m.stops == 0 && !m.top.expired && m.top.outcome == ""
	case ActionAbort:
		if a.Step == "" {
			return m.stops < 2
		}
		return c != nil && c.undo == "RUNNING" && !c.undoGiven
	}
	if c == nil {
		return false
	}
	switch a.Name {
	case ActionApprove, ActionReject:
		approval := c.written().Approval
		return approval != nil && c.status == "RUNNING" && m.mayAnswer(c, a.By) &&
			!(a.Name == ActionApprove && slices.Contains(c.approved, a.By) && (a.By != "" || approval.Quorum > 1))
	case ActionAnswer:
		number, is := a.Values["lag"].(int64)
		return c.written().Ask != nil && c.status == "RUNNING" && m.mayAnswer(c, a.By) && len(a.Values) == 1 && is && number < 5
	case ActionRetry:
		return m.undecided(c) && !m.passesBy(c, a.By, false) && (a.MayRunTwice || !c.somethingMayRun(false))
	case ActionSkip:
		waiting := c.status == "WAITING" && !m.closed(c) && (c.step == nil || c.step.is("RUNNING", "PAUSED"))
		timer := c.status == "RUNNING" && c.written().Wait != nil
		return (m.undecided(c) || waiting || timer) && !m.passesBy(c, a.By, true)
	case ActionResolveRun:
		return (m.undecided(c) || m.leftBehind(c)) && (c.isPlan() || c.step != nil && c.inside == nil) && c.instance &&
			(a.Status == "SUCCESS" || a.Status == "FAIL" && c.mayRun)
	}
	return false
}

func (m *reference) undecided(c *cell) bool {
	if c.step != nil {
		return c.status == "FAILED" && c.step.is("RUNNING", "PAUSED") && !m.closed(c)
	}
	return c.status == "PAUSED"
}

// leftBehind: it did not succeed in a runbook that is over, and about whose step an operator decides.
func (m *reference) leftBehind(c *cell) bool { return m.insideOver(c) && c.is("FAILED", "ABORTED") }

func (m *reference) insideOver(c *cell) bool {
	for owner := c.in.owner; owner != nil; owner = owner.in.owner {
		if m.undecided(owner) {
			return true
		}
	}
	return false
}

func (m *reference) mayAnswer(c *cell, who string) bool {
	approval := c.written().Approval
	if task := c.written().Ask; task != nil {
		approval = &runbook.Approval{Approvers: task.Who}
	}
	impossible := approval.Quorum > len(approval.Approvers) && !c.question
	return len(approval.Approvers) == 0 || slices.Contains(approval.Approvers, who) && !impossible
}

// passesBy: there is an approval in it that others must answer.
func (m *reference) passesBy(c *cell, who string, skipping bool) bool {
	if c.done() || !skipping && c.status == "WAITING" {
		return false
	}
	switch written := c.written(); {
	case written.Asks():
		return !m.mayAnswer(c, who)
	case written.Runbook == nil:
		return false
	case c.isEach() && c.items != nil:
		return slices.ContainsFunc(c.items, func(item *cell) bool { return m.passesBy(item, who, skipping) })
	case c.inside == nil, skipping && c.anew:
		return asksOthers(written.Runbook, who)
	}
	return slices.ContainsFunc(c.inside.steps, func(step *cell) bool { return m.passesBy(step, who, skipping) })
}

func asksOthers(doc *runbook.Document, who string) bool {
	return slices.ContainsFunc(doc.Steps, func(step runbook.Step) bool {
		asked := len(step.Who()) > 0 && !slices.Contains(step.Who(), who)
		return asked || step.Runbook != nil && asksOthers(step.Runbook, who)
	})
}

func (m *reference) act(a Action) {
	c := m.find(a.Step)
	switch a.Name {
	case ActionPause:
		m.paused = true
	case ActionResume:
		if m.paused {
			m.paused = false
		} else {
			m.granted, m.announced = append(m.granted, m.announced), ""
		}
	case ActionRollback:
		m.close(m.top, "rolling", "FAILED")
	case ActionAbort:
		if a.Step == "" {
			m.stop("ABORTED")
			return
		}
		c.undoGiven = true
		m.do("cancel %s~rollback.%d", c.path, c.undos)
	case ActionApprove:
		if c.approved = append(c.approved, a.By); len(c.approved) >= max(1, c.written().Approval.Quorum) {
			m.end(c, "SUCCESS")
		}
	case ActionAnswer:
		m.end(c, "SUCCESS")
	case ActionReject:
		m.fail(c)
	case ActionRetry:
		m.retry(c)
	case ActionSkip:
		m.end(c, "SKIPPED")
		c.skippedBy = "somebody"
		m.goOn(c)
	case ActionResolveRun:
		c.mayRun, c.adopt = false, false
		if a.Status == "SUCCESS" {
			c.status, c.given = "RUNNING", false
			m.goOn(c)
			m.do("fetch %s.%d", c.path, c.attempts)
		}
	}
}

func (m *reference) retry(c *cell) {
	for _, item := range c.items {
		if !item.done() {
			*item = *m.again(item, false)
			item.asked = true
		}
	}
	if c.isEach() && c.items != nil {
		c.status = "WAITING"
	} else {
		*c = *m.again(c, false)
		for _, item := range c.items {
			item.step = c
		}
	}
	c.asked = true
	m.goOn(c)
}

func (m *reference) goOn(c *cell) {
	if c.step != nil && !m.insideOver(c) {
		c.step.status = "RUNNING"
	}
}
