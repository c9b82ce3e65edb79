package execution

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Evidence is how sure it is that an instance is the one that a trigger started. What is greater replaces what is
// less.
type Evidence int

// The kinds of evidence.
const (
	None       Evidence = iota
	Adopted             // an operator has named it
	Answered            // the trigger's answer has named it
	CalledBack          // it has called back at the trigger's own address, which only the platform knows
)

var sources = map[Evidence]string{
	Adopted: "an operator", Answered: "the trigger's answer", CalledBack: "a callback at the trigger's address",
}

// learn takes an instance as the one that a trigger started, if the evidence is good enough.
func (s *State) learn(t *Trigger, id string, evidence Evidence, at time.Time) bool {
	switch {
	case t.InstanceID == id:
		t.Evidence = max(t.Evidence, evidence)
	case t.InstanceID == "":
		t.InstanceID, t.Evidence = id, evidence
	case evidence > t.Evidence && t.FinishedAt.IsZero():
		s.note(at, fmt.Sprintf("%s names instance %s, and %s named %s; the first counts, look at both on the platform",
			sources[evidence], id, sources[t.Evidence], t.InstanceID))
		t.InstanceID, t.Evidence, t.Status = id, evidence, ""
	default:
		return false
	}
	if t.TriggeredAt.IsZero() || evidence == Answered {
		t.TriggeredAt = at
	}
	return true
}

func (t *Trigger) finish(status, observedBy string, now time.Time) {
	t.Status, t.ObservedBy, t.FinishedAt = status, observedBy, now
}

// refresh copies what is known of the leading trigger into the status.
func (s *State) refresh() {
	status := &s.Status
	status.InstanceID, status.Status, status.ObservedBy, status.TriggeredAt, status.FinishedAt = "", "", "", nil, nil
	t := s.leading()
	if t == nil || t.TriggeredAt.IsZero() {
		return
	}
	s.Wanted, s.Refused, status.Reason = false, nil, ""
	triggeredAt, finishedAt := t.TriggeredAt, t.FinishedAt
	status.InstanceID, status.Status, status.ObservedBy = t.InstanceID, t.Status, t.ObservedBy
	status.TriggeredAt = &triggeredAt
	if !finishedAt.IsZero() {
		status.FinishedAt = &finishedAt
	}
}

// addressed returns the trigger that an address belongs to: by its key, or by the instance that it started.
func (s *State) addressed(address string) *Trigger {
	for i := len(s.Triggers) - 1; i >= 0; i-- {
		if t := &s.Triggers[i]; address != "" && (address == t.Key || address == t.InstanceID) {
			return t
		}
	}
	return nil
}

// recalled returns the trigger that a callback shows an earlier run to have sent, nil if there is none.
func (s *State) recalled(address, instanceID string) *Trigger {
	ahead := slices.Index(s.forgotten(), address)
	if ahead < 0 || instanceID == "" {
		return nil
	}
	s.remember(len(s.Triggers)+ahead+1, time.Time{})
	return &s.Triggers[len(s.Triggers)-1]
}

// forgotten are the keys of triggers that an earlier run may have sent and this one, after a reset, knows nothing of.
func (s *State) forgotten() (keys []string) {
	if !s.Rules.Reset {
		return nil
	}
	for ahead := 1; ahead <= maxForgotten; ahead++ {
		keys = append(keys, s.Rules.key(len(s.Triggers)+ahead))
	}
	return keys
}

// maxForgotten is how many triggers a reset can undo whose callbacks still find the run.
const maxForgotten = 3

// remember takes the numbers of triggers that an earlier run may have sent, so that the newest of them leads and the
// next trigger gets a number of its own.
func (s *State) remember(number int, onItsWayUntil time.Time) {
	for len(s.Triggers) < number {
		s.Triggers = append(s.Triggers, Trigger{
			Key: s.Rules.key(len(s.Triggers) + 1), Outcome: Unknown, OnItsWayUntil: onItsWayUntil,
		})
	}
}

// Addresses are what callbacks of this execution may be sent to: the keys of its triggers, and the ids of their
// instances, for callbacks without a token and those delivered by hand.
func (s *State) Addresses() (addresses []string) {
	for i := range s.Triggers {
		for _, address := range []string{s.Triggers[i].Key, s.Triggers[i].InstanceID} {
			if address != "" {
				addresses = append(addresses, address)
			}
		}
	}
	return append(addresses, s.forgotten()...)
}

