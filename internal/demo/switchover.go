package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/examples/switchover"
	"github.com/dpaflow/dpaflow/internal/devstack"
)

// What the demo names of the example.
const (
	runbookID = "demo-switchover"
	question  = "confirm"
	flaky     = "traffic"
)

// approvers are as many as the question takes.
var approvers = []string{"zhang", "li"}

// runSwitchover runs the example's runbook with its progress shown, gives the
// approval that it waits for, and prints the report.
func (s *stack) runSwitchover(ctx context.Context, out io.Writer) (book, error) {
	fmt.Fprintf(out, `
A switchover as one runbook: steps side by side, two people's approval, an output passed on, a failure retried:
$ starter run runbook - --var site=shanghai < examples/switchover/runbook.yaml
`)
	seen := &screen{out: out, asked: make(chan struct{})}
	var result book
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error {
		document, err := s.starter(running, seen, switchover.YAML,
			"run", "runbook", "-", "--var", "site=shanghai", "--workflow-id", runbookID, "-o", "json")
		if err != nil {
			return err
		}
		return json.Unmarshal(document, &result)
	})
	group.Go(func() error { return s.approve(running, seen) })
	if err := group.Wait(); err != nil {
		return book{}, err
	}
	if err := result.check(); err != nil {
		return book{}, err
	}
	fmt.Fprintf(out, "  %s: %s\n\nThe report:\n$ starter report %s\n", runbookID, result.Status, runbookID)
	report, err := s.starter(ctx, io.Discard, nil, "report", runbookID)
	if err != nil {
		return book{}, err
	}
	fmt.Fprintf(out, "%s\n", bytes.TrimSpace(report))
	return result, nil
}

// approve answers in people's names once the screen shows how, and they were notified.
func (s *stack) approve(ctx context.Context, seen *screen) error {
	for _, asked := range []chan struct{}{seen.asked, s.notified.asked} {
		select {
		case <-asked:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	fmt.Fprintln(seen, "The demo approves by itself, in place of two people:")
	for _, approver := range approvers {
		fmt.Fprintf(seen, "$ starter approve %s %s --by %s --comment 'given by the demo'\n", runbookID, question, approver)
		_, err := s.starter(ctx, io.Discard, nil, "approve", runbookID, question, "--by", approver, "--comment", "given by the demo")
		if err != nil {
			return err
		}
	}
	return nil
}

// starter runs the command line and returns what it printed. Its progress and
// its complaints go to log, the latter into the error too.
func (s *stack) starter(ctx context.Context, log io.Writer, stdin []byte, args ...string) ([]byte, error) {
	cmd, err := devstack.Command(ctx, devstack.ProgramOptions{Program: "starter", Args: args, Env: s.env()})
	if err != nil {
		return nil, err
	}
	var document, complaints bytes.Buffer
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = &document, io.MultiWriter(log, &complaints)
	err = cmd.Run()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil {
		return nil, fmt.Errorf("starter %s: %w\n%s%s", strings.Join(args, " "), err, &complaints, &document)
	}
	return document.Bytes(), nil
}

// screen shows the progress, and tells when it asks for an answer. The last
// line of the question is the command that rejects.
type screen struct {
	out   io.Writer
	asked chan struct{}

	mu   sync.Mutex
	text strings.Builder
	told bool
}

func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(text)
	if !s.told && strings.Contains(s.text.String(), "starter reject "+runbookID+" "+question+"\n") {
		s.told = true
		close(s.asked)
	}
	return s.out.Write(text)
}

// book is what the demo reads of a runbook's result.
type book struct {
	Status string
	Steps  []step
}

type step struct {
	ID, Status, PlanID string
	Attempts           int
	Approvals          []string
	Items              []step
}

func (b book) step(id string) step {
	for _, step := range b.Steps {
		if step.ID == id {
			return step
		}
	}
	return step{}
}

// check holds what the demo has promised.
func (b book) check() error {
	var errs []error
	if b.Status != "SUCCESS" {
		errs = append(errs, fmt.Errorf("the runbook ended %s", b.Status))
	}
	if by := b.step(question).Approvals; !slices.Equal(by, approvers) {
		errs = append(errs, fmt.Errorf("step %s was approved by %v", question, by))
	}
	if times := b.step(flaky).Attempts; times != 2 {
		errs = append(errs, fmt.Errorf("step %s took %d attempts instead of 2", flaky, times))
	}
	return errors.Join(errs...)
}

// count adds how often the steps ran each plan.
func (b book) count(ran map[string]int) {
	var add func(steps []step)
	add = func(steps []step) {
		for _, step := range steps {
			if step.PlanID != "" && step.Attempts > 0 {
				ran[step.PlanID] += step.Attempts
			}
			add(step.Items)
		}
	}
	add(b.Steps)
}
