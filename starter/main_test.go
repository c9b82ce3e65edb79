package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dpaflow/dpaflow/internal/wait"
)

// TestMain leads every connection to where nobody listens: what is wrong must be found before.
func TestMain(m *testing.M) {
	_ = os.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	_ = os.Setenv("TEMPORAL_CONFIG_FILE", os.DevNull)
	time.Local = time.UTC // of the golden files
	os.Exit(wait.Run(m))
}

// call runs a command line with no configuration and nothing on standard input.
func call(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return callWith(t, "", args...)
}

// callWith is call with a text on standard input.
func callWith(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, log bytes.Buffer
	lookup := func(string) (string, bool) { return "", false }
	code = execute(t.Context(), &app{lookup: lookup, in: strings.NewReader(stdin), out: &out, log: &log}, args)
	return out.String(), log.String(), code
}