// Shows reports whether a callback at an address shows that the scene exists: one at a key of its own, or by hand once it
// may have been registered. What comes to another scene's key stays for the collection.
func (s *State) Shows(address string) bool {
	if strings.HasPrefix(address, SceneKeyPrefix) {
		return slices.Contains(s.Addresses(), address)
	}
	return s.leading() != nil
}

func (c *Callback) apply(s *State, now time.Time) {
	if s.Over && !s.ended() {
		return // nobody waits for it any more
	}
	id, status := strings.TrimSpace(c.InstanceID), normal(c.Status)
	t := s.addressed(c.Address)
	if s.ended() && (t == nil || !t.mayHaveRun()) { // the first end stands
		s.note(now, fmt.Sprintf("a callback says %s of instance %s, which an earlier run triggered before the reset; look at both on the platform", status, id))
		return
	}
	if t == nil {
		t = s.recalled(c.Address, id)
	}
	if t == nil && s.Rules.Target == Scene && s.Shows(c.Address) {
		t = s.leading() // one of its instances, by hand
	}
	if t == nil {
		return
	}
	if s.Rules.Target == Scene { // the instances are its caller's business; that one calls back shows that the scene exists
		if t.TriggeredAt.IsZero() {
			t.TriggeredAt = now
		}
		if !t.mayHaveRun() {
			t.Outcome = Unknown
		}
		return
	}
	evidence := CalledBack
	if c.Address == t.InstanceID {
		evidence = t.Evidence
		if id == "" {
			id = c.Address
		}
	}
	switch {
	case id == "":
		s.note(now, fmt.Sprintf("a callback %s without an instance id was ignored", status))
		return
	case !s.learn(t, id, evidence, now):
		s.note(now, fmt.Sprintf("a callback %s of another instance, %s, came to this run's address; look at it on the platform", status, id))
		return
	}
	if !t.mayHaveRun() {
		t.Outcome = Unknown
	}
	own := s.leading()
	if own != t && own.Evidence == Adopted && own.InstanceID == id { // an operator has said that it is the run's own
		s.Silent, s.Status.LastNewsAt = now, &now
		s.report(own, status, now)
		t.Status, t.ObservedBy, t.FinishedAt = own.Status, own.ObservedBy, own.FinishedAt
		return
	}
	if t != own {
		s.count("dpaflow_earlier_callbacks")
		s.note(now, fmt.Sprintf("a callback says %s of instance %s, which an earlier trigger of this run started; look at both on the platform", status, id))
	} else {
		s.Silent, s.Status.LastNewsAt = now, &now
	}
	s.report(t, status, now)
}

// report takes in what a callback says of a trigger's instance. The first end stands.
func (s *State) report(t *Trigger, word string, now time.Time) {
	status, ended := s.Rules.end(word)
	switch {
	case !t.FinishedAt.IsZero() && !ended && !progress(status):
		s.note(now, fmt.Sprintf("a callback says %s after the end %s, a status that the platform's documents do not list", status, t.Status))
	case !t.FinishedAt.IsZero() && ended && status != t.Status:
		s.count("dpaflow_contradictions")
		s.note(now, fmt.Sprintf("a callback says %s after the end %s; the first end stands", status, t.Status))
	case !t.FinishedAt.IsZero():
	case ended:
		t.finish(status, ObservedByCallback, now)
	default:
		s.progress(t, status, now)
	}
}

// progress takes in a status that ends nothing. A word that the platform's documents do not have may well be an
// end: nobody can know, so it needs a person.
func (s *State) progress(t *Trigger, status string, now time.Time) {
	if !progress(status) && status != t.Status {
		s.overdue()
		s.count("dpaflow_unlisted_statuses")
		s.note(now, fmt.Sprintf("the platform says %s of instance %s, a status that its documents do not list; if it has ended, say so with resolveRun SUCCESS or FAIL", status, t.InstanceID))
	}
	if status != "" {
		t.Status = status
	}
}

// LeadingKey is the key of the trigger whose instance is the run's own; empty if no trigger may have run.
func (s *State) LeadingKey() string {
	if t := s.leading(); t != nil {
		return t.Key
	}
	return ""
}
