// Package wait says how long tests wait: one limit for all of them, so that none depends on how busy a machine is.
package wait

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Limit bounds what a test waits for. It expects nothing of the time that something takes, and is reached only by
// what never comes: a machine with many other things to do makes a test slow, not wrong.
const Limit = 10 * time.Minute

// Context returns a context for one wait: it ends with the test, or after Limit.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Limit)
	t.Cleanup(cancel)
	return ctx
}

// Run is for TestMain: it runs the tests of a package and returns the exit status, which is not 0 where they leave
// goroutines behind. They have a minute to end; goleak by itself gives them half a second.
func Run(m *testing.M, options ...goleak.Option) (code int) {
	if code = m.Run(); code != 0 {
		return code
	}
	var left error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if left = goleak.Find(options...); left == nil {
			return 0
		}
	}
	fmt.Fprintln(os.Stderr, left)
	return 1
}
