package execution

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// check tells what is wrong with what the core made of one workflow task, empty for nothing.
func check(before, after *State, taken []event, commands []Command, now time.Time) string {
	for _, broken := range []string{
		checkTaken(before, after, taken), checkActions(after, taken, commands, now), checkCancelled(after, taken, commands),
		checkEnd(before, after, taken, now), checkVisible(after, taken),
	} {
		if broken != "" {
			return broken
		}
	}
	return ""
}

// checkTaken: no callback was ignored. It comes to its trigger's own address, so there is no better evidence: it is
// taken in, unless the instance or the run has ended; then it is noted.
func checkTaken(before, after *State, taken []event) string {
	last := map[uint8]int{}
	for i, v := range taken {
		if v.kind == aCallback {
			last[v.number] = i
		}
	}
	for i, v := range taken {
		if v.kind != aCallback {
			continue
		}
		id, word := idName(v.id), words[v.word]
		ignored := fmt.Sprintf("a callback %s of %s was ignored", word, id)
		noted := slices.ContainsFunc(after.Status.Notes, func(n Note) bool {
			return strings.Contains(n.Text, word) && (strings.Contains(n.Text, id) || strings.Contains(n.Text, "after the end"))
		})
		if int(v.number) > len(after.Triggers) {
			if !noted || !after.ended() {
				return ignored
			}
			continue
		}
		t := &after.Triggers[v.number-1]
		ended := int(v.number) <= len(before.Triggers) && !before.Triggers[v.number-1].FinishedAt.IsZero() || before.ended()
		again := int(v.number) <= len(before.Triggers) && before.Triggers[v.number-1].Status == word
		switch {
		case noted && after.ended() && t.InstanceID != id: // the end came in the same task
		case t.InstanceID == id && again: // it says nothing new
		case ended && (noted || t.Status == word || word == words[running]):
		case ended:
			return ignored
		case t.InstanceID == id && t.Evidence != CalledBack:
			return ignored
		case t.InstanceID != id:
			return fmt.Sprintf("a callback to the trigger's own address names %s, and the run takes %q for its instance", id, t.InstanceID)
		case t.Status != word && !noted && i == last[v.number] && t.FinishedAt.IsZero() && !has(taken, aPolled):
			return ignored
		case t.Status != word && !noted && !t.FinishedAt.IsZero() && word != words[running]:
			return ignored
		}
	}
	return ""
}

// checkActions: each act that passed its validator has one answer, and of two that exclude each other one is refused.
func checkActions(s *State, taken []event, commands []Command, now time.Time) string {
	accepted := map[kind]int{}
	for _, v := range taken {
		if !v.action() {
			continue
		}
		replies := 0
		for _, command := range commands {
			if reply, ok := command.(Reply); ok && reply.ID == int(v.act)+1 {
				if replies++; reply.Refusal == "" {
					accepted[v.kind]++
				}
			}
		}
		if replies != 1 {
			return fmt.Sprintf("an operator's action got %d answers", replies)
		}
	}
	if min(accepted[anAdopt], 1)+accepted[aRetrigger]+accepted[anAbort] > 1 {
		return "two actions that exclude each other were accepted in one workflow task"
	}
	sends := 0
	for _, command := range commands {
		if _, ok := command.(Send); ok {
			sends++
		}
	}
	if sends > 0 && !now.Before(s.Status.Deadline) {
		return "a trigger was sent after the run's deadline"
	}
	if accepted[aRetrigger] > 0 && sends != 1 || sends > 1 {
		return fmt.Sprintf("%d retriggers were accepted, and %d triggers sent", accepted[aRetrigger], sends)
	}
	if accepted[anAbort] > 0 && !s.Over {
		return "an abort was accepted, and the run goes on"
	}
	return ""
}

// checkCancelled: a cancellation ends the run, or recalls its trigger.
func checkCancelled(s *State, taken []event, commands []Command) string {
	if has(taken, aCancel) && !s.Over && !s.Recalled {
		return "a cancellation was ignored"
	}
	return ""
}

// checkEnd: no end without evidence or an operator, and none against them.
func checkEnd(before, after *State, taken []event, now time.Time) string {
	shown := false // that the leading instance has ended
	for _, v := range taken {
		word := words[v.word]
		switch {
		case v.kind == aCallback && (word == StatusSuccess || word == StatusFail):
			shown = shown || idName(v.id) == after.Status.InstanceID
		case v.kind == aPolled && (word == StatusSuccess || word == StatusFail), v.kind == aResolve:
			shown = true
		}
	}
	for i := range before.Triggers {
		t := &before.Triggers[i]
		shown = shown || !t.FinishedAt.IsZero() && t.InstanceID == after.Status.InstanceID
	}
	if after.ended() && !shown {
		return fmt.Sprintf("the run says %s of %s without evidence", after.Status.Status, after.Status.InstanceID)
	}
	if before.Over || !after.Over {
		return ""
	}
	f := after.Failure
	switch {
	case f == nil && !after.ended():
		return "the run ended without an end of its instance"
	case f == nil || f.Cancelled && after.Cancelled:
	case f.Cancelled:
		return "the run ended as cancelled, and nobody cancelled it"
	case f.Type == ErrorWaitTimeout && (now.Before(after.Status.Deadline) || after.ended()):
		return "the run ended as WaitTimeout before its deadline, or against the end of its instance"
	case f.Type == ErrorTriggerOutcomeUnknown && now.Before(after.Status.Deadline) && !after.GivenUp && !after.Rules.FailOnUnknown:
		return "the run gave up its trigger by itself"
	case f.Type != ErrorWaitTimeout && after.known():
		return fmt.Sprintf("the run ended as %s, but its instance %s is known", f.Type, after.Status.InstanceID)
	}
	return ""
}

// checkVisible: a run that goes on waits for something, and whoever must do something can see it.
func checkVisible(s *State, taken []event) string {
	for _, v := range taken {
		if v.kind == aSent && v.intent && !(s.Indexed && s.Registers) {
			return "a trigger's intent told the facts of the deployment, and the run does not know them"
		}
	}
	switch phase := s.phase(); {
	case s.Over:
	case phase == PhaseFetching && !s.ended():
		return "the run fetches the outputs of an instance that has not ended"
	case !s.Sending && !s.Fetching && !s.Polling && s.Wake().IsZero():
		return "the run waits for nothing"
	case phase == PhaseWaiting && s.Status.InstanceID == "":
		return "the run waits for an instance, and does not know for which"
	case !s.Indexed: // not known before the trigger's activity has ended
	case phase == PhaseUnknown && s.Urgent != string(PhaseUnknown):
		return "the run is in doubt, and nobody can see it"
	case phase == PhaseWaiting && s.Shown != s.Status.InstanceID:
		return "the run waits for an instance, and nobody can see for which"
	case phase == PhaseWaiting && s.Status.Overdue && s.Urgent != Overdue:
		return "the run is overdue, and nobody can see it"
	}
	return ""
}
