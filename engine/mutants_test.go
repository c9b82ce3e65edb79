package engine

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutant is a fault that the engine must not have, put into its source.
type mutant struct {
	name    string
	file    string
	changes [][2]string // what is there, and what is put in its place
	// test is what must find it: the comparison with the reference where it is empty.
	test string
}

var mutants = []mutant{
	{"a resumed run keeps what was undone", "carry.go", [][2]string{{" && !s.undone()", ""}}, ""},
	{"items are matched by their position", "start.go", [][2]string{
		{"value := string(before[k].Item)", "value := fmt.Sprint(k)"},
		{"known[string(text)]; len(same) > 0", "known[fmt.Sprint(k)]; len(same) > 0"},
		{"known[string(text)] = *same[0]", "known[fmt.Sprint(k)] = *same[0]"},
	}, ""},
	{"a resumed run triggers again what may still run", "resume.go", [][2]string{{"own []*Execution\n\told.mayRun(p.path", "own []*Execution\n\tnew(Step).mayRun(p.path"}}, ""},
	{"a retry does not look at the condition again", "start.go", [][2]string{
		{"holds, err := p.program.When(p.i, e.knows(p))\n", "holds, err := p.program.When(p.i, e.knows(p))\n\tif p.of.Asked {\n\t\tholds, err = true, nil\n\t}\n"},
	}, ""},
	{"anyone may skip an approval", "refuse.go", [][2]string{{"return e.checkApprovals(p, a.By, true)", "return nil"}}, ""},
	{"anyone may retry an approval", "refuse.go", [][2]string{{"err := e.checkApprovals(p, a.By, false); err != nil", "err := error(nil); err != nil"}}, ""},
	{"a decided rollback waits behind an approval", "advance.go", [][2]string{
		{"if p.ending || p.alone {\n\t\t\te.end(p", "if false {\n\t\t\te.end(p"},
	}, ""},
	{"a decided rollback vanishes with an abort", "rollback.go", [][2]string{{"s.expired || e.Stops > 1:", "s.expired || e.Stops > 0:"}}, ""},
	{"an abort hides a decided rollback", "end.go", [][2]string{{"case run.Ending == \"\":", "case run.Ending == \"\" || ending == Aborted:"}}, ""},
	{"items of a forEach that failed are not undone", "rollback.go", [][2]string{
		{"parts = parts[:0]\n", "parts = parts[:0]\n\t\t\tif step.step.Status != runbook.StatusSuccess {\n\t\t\t\tcontinue\n\t\t\t}\n"},
	}, ""},
	{"what is half done is not undone", "rollback.go", [][2]string{{"return p.of.Ran || p.of.ran()", "return false"}}, ""},
	{"a pause lets items go on", "may.go", [][2]string{{"case e.Paused != nil && !p.handler:\n\t\treturn true", "case e.Paused != nil && !p.handler && !p.isItem():\n\t\treturn true"}}, ""},
	{"a pause lets nested runbooks go on", "may.go", [][2]string{{"case e.Paused != nil && !p.handler:\n\t\treturn true", "case e.Paused != nil && !p.handler && p.prefix == \"\":\n\t\treturn true"}}, ""},
	{"an item that timed out cannot be resolved", "refuse.go", [][2]string{{"!p.leftBehind() || p.of.Items != nil", "!p.leftBehind() || p.isItem() || p.of.Items != nil"}}, ""},
	{"what was not triggered yet is, though the runbook ends", "advance.go", [][2]string{{" || p.ending && !p.of.ran()", ""}}, ""},
	{"handlers do not run once the runbook ends", "scope.go", [][2]string{{"p.ending, p.givenUp = e.Stops > 1, e.Stops > 1", "p.givenUp = e.Stops > 1"}}, ""},
	{"a skipped branch satisfies join: any", "may.go", [][2]string{{"case count[met] > 0:", "case count[met]+count[skipped] > 0:"}}, ""},
	{"what is undone goes in the order of the document", "rollback.go", [][2]string{{"p.of.Order > next.of.Order", "p.path > next.path"}}, ""},
	{"step by step starts another step than it announced", "action.go", [][2]string{{"append(e.Granted, e.Announced)", "append(e.Granted, e.Announced+\"x\")"}}, ""},
	{"an approval counts against maxParallel", "scope.go", [][2]string{{" || written.Asks()", ""}}, ""},
	{"what is gone from the document is not looked at", "align.go", [][2]string{{"old.mayRun(path", "new(Step).mayRun(path"}}, ""},
	{"what is retried waits for other decisions", "scope.go", [][2]string{{"p.decides && !p.of.Runbook.Asked", "p.decides"}}, ""},
	{"an instance in a runbook that is over cannot be resolved", "refuse.go", [][2]string{{" && !p.leftBehind()", ""}}, ""},
	{"a retry runs twice what may still run", "refuse.go", [][2]string{{"len(running) > 0 && !a.MayRunTwice", "false"}}, ""},
	{"what failed is tried again without its pause", "may.go", [][2]string{{"case p.of.NotBefore != nil && !e.passed(p.of.NotBefore):\n\t\treturn true\n", ""}}, ""},
	{"rounds go on after their timeout", "rounds.go", [][2]string{{"p.of.RoundsUntil != nil && !next.Before", "p.of.RoundsUntil != nil && next.IsZero() && !next.Before"}}, ""},
	{"a failure does not count over all rounds", "rounds.go", [][2]string{{"e.tryAgain(p, p.of.Failures, rounds,", "e.tryAgain(p, 0, rounds,"}}, ""},
	{"finally does not run after an abort", "scope.go", [][2]string{{"e.Stops > 1 || !e.Begun", "e.Stops > 0 || !e.Begun"}}, ""},
	{"what finally takes counts against the timeout", "next.go", [][2]string{{"r.TimedOut || r.Outcome != \"\"", "r.TimedOut"}}, ""},
	{"a resumed run keeps what finally did", "resume.go", [][2]string{{"r.take(p, old, false)\n\tif r.chosen", "r.put(p, old)\n\tif r.chosen"}}, ""},
	{"anyone may answer a task", "refuse.go", [][2]string{
		{"\tif err := e.answers(p, a.By); err != nil {\n\t\treturn err\n\t}\n\t_, err := p.written().Ask", "\t_, err := p.written().Ask"},
	}, ""},
	{"a task takes values of any type", "refuse.go", [][2]string{{"_, err := p.written().Ask.Answer(a.Values)\n\treturn err", "return nil"}}, ""},
	{"a lock is not waited for", "may.go", [][2]string{{"case p.locked:\n\t\treturn true", "case false:\n\t\treturn true"}}, ""},
	{"finally waits for a lock for ever", "scope.go", [][2]string{{" || p.locked, e.Stops", ", e.Stops"}}, ""},
	{"a nested runbook keeps its lock", "advance.go", [][2]string{{"\te.giveBack(p.key(false), run, leftOf(inside.prefix, run.Steps))\n", ""}}, ""},
	{"a nested runbook asks for the lock that its parent has", "lock.go", [][2]string{{" || slices.Contains(p.locks, written.Name)", " || slices.Contains([]string{}, written.Name)"}}, ""},
	{"an open window is waited for", "start.go", [][2]string{{"!until.After(e.now)", "until.Before(e.now)"}}, ""},
	{"what is to be read makes room for what comes", "fit.go", [][2]string{{"reader == p.i || !ended(p.Steps[reader].Status)", "false"}},
		"TestWhatIsReadHasRoomBeforeWhatIsNotOrNotAnyMore"},
	{"outputs that were cut are used as if they were whole", "../runbook/outputs.go", [][2]string{{"case node.Cut:", "case false:"}},
		"TestAnExpressionThatTouchesACutOutputFailsWithThatReason"},
	{"a deadline wins over an answer that has arrived", "event.go", [][2]string{{"func (Action) rank() int    { return 2 }", "func (Action) rank() int    { return 0 }"}},
		"TestEvidenceComesBeforeOperatorsActionsHoweverTheyAreGiven"},
}

