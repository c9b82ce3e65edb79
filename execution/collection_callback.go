package execution

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// callback takes in what the platform says of an instance, at the address of the scene or, by hand, at the instance's
// own. The first end stands.
func (c *Collection) callback(e *Callback, now time.Time) {
	id, word := strings.TrimSpace(e.InstanceID), upTo(maxWord, e.Status)
	if !strings.HasPrefix(e.Address, SceneKeyPrefix) {
		id = strings.TrimSpace(e.Address)
	} else if e.Address != c.Key {
		c.count("dpaflow_earlier_callbacks")
		c.note(now, "an earlier registration of the scene calls back too, so that the platform has it twice; delete one there")
	}
	status, ended := Rules{}.end(word)
	switch at := indexOf(c.Runs, id); {
	case id == "" || len(id) > maxInstanceID:
		c.note(now, fmt.Sprintf("a callback %s without an instance id of up to %d bytes was ignored", status, maxInstanceID))
	case at >= 0 && ended && status != c.Runs[at].Status:
		c.count("dpaflow_contradictions")
		c.note(now, fmt.Sprintf("a callback says %s of instance %s after its end %s; the first end stands", status, id, c.Runs[at].Status))
	case at >= 0 && !progress(status) && !ended:
		c.note(now, fmt.Sprintf("a callback says %s of instance %s after its end %s, a status that the platform's documents do not list", status, id, c.Runs[at].Status))
	case at >= 0 || c.Closed || c.enough():
	case ended:
		c.end(id, status, ObservedByCallback, now)
	default:
		c.progress(id, status, now)
	}
}

func (c *Collection) progress(id, status string, now time.Time) {
	at := indexOf(c.Open, id)
	if at < 0 {
		if len(c.Open) == maxOpen {
			c.note(now, fmt.Sprintf("more than %d instances have called back without an end; the oldest are no longer listed as open, look at them on the platform", maxOpen))
			c.Open = slices.Delete(c.Open, 0, 1)
		}
		c.Open = append(c.Open, Collected{InstanceID: id, Since: now})
		at = len(c.Open) - 1
	}
	if !progress(status) && status != c.Open[at].Status {
		c.count("dpaflow_unlisted_statuses")
		c.note(now, fmt.Sprintf("the platform says %s of instance %s, a status that its documents do not list; if it has ended, say so with resolveRun and its id as step", status, id))
	}
	c.Open[at].Status = status
}

func (c *Collection) end(id, status, observedBy string, now time.Time) {
	run := Collected{InstanceID: id, Since: now}
	if at := indexOf(c.Open, id); at >= 0 {
		run = c.Open[at]
		c.Open = slices.Delete(c.Open, at, at+1)
	}
	run.Status, run.ObservedBy, run.FinishedAt, run.Unread = status, observedBy, now, true
	c.Runs = append(c.Runs, run)
	c.Count++
	if len(c.Runs) > MaxCollected {
		c.Runs = slices.Delete(c.Runs, 0, 1)
		c.LeftOut++
	}
}

// Refuse says why an operator's word makes no sense now, nil if it does. It changes nothing. Without a step it ends
// the collection; with the id of an open instance it says how that one ended.
func (c *Collection) Refuse(a *Resolve) error {
	switch {
	case c.Key == "":
		return fmt.Errorf("%s is not registered yet; resolveTrigger settles a registration in doubt", c.Name)
	case a.Status != StatusSuccess && a.Status != StatusFail:
		return fmt.Errorf("status must be %q or %q, got %q", StatusSuccess, StatusFail, a.Status)
	case c.Closed || c.Cancelled || c.enough():
		return fmt.Errorf("%s takes in no more runs", c.Name)
	case a.Step != "" && indexOf(c.Open, a.Step) < 0:
		return fmt.Errorf("no instance %q of %s is open", a.Step, c.Name)
	}
	return nil
}

func (c *Collection) resolve(a *Resolve, now time.Time) {
	if err := c.Refuse(a); err != nil {
		c.do(Reply{ID: a.ID, Refusal: err.Error()})
		return
	}
	if a.Step == "" {
		c.EndedAs = a.Status
	} else {
		c.end(a.Step, a.Status, ObservedByOperator, now)
	}
	if len(c.Actions) == maxActions {
		c.Actions = slices.Delete(c.Actions, 0, 1)
	}
	c.Actions = append(c.Actions, Action{At: now, Step: a.Step, Name: "resolveRun " + a.Status, By: a.By, Comment: a.Comment, Subject: a.Subject})
	c.do(Reply{ID: a.ID})
}

func (c *Collection) count(name string) {
	c.do(Count{Name: name, Labels: []string{"kind", Rules{}.Kind()}})
}

func (c *Collection) note(now time.Time, text string) {
	c.Notes, c.commands = noted(c.Notes, c.commands, now, text)
}

func indexOf(list []Collected, id string) int {
	return slices.IndexFunc(list, func(run Collected) bool { return run.InstanceID == id })
}

// upTo cuts a text to so many bytes.
func upTo(most int, text string) string { return strings.ToValidUTF8(text[:min(len(text), most)], "") }
