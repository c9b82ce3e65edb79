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
	Loads []SpoolLoad `json:"loads"`
	// Synced is what the disk can do at all: small writes to one file, each synced, one at a time.
	Synced Speed `json:"synced"`
}

// SpoolLoad is how fast callbacks are stored, so many at a time.
type SpoolLoad struct {
	InFlight int `json:"inFlight"`
	Speed
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
			outcome, err := spool.Deliver(ctx, signals.Arrival{Target: target, Callback: signals.Callback{InstanceID: instance, Status: "SUCCESS"}, At: time.Now()})
			if err == nil && outcome != signals.OutcomeSpooled {
				err = fmt.Errorf("a callback was %s, not spooled", outcome)
			}
			return err
		})
	}
	line := make([]byte, 200) // about what the spool keeps of a callback
	write := func(ctx context.Context, l load, _ int) ([]time.Duration, time.Duration, error) {
		return l.do(ctx, func(context.Context, int) error {
			_, err := file.Write(line)
			return errors.Join(err, file.Sync())
		})
	}
	figures := &SpoolFigures{}
	report.Spool = figures
	for _, l := range size.spooled {
		speed, err := alone(ctx, size.rounds, l, keep)
		if err != nil {
			return err
		}
		say("spool: %d in flight: %.0f/s (p50 %.1f ms, p99 %.1f ms)", l.inFlight, speed.PerSecond.Median, speed.Latency.P50, speed.Latency.P99)
		figures.Loads = append(figures.Loads, SpoolLoad{l.inFlight, speed})
	}
	if figures.Synced, err = alone(ctx, size.rounds, load{1, size.spooled[0].count}, write); err != nil {
		return err
	}
	say("spool: a synced write: %.0f/s (p50 %.1f ms, p99 %.1f ms)", figures.Synced.PerSecond.Median, figures.Synced.Latency.P50, figures.Synced.Latency.P99)
	return nil
}

// away is a Temporal that cannot be reached.
type away struct{}

func (away) Deliver(context.Context, signals.Arrival) (signals.Outcome, error) {
	return "", serviceerror.NewUnavailable("it is away")
}
