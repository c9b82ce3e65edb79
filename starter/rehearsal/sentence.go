package rehearsal

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/engine"
)

var (
	errScene    = errors.New("must be a sentence, or have exactly one of expect, refused and resume")
	errNothing  = errors.New("must expect something, such as {status: SUCCESS}")
	errNoAction = errors.New(`must be what an operator does, such as "li approves confirm"`)
)

// sentence is what a sentence means; one of its fields is set, beside those that say more about how an execution goes.
type sentence struct {
	// action is an operator's.
	action *engine.Action
	// trigger is what an operator says of a trigger in doubt: adopt, retrigger or abort.
	trigger, instance string
	// outcome is how the execution of step, or its rollback, ends.
	step     string
	undoing  bool
	outcome  engine.Outcome
	mayRun   bool // on the platform, although nobody waits for it
	doubt    bool // instead of an end
	reason   string
	outputs  map[string]string
	passes   time.Duration
	canceled bool
	// terminated is the end of a run that cannot say itself what became of it.
	terminated bool
	freed      string // the lock that another run gives back
	rest       bool   // everything that runs succeeds, and what follows from it
}

// forms are the sentences, in the order in which they are tried. WHO is one word, STEP a path such as probe[2] or
// verify/business.
var forms = []struct {
	form    string
	example string
	means   func(s *sentence, m map[string]string)
	pattern *regexp.Regexp
}{
	{form: `the rest succeeds`, example: "the rest succeeds",
		means: func(s *sentence, _ map[string]string) { s.rest = true }},
	{form: `the run is terminated`, example: "the run is terminated",
		means: func(s *sentence, _ map[string]string) { s.terminated = true }},
	{form: `the run is cancelled`, example: "the run is cancelled",
		means: func(s *sentence, _ map[string]string) { s.canceled = true }},
	{form: `lock (?P<lock>\S.*) is given back`, example: "lock core-shanghai is given back",
		means: func(s *sentence, m map[string]string) { s.freed = m["lock"] }},
	{form: `(?P<duration>[0-9][0-9a-z.]*) pass(es)?`, example: "1h30m passes",
		means: func(s *sentence, m map[string]string) { s.passes, _ = time.ParseDuration(m["duration"]) }},
	{form: `(the rollback of )?STEP succeeds( with OUTPUTS)?`, example: "switch succeeds with db=10.0.0.2",
		means: ends(engine.Success, "")},
	{form: `(the rollback of )?STEP fails( with OUTPUTS)?( because REASON)?`, example: "probe[1] fails because it has no route",
		means: ends(engine.Fail, "it ended FAIL")},
	{form: `(the rollback of )?STEP is rejected( because REASON)?`, example: "switch is rejected because the plan is disabled",
		means: ends(engine.Broken, "the platform rejected the trigger")},
	{form: `(the rollback of )?STEP times out`, example: "switch times out",
		means: func(s *sentence, m map[string]string) {
			ends(engine.Broken, "its timeout passed before its instance ended")(s, m)
			s.mayRun = true
		}},
	{form: `(the rollback of )?STEP is in doubt( because REASON)?`, example: "switch is in doubt because the answer was lost",
		means: func(s *sentence, m map[string]string) {
			ends("", "nobody can know whether the trigger ran")(s, m)
			s.doubt = true
		}},
	{form: `WHO approves STEP( because REASON)?`, example: "li approves confirm", means: acts(engine.ActionApprove)},
	{form: `WHO rejects STEP( because REASON)?`, example: "li rejects confirm because it rains", means: acts(engine.ActionReject)},
	{form: `WHO answers STEP with OUTPUTS( because REASON)?`, example: "li answers lag with lag=0.3, ticket=FZ-1", means: acts(engine.ActionAnswer)},
	{form: `WHO retries STEP(?P<twice> although it may run twice)?( because REASON)?`, example: "li retries switch", means: acts(engine.ActionRetry)},
	{form: `WHO skips STEP( with OUTPUTS)?( because REASON)?`, example: "li skips probe[1]", means: acts(engine.ActionSkip)},
	{form: `WHO says that STEP ended (?P<status>SUCCESS|FAIL)( with OUTPUTS)?( because REASON)?`, example: "li says that switch ended SUCCESS",
		means: acts(engine.ActionResolveRun)},
	{form: `WHO adopts (?P<instance>\S+) for STEP( because REASON)?`, example: "li adopts in42 for switch", means: settles("adopt")},
	{form: `WHO retriggers STEP( because REASON)?`, example: "li retriggers switch", means: settles("retrigger")},
	{form: `WHO gives up STEP( because REASON)?`, example: "li gives up switch", means: settles("abort")},
	{form: `WHO aborts the rollback of STEP( because REASON)?`, example: "li aborts the rollback of switch", means: acts(engine.ActionAbort)},
	{form: `WHO pauses( because REASON)?`, example: "li pauses", means: acts(engine.ActionPause)},
	{form: `WHO resumes( because REASON)?`, example: "li resumes", means: acts(engine.ActionResume)},
	{form: `WHO rolls back( because REASON)?`, example: "li rolls back", means: acts(engine.ActionRollback)},
	{form: `WHO aborts( because REASON)?`, example: "li aborts", means: acts(engine.ActionAbort)},
}

