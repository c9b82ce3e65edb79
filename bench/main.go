// Command bench measures what dpaflow costs, against a real Temporal server that it starts for each
// section, or the one that TEMPORAL_ADDRESS names, and against the least that is possible: where two sides are compared, their batches alternate
// (A B B A …), so that a noisy machine hurts both alike, and what is reported are medians over the rounds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/interrupt"
)

// section is one part of the report, measured on a Temporal server of its own.
type section struct {
	name string
	run  func(ctx context.Context, size sizes, report *Report) error
}

var sections = []section{
	{"plan", measurePlan},
	{"bridge", measureBridge},
	{"runbook", measureRunbook},
	{"waiting", measureWaiting},
	{"token", measureToken},
	{"spool", measureSpool},
}

func main() {
	names := make([]string, len(sections))
	for i, s := range sections {
		names[i] = s.name
	}
	var o options
	flag.StringVar(&o.only, "only", "", "sections to measure, of "+strings.Join(names, ",")+"; empty: all")
	flag.IntVar(&o.rounds, "rounds", 0, "rounds that count, after one to warm up; 0: as many as the size has")
	flag.BoolVar(&o.quick, "quick", false, "small sizes, which show that the harness works, and no figure worth keeping")
	flag.StringVar(&o.out, "out", "", "folder for performance.md, performance.json and the plots, or performance-postgresql.md and so on; empty: the page goes to standard output")
	flag.StringVar(&o.from, "from", "", "performance.json to write the page and the plots of, without measuring")
	flag.StringVar(&o.profile, "cpuprofile", "", "file for a CPU profile of this process: both sides, and the load")
	flag.Parse()

	ctx, stop := interrupt.Context()
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	only               string
	rounds             int
	quick              bool
	out, from, profile string // paths
}

func run(ctx context.Context, o options) (err error) {
	if o.out, err = absolute(o.out); err != nil {
		return err
	}
	if o.from != "" {
		report, err := read(o.from)
		if err != nil {
			return err
		}
		return report.write(o.out)
	}
	if o.profile != "" {
		stop, err := profile(o.profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	if err := enterRepository(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, devstack.Cleanup()) }()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	report, err := measure(ctx, o)
	if err != nil {
		return err
	}
	for _, goal := range report.Goals() {
		reached := "reached"
		if !goal.Reached {
			reached = "missed "
		}
		say("%s %s: %s (%s)", reached, goal.Figure, goal.Result, goal.Goal)
	}
	return report.write(o.out)
}

func measure(ctx context.Context, o options) (*Report, error) {
	chosen, err := choose(o.only)
	if err != nil {
		return nil, err
	}
	size := full
	if os.Getenv("TEMPORAL_ADDRESS") != "" {
		size = served
	}
	if o.quick {
		size = small
	}
	if o.rounds > 0 {
		size.rounds, size.exchanges = o.rounds, o.rounds
	}
	report, err := newReport(ctx, size)
	if err != nil {
		return nil, err
	}
	for _, s := range chosen {
		begun := time.Now()
		say("%s …", s.name)
		if err := s.run(ctx, size, report); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		say("%s took %s", s.name, time.Since(begun).Round(time.Second))
	}
	return report, nil
}

func profile(path string) (stop func(), err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("write a profile: %w", err), file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}, nil
}

func choose(only string) ([]section, error) {
	if only == "" {
		return sections, nil
	}
	var chosen []section
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(sections, func(s section) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no section %q", name)
		}
		chosen = append(chosen, sections[i])
	}
	return chosen, nil
}

func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

// enterRepository goes to the module's root: programs and the Temporal command line are built from there.
func enterRepository(ctx context.Context) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/dpaflow/dpaflow").Output()
	if err != nil {
		return fmt.Errorf("find dpaflow's module (go list -m): %w", err)
	}
	return os.Chdir(strings.TrimSpace(string(root)))
}

// say tells on standard error how it goes.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
