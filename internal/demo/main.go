// Command demo shows dpaflow at work on one machine: a real Temporal dev
// server with its Web UI, a simulated DPA platform, and the worker with the
// callback bridge. It runs plans and a runbook end to end, or with -dev leaves everything
// running to play with. It stops whatever it started.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/interrupt"
)

// demoTimeout is for the runs, not for building programs and Temporal. It is far beyond what a busy machine takes.
const demoTimeout = 15 * time.Minute

func main() {
	dev := flag.Bool("dev", false, "run no plans, and leave the stack running until Ctrl-C")
	find := flag.Bool("temporal", false, "only find the Temporal command line, or build it, and print its path")
	flag.Parse()
	ctx, stop := interrupt.Context()
	var err error
	if *find {
		var path string
		path, err = devstack.CLI(ctx, os.Stderr)
		fmt.Println(path)
	} else {
		err = run(ctx, os.Stdout, *dev)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run is the whole demo. The logs of what it started are kept if it fails.
func run(ctx context.Context, out io.Writer, dev bool) (err error) {
	folder, err := os.MkdirTemp("", "dpaflow-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for logs: %w", err)
	}
	s := &stack{out: out, folder: folder, dev: dev}
	if !dev {
		s.simulator = []string{"-speed", "1.5"} // slow enough to watch, and nobody waits longer than they must
	}
	defer func() {
		err = errors.Join(err, s.stop(), devstack.Cleanup())
		if err != nil {
			fmt.Fprintf(out, "\nThe logs of all programs are kept in %s\n", folder)
			return
		}
		err = os.RemoveAll(folder)
	}()
	if err := s.start(ctx); err != nil {
		return err
	}
	ctx, cancel := s.guard(ctx)
	defer cancel()
	if dev {
		return play(ctx, out, s)
	}
	ctx, cancelTimeout := context.WithTimeout(ctx, demoTimeout)
	defer cancelTimeout()
	return tour(ctx, out, s)
}

// play tells how to use the stack, and waits until the user has had enough.
func play(ctx context.Context, out io.Writer, s *stack) error {
	fmt.Fprintf(out, `
Everything runs, until Ctrl-C. In another terminal:

%s
  go run ./starter plans
  go run ./starter run plan acf42dd3 --param md1606743910508.DPA_MODEL_WORKDIR=/opt
  temporal workflow start --type RunPlan --task-queue dpa --input '{"planId":"bcf42dd4"}'

What happens: %s (console), %s (Temporal), %s/simulator/executions (platform), http://%s/metrics (worker), %s (logs)
`, settings(s.workerEnv(), s.temporal.CLI), s.consoleURL, s.temporal.UIURL, s.platformURL, s.worker.Admin, s.folder)
	<-ctx.Done()
	if cause := context.Cause(ctx); errors.Is(cause, errEnded) {
		return cause
	}
	return nil // Ctrl-C
}

// settings are the lines for another terminal: the variables, and temporal
// where it is not on the PATH.
func settings(env []string, cli string) string {
	var lines strings.Builder
	if found, err := exec.LookPath("temporal"); err != nil || found != cli {
		fmt.Fprintf(&lines, "  alias temporal='%s'\n", cli)
	}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		fmt.Fprintf(&lines, "  export %s='%s'\n", name, value)
	}
	return lines.String()
}
