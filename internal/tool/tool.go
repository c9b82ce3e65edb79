// Package tool is for tests that use programs which not every machine has.
package tool

import (
	"os"
	"os/exec"
	"testing"
)

// required is the variable that makes a missing program a failure; make test-tools sets it.
const required = "DPAFLOW_TOOLS_REQUIRED"

// Needed returns the path of a program, or skips the test where it is not installed. A test calls it before
// anything else and by itself, not in a function that it calls: make test-tools finds tests by this call.
func Needed(t testing.TB, program string) (path string) {
	t.Helper()
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
		return path
	case os.Getenv(required) != "":
		t.Fatalf("%v; install %s", err, program)
	default:
		t.Skipf("%v; make test-tools runs the tests that need more than Go, gcc, git and make", err)
	}
	return ""
}
