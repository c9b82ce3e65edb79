package rehearsal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
)

func document(t *testing.T, text string) runbook.Document {
	t.Helper()
	doc, err := runbook.Parse([]byte(text))
	require.NoError(t, err)
	return *doc
}

func TestRunbooksGoAsTheirRehearsalsSay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.runbook.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			doc, err := os.ReadFile(file)
			require.NoError(t, err)
			text, err := os.ReadFile(strings.Replace(file, ".runbook", "", 1))
			require.NoError(t, err)
			script, err := Parse(text)
			require.NoError(t, err)
			require.True(t, script.Decides())
			_, err = script.Play(document(t, string(doc)))
			require.NoError(t, err)
		})
	}
}

func TestEveryExampleOfASentenceIsOne(t *testing.T) {
	t.Parallel()
	for _, example := range Sentences() {
		_, err := parse(example)
		require.NoError(t, err, example)
	}
}

func TestSentencesMeanWhatTheySay(t *testing.T) {
	t.Parallel()
	for text, expected := range map[string]sentence{
		"1h30m passes": {passes: 90 * time.Minute},
		"verify/test[2] succeeds with db=a, b, url=http://x/?a=b": {
			step: "verify/test[2]", outcome: engine.Success, outputs: map[string]string{"db": "a, b", "url": "http://x/?a=b"},
		},
		"the rollback of switch fails because it rains": {step: "switch", undoing: true, outcome: engine.Fail, reason: "it rains"},
		"switch times out": {step: "switch", outcome: engine.Broken, mayRun: true, reason: "its timeout passed before its instance ended"},
		"切换 is in doubt":   {step: "切换", doubt: true, reason: "nobody can know whether the trigger ran"},
		"李 skips switch with a=1 because done by hand": {
			action:  &engine.Action{Name: "skip", Step: "switch", By: "李", Comment: "done by hand", Outputs: map[string]string{"a": "1"}},
			outputs: map[string]string{"a": "1"},
		},
		"li retries switch although it may run twice": {action: &engine.Action{Name: "retry", Step: "switch", By: "li", MayRunTwice: true}},
		"li aborts the rollback of switch":            {action: &engine.Action{Name: "abort", Step: "switch", By: "li"}},
		"li adopts in42 for switch": {
			action: &engine.Action{Name: "resolveTrigger", Step: "switch", By: "li"}, trigger: "adopt", instance: "in42",
		},
	} {
		got, err := parse(text)
		require.NoError(t, err, text)
		require.Equal(t, expected, got, text)
	}
}

func TestWhatCannotHappenIsRefusedAndNothingHasHappened(t *testing.T) {
	t.Parallel()
	doc := document(t, "{name: r, steps: [{id: a, plan: p}, {id: b, plan: p}]}")
	for text, because := range map[string]string{
		"a explodes":                     `"a explodes" is no sentence that can be rehearsed; these are: the rest succeeds; `,
		"b succeeds":                     "b does not run now; these do: a",
		"the rollback of a succeeds":     "does not run now",
		"li approves a":                  "is no approval",
		"li adopts in1 for b":            "nothing called",
		"0s passes":                      "no duration",
		"li resumes":                     "is not paused",
		"li says that b ended SUCCESS":   "nothing called",
		"li aborts the rollback of a":    "no rollback of step a is running",
		"li skips a with x=1":            "cannot be skipped",
		"li retries a because it rained": "waits for no decision",
	} {
		r, err := New(doc, nil, engine.Options{}, nil)
		require.NoError(t, err)
		before := r.Result()
		require.ErrorContains(t, r.Say(text), because, text)
		require.Equal(t, []string{"a"}, r.Running(), text)
		require.Equal(t, before, r.Result(), text)
	}
}

func TestTimePassesStepByStep(t *testing.T) {
	t.Parallel()
	r, err := New(document(t, "{name: r, steps: [{id: a, wait: 10m}, {id: b, wait: 20m}, {id: ask, approval: {message: Go on, timeout: 1h}}]}"), nil, engine.Options{}, nil)
	require.NoError(t, err)
	require.NoError(t, r.Say("45m passes"))
	require.Equal(t, []string{"approval ask"}, waitsFor(r.Result()))
	require.NoError(t, r.Say("1h passes"))
	require.Equal(t, "PAUSED", r.Result().Status, "nobody answered in time")
	require.Equal(t, begins.Add(105*time.Minute), r.Now())
}

func TestAScriptSaysWhereItDoesNotHold(t *testing.T) {
	t.Parallel()
	script, err := Parse([]byte("story:\n- a succeeds\n- expect: {status: FAILED, phase: ENDING, reason: x, running: [z], waitsFor: [doubt a], undone: [a], steps: {a: FAILED}, attempts: {a: 2}, stillRunning: [a]}\n"))
	require.NoError(t, err)
	_, err = script.Play(document(t, "{name: r, steps: [{id: a, plan: p}]}"))
	for _, part := range []string{
		"story[1]: ", "the status of the run must be FAILED, and is SUCCESS", "the phase of the run must be ENDING, and is ENDED", "the reason of the run must be x",
		"what runs must be z, and is nothing", "what is waited for must be doubt a", "what was undone must be a", "step a must be FAILED, and is SUCCESS",
		"the attempts at step a must be 2, and is 1", "what may still run must be a",
	} {
		require.ErrorContains(t, err, part)
	}
	for story, wrong := range map[string]string{
		`- refused: {sentence: li pauses}`:                 "must be refused, and was not",
		`- refused: {sentence: li resumes, because: moon}`: "the refusal must say moon, and says: the runbook is not paused",
		`- b succeeds`: `story[0]: "b succeeds": b does not run`,
		`- resume: {}`: "has not ended",
		"- a succeeds\n- resume: {refused: moon}":            "must be refused, and was not",
		"- a succeeds\n- a succeeds":                         "the run has ended",
		"- a fails\n- li aborts\n- resume: {keep: [nosuch]}": "nosuch",
	} {
		script, err := Parse([]byte("story:\n" + story + "\n"))
		require.NoError(t, err, story)
		_, err = script.Play(document(t, "{name: r, steps: [{id: a, plan: p}]}"))
		require.ErrorContains(t, err, wrong, story)
	}
}

func TestEverythingThatIsWrongWithAScriptIsFoundAtItsPlace(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte(`vars: {a: 1}
stori: []
story:
- a explodes
- {}
- {expect: {status: SUCCESS}, resume: {}}
- expect: {stattus: SUCCESS}
- refused: {sentence: a succeeds}
`))
	for _, part := range []string{
		"2:1: stori: there is no such field", `story[0]: "a explodes" is no sentence`, "story[1]: must be a sentence",
		"story[2]: must be a sentence", "story[3].expect.stattus: there is no such field", "story[4].refused.sentence: must be what an operator does",
	} {
		require.ErrorContains(t, err, part)
	}
}
