package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARehearsalIsHeldByWhatIsTyped(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	typed := "help\nlook fails\nlook succeeds\nli retries look\nlook succeeds with 磁盘=20G\nli approves ask because it is time\n"
	a := &app{lookup: func(string) (string, bool) { return "", false }, in: strings.NewReader(typed), out: &out, log: &log}
	require.Zero(t, execute(t.Context(), a, []string{"runbook", "rehearse", "testdata/check.yaml", "--var", "site=beijing"}), log.String())
	for _, part := range []string{"Runs on the platform: look", "li approves confirm", "! look does not run now", "starter retry rehearsal look", "Waiting for an operator"} {
		require.Contains(t, log.String(), part)
	}
	for _, part := range []string{"# Report: 检查 site", "| approve by li: it is time"} {
		require.Contains(t, out.String(), part)
	}
}

func TestTheExitStatusOfARehearsal(t *testing.T) {
	t.Parallel()
	for story, expected := range map[string]int{
		"- the rest succeeds\n- li approves ask":                 0,
		"- look fails\n- li aborts":                              exitFailed,
		"- look fails":                                           exitInDoubt,
		"- look fails\n- li aborts\n- expect: {status: ABORTED}": 0,
		"- look fails\n- expect: {status: SUCCESS}":              exitError,
		"- look explodes":                                        exitUsage,
		"- refused: {sentence: li resumes}\n- look succeeds\n- li rejects ask\n- li aborts": exitFailed,
	} {
		file := filepath.Join(t.TempDir(), "script.yaml")
		require.NoError(t, os.WriteFile(file, []byte("vars: {site: x}\nstory:\n"+story+"\n"), 0o600))
		_, stderr, code := call(t, "runbook", "rehearse", "testdata/check.yaml", "--script", file)
		require.Equal(t, expected, code, "%s\n%s", story, stderr)
	}
}
