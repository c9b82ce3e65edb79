package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/lock"
	"github.com/dpaflow/dpaflow/runbook"
)

// live lists the executions under way.
func (s *sequence) live() (keys []string) {
	s.e.each(s.e.root(), func(p part) {
		if p.of.Status == runbook.StatusRunning && p.written().Plan != "" && p.of.Items == nil && (p.written().ForEach == "" || p.isItem()) {
			keys = append(keys, p.key(false))
		}
		if p.of.Rollback != nil && p.of.Rollback.Status == runbook.StatusRunning {
			keys = append(keys, p.key(true))
		}
	})
	return keys
}

// events makes what happens next: mostly one thing, sometimes several at once.
func (s *sequence) events() (events []Event) {
	if keys := s.e.waitingForLocks(); len(keys) > 0 && s.chance(40) {
		answer := lock.Answer{Held: true}
		if s.chance(20) {
			answer = lock.Answer{By: &lock.Holder{WorkflowID: "other"}, Ahead: 1}
		}
		events = append(events, LockAnswered{Key: pick(s.random, keys...), Answer: answer})
	}
	for range 1 + s.IntN(4)/2 {
		switch kind := s.IntN(100); {
		case kind < 58:
			if keys := s.live(); len(keys) > 0 {
				events = append(events, s.evidence(pick(s.random, keys...)))
			}
		case kind < 59:
			events = append(events, Cancelled{})
			if s.chance(70) {
				events = events[:len(events)-1]
			}
		case kind < 70:
			s.pass()
		default:
			events = append(events, s.action())
		}
	}
	return events
}

// pass lets time pass, to the next deadline or by a minute.
func (s *sequence) pass() {
	if due, any := s.e.Due(); any && s.chance(60) && due.After(s.now) {
		s.now = due
		return
	}
	s.now = s.now.Add(time.Duration(1+s.IntN(5)) * time.Minute)
}

func (s *sequence) evidence(key string) Event {
	undoing := strings.Contains(key, "~rollback")
	switch kind := s.IntN(100); {
	case kind < 15 && !undoing:
		return Progress{Key: key, Phase: "WAITING", InstanceID: "in-" + key}
	case kind < 20 && !undoing:
		return Progress{Key: key, Phase: "UNKNOWN", Doubt: "no answer"}
	case kind < 25 && !undoing:
		return Progress{Key: key, Phase: "BUSY", Idle: true}
	case kind < 68:
		node := runbook.NodeOutput{Name: pick(s.random, "ok", "ok", "ok", "ok", "ok", "ok", "ko"), Result: pick(s.random, "yes", "no", "no")}
		return Ended{Key: key, Outcome: Success, InstanceID: "in-" + key, Outputs: []runbook.ModelOutputs{{ModelID: "md", Nodes: []runbook.NodeOutput{node}}}}
	case kind < 85:
		return Ended{Key: key, Outcome: Fail, InstanceID: "in-" + key, Reason: "it ended FAIL"}
	case kind < 95:
		return Ended{Key: key, Outcome: Broken, InstanceID: pick(s.random, "", "in-"+key), Reason: "timeout", MayRun: s.chance(50)}
	}
	return Ended{Key: key, Outcome: GivenUp, MayRun: s.chance(80)}
}

func (s *sequence) action() Action {
	s.actions++
	a := Action{ID: fmt.Sprint(s.actions), By: pick(s.random, people...)}
	var paths, waiting, asking []string
	s.e.each(s.e.root(), func(p part) {
		paths = append(paths, p.path)
		if p.undecided() || p.leftBehind() {
			waiting = append(waiting, p.path)
		}
		if p.of.Question != nil && p.of.Status == runbook.StatusRunning {
			asking = append(asking, p.path)
		}
	})
	a.Step = pick(s.random, paths...)
	switch kind := s.IntN(100); {
	case kind < 35 && len(asking) > 0:
		a.Name, a.Step = pick(s.random, ActionApprove, ActionApprove, ActionApprove, ActionReject, ActionAnswer), pick(s.random, asking...)
		if a.Name == ActionAnswer || s.m.find(a.Step).written().Ask != nil && s.chance(80) {
			a.Name, a.Values = ActionAnswer, map[string]any{"lag": pick[any](s.random, int64(1), int64(2), int64(7), "none")}
		}
	case kind < 70 && len(waiting) > 0:
		a.Name, a.Step = pick(s.random, ActionRetry, ActionRetry, ActionSkip, ActionResolveRun), pick(s.random, waiting...)
		a.MayRunTwice = s.chance(50)
		a.Status = pick(s.random, "SUCCESS", "SUCCESS", "FAIL")
	case kind < 82:
		a.Name, a.Step = pick(s.random, ActionPause, ActionResume, ActionResume, ActionResume), ""
	case kind < 85:
		a.Name = ActionRollback
	case kind < 88:
		a.Name, a.Step = ActionAbort, pick(s.random, "", a.Step)
	default:
		a.Name = pick(s.random, ActionApprove, ActionReject, ActionRetry, ActionSkip, ActionSkip)
	}
	if a.Name == ActionResolveRun && s.m.find(a.Step) != nil && !s.m.undecided(s.m.find(a.Step)) && !s.m.leftBehind(s.m.find(a.Step)) {
		a.Name = ActionSkip // it would be the execution's to answer
	}
	return a
}

// orders logs in which order things ended.
func (s *sequence) orders() {
	s.e.each(s.e.root(), func(p part) {
		if c := s.m.find(p.path); c != nil {
			s.log = append(s.log, fmt.Sprintf("  %s %s: %d, %d", p.path, p.of.Status, p.of.Order, c.order))
		}
	})
}
