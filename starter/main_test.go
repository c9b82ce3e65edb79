package main

import (
	"bytes"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain leads every connection to where nobody listens: what is wrong must be found before.
func TestMain(m *testing.M) {
	_ = os.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	_ = os.Setenv("TEMPORAL_CONFIG_FILE", os.DevNull)
	goleak.VerifyTestMain(m)
}

// call runs a command line with no configuration.
func call(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, log bytes.Buffer
	lookup := func(string) (string, bool) { return "", false }
	code = execute(t.Context(), &app{lookup: lookup, out: &out, log: &log}, args)
	return out.String(), log.String(), code
}