// TestMutantsAreFound puts faults into the engine one at a time, and expects its tests to find every one.
func TestMutantsAreFound(t *testing.T) {
	if os.Getenv("EXPLORE") != "full" {
		t.Skip("only with EXPLORE=full: it compiles the engine many times")
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) { m.isFound(t) })
	}
}

func (m mutant) isFound(t *testing.T) {
	source, err := os.ReadFile(m.file)
	require.NoError(t, err)
	text := string(source)
	for _, change := range m.changes {
		require.Equal(t, 1, strings.Count(text, change[0]), "%q must be in %s once", change[0], m.file)
		text = strings.Replace(text, change[0], change[1], 1)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, filepath.Base(m.file)), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(changed, []byte(text), 0o600))
	here, err := filepath.Abs(m.file)
	require.NoError(t, err)
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {here: changed}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, replaced, 0o600))
	test := m.test
	if test == "" {
		test = "TestTheEngineDoesWhatTheReferenceDoes"
	}
	args := []string{"test", ".", "-overlay", overlay, "-vet=off", "-run", "^" + test + "$"}
	if m.test == "" {
		args = append(args, "-documents", "2000")
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = filepath.Dir(m.file)
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "nothing found it:\n%s", out)
	require.Contains(t, string(out), "--- FAIL: "+test, "it must fail, not break:\n%.2000s", out)
}