func init() {
	words := strings.NewReplacer(
		"(the rollback of )?", `(?P<undoing>the rollback of )?`,
		"STEP", `(?P<step>[\p{L}][\p{L}\p{N}_\-/\[\]]*)`, "WHO", `(?P<who>\S+)`,
		"OUTPUTS", `(?P<outputs>[^=,]+=.*?)`, "REASON", `(?P<reason>.+)`,
	)
	for i := range forms {
		forms[i].pattern = regexp.MustCompile("^" + words.Replace(forms[i].form) + "$")
	}
}

// Sentences are examples of all that can be said.
func Sentences() (examples []string) {
	for _, form := range forms {
		examples = append(examples, form.example)
	}
	return examples
}

// parse reads a sentence.
func parse(text string) (sentence, error) {
	text = strings.Join(strings.Fields(text), " ")
	for _, form := range forms {
		groups := form.pattern.FindStringSubmatch(text)
		if groups == nil {
			continue
		}
		named := map[string]string{}
		for i, name := range form.pattern.SubexpNames() {
			named[name] = groups[i]
		}
		var s sentence
		form.means(&s, named)
		if named["duration"] != "" && s.passes <= 0 {
			return s, fmt.Errorf("%q is no duration such as 90s or 2h", named["duration"])
		}
		return s, nil
	}
	return sentence{}, fmt.Errorf("%q is no sentence that can be rehearsed; these are: %s", text, strings.Join(Sentences(), "; "))
}

func ends(outcome engine.Outcome, otherwise string) func(*sentence, map[string]string) {
	return func(s *sentence, m map[string]string) {
		s.step, s.undoing, s.outcome, s.outputs = m["step"], m["undoing"] != "", outcome, outputsOf(m["outputs"])
		if s.reason = otherwise; m["reason"] != "" {
			s.reason = m["reason"]
		}
	}
}

func acts(name string) func(*sentence, map[string]string) {
	return func(s *sentence, m map[string]string) {
		s.action = &engine.Action{
			Name: name, Step: m["step"], By: m["who"], Comment: m["reason"], Status: m["status"], MayRunTwice: m["twice"] != "",
		}
		if s.outputs = outputsOf(m["outputs"]); name == engine.ActionSkip {
			s.action.Outputs = s.outputs
		}
	}
}

func settles(trigger string) func(*sentence, map[string]string) {
	return func(s *sentence, m map[string]string) {
		acts(engine.ActionResolveTrigger)(s, m)
		s.trigger, s.instance = trigger, m["instance"]
	}
}

// outputsOf reads "a=1, b=two words".
func outputsOf(text string) map[string]string {
	if text == "" {
		return nil
	}
	outputs := map[string]string{}
	last := ""
	for part := range strings.SplitSeq(text, ", ") {
		name, value, found := strings.Cut(part, "=")
		if !found { // the comma was part of the value
			outputs[last] += ", " + part
			continue
		}
		last = strings.TrimSpace(name)
		outputs[last] = value
	}
	return outputs
}
