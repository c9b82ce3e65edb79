package execution

import (
	"fmt"
	"strings"
)

// describe says for people what an action does.
func (a action) describe(w *world) string {
	switch a.name {
	case takeIn:
		return "a workflow task takes in what has arrived"
	case takeInMarked:
		return "a workflow task (to which the run will be reset) takes in what has arrived"
	case goBack:
		return "the run is reset to before the task named"
	case cancel:
		return "the run is cancelled"
	case tellPoll:
		return fmt.Sprintf("the platform is asked and says %q", words[a.word])
	case tellFetch:
		return "the outputs are read"
	case pass:
		return "time passes"
	case operate:
		return fmt.Sprintf("an operator does %s %s%s", []string{"adopt", "retrigger", "abort", "resolveRun"}[kind(a.on)-anAdopt], idName(a.id), words[a.word])
	}
	return map[verb]string{
		record: "the worker looks at earlier runs, then records its intent", write: "the worker writes the request, or drops it without its lease",
		execute: "the platform executes the request", answer: "the platform's answer arrives",
		giveUp: "the worker waits no more for an answer", declareDead: "the server declares the attempt dead",
		crash: "the worker dies, or is cut off", fail: "something before the request fails",
		pauseActivity: "the activity is paused when the intent is to be recorded",
		refuse:        "the platform refuses the request", refuseToken: "the platform refuses the token",
		loseRequest: "the request gets lost", callBack: "the platform calls back with " + words[a.word],
	}[a.name] + w.requests[a.on].String()
}

func (r *request) String() string {
	if r.old {
		return fmt.Sprintf(" (trigger %d of the first run)", r.number)
	}
	return fmt.Sprintf(" (trigger %d)", r.number)
}

// tell prints a trace for people.
func (c scope) tell(out found) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, after %d steps:\n", out.broken, len(out.trace))
	w := world{core: New(c.rules, epoch), left: c.limits}
	for i, a := range out.trace {
		line := a.describe(&w)
		w, _ = c.step(w, a)
		s := w.core
		fmt.Fprintf(&text, "%3d. %5ds  %-80s", i+1, w.now, line)
		fmt.Fprintf(&text, " | %s", s.phase())
		for n := range s.Triggers {
			t := &s.Triggers[n]
			fmt.Fprintf(&text, " [%d %s %s %s]", n+1, t.Outcome, t.InstanceID, t.Status)
		}
		if s.Failure != nil {
			fmt.Fprintf(&text, " %s cancelled=%v", s.Failure.Type, s.Failure.Cancelled)
		}
		text.WriteString("\n")
	}
	return text.String()
}
