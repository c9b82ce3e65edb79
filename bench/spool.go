package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/signals"
)

// SpoolFigures are of callbacks that are stored on disk because Temporal is away.
type SpoolFigures struct {
	Loads []Comparison `json:"loads"` // against one file that is appended to and synced for each, one at a time
}

func measureSpool(ctx context.Context, size sizes, report *Report) (err error) {
	folder, err := os.MkdirTemp("", "dpaflow-bench-")
	if err != nil {
		return fmt.Errorf("make a folder for the spool: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	spool, err := signals.OpenSpool(signals.SpoolConfig{Dir: folder, Namespace: devstack.Namespace, Next: away{}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, spool.Close()) }()
	file, err := os.Create(filepath.Join(folder, "plain"))
	if err != nil {
		return fmt.Errorf("make a file to compare with: %w", err)
	}
	defer file.Close()

	sent := 0
	keep := func(ctx context.Context, l load, _ int) ([]time.Duration, time.Duration, error) {
		first := sent
		sent += l.count
		return l.do(ctx, func(ctx context.Context, i int) error {
			instance := fmt.Sprintf("in%d", 10000000+first+i)
			target := signals.Target{Kind: signals.KindPlan, Namespace: devstack.Namespace, WorkflowID: "run-" + instance, Key: instance + ".1"}
			outcome, err := spool.Deliver(ctx, target, signals.Callback{InstanceID: instance, Status: "SUCCESS"})
			if err == nil && outcome != signals.OutcomeSpooled {
				err = fmt.Errorf("a callback was %s, not spooled", outcome)
			}
			return err
		})
	}
	line := make([]byte, 200) // about what the spool keeps of a callback
	write := func(ctx context.Context, l load, _ int) ([]time.Duration, time.Duration, error) {
		return load{1, l.count / l.inFlight}.do(ctx, func(context.Context, int) error {
			_, err := file.Write(line)
			return errors.Join(err, file.Sync())
		})
	}
	figures := &SpoolFigures{}
	report.Spool = figures
	for _, l := range size.spooled {
		compared, err := compare(ctx, size.rounds, l, keep, write)
		if err != nil {
			return err
		}
		compared.say("spool against a synced file")
		figures.Loads = append(figures.Loads, compared)
	}
	return nil
}

// away is a Temporal that cannot be reached.
type away struct{}

func (away) Deliver(context.Context, signals.Target, signals.Callback) (signals.Outcome, error) {
	return "", serviceerror.NewUnavailable("it is away")
}
