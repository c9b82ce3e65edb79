package main

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is how many there are in a batch, and how many of them at a time.
type load struct{ inFlight, count int }

// do does something as often as the load says, and returns how long each and all of them took.
func (l load) do(ctx context.Context, one func(ctx context.Context, i int) error) (took []time.Duration, all time.Duration, err error) {
	took = make([]time.Duration, l.count)
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	begun := time.Now()
	for range l.inFlight {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= l.count {
					return nil
				}
				begun := time.Now()
				if err := one(ctx, i); err != nil {
					return err
				}
				took[i] = time.Since(begun)
			}
		})
	}
	err = group.Wait()
	return took, time.Since(begun), err
}

// alternate runs one round to warm up and then those that count: A B, B A, A B, … so that neither side
// always comes second. Each is told the number of the round, of which 0 is the one to warm up.
func alternate(rounds int, a, b func(round int) error) error {
	for round := range rounds + 1 {
		first, second := a, b
		if round%2 == 1 {
			first, second = b, a
		}
		if err := first(round); err != nil {
			return err
		}
		if err := second(round); err != nil {
			return err
		}
	}
	return nil
}

// Comparison is how two sides did under the same load.
type Comparison struct {
	InFlight   int     `json:"inFlight"`
	Batch      int     `json:"batch"`
	Ours       Speed   `json:"ours"`
	Other      Speed   `json:"other"`
	SpeedRatio Spread  `json:"speedRatio"` // ours by the other's
	CPURatio   Spread  `json:"cpuRatio"`   // of all CPU time, ours by the other's
	Seconds    float64 `json:"seconds"`    // that the comparison took
}

// Speed is how fast one side was.
type Speed struct {
	PerSecond Spread  `json:"perSecond"`
	Latency   Latency `json:"latencyMs"` // over all rounds
	CPU       CPU     `json:"cpuMs"`     // of each
}

// batch is a load on one side; the round tells it from the others.
type batch func(ctx context.Context, l load, round int) (took []time.Duration, all time.Duration, err error)

// compare puts the same load on both sides, batch by batch.
func compare(ctx context.Context, rounds int, l load, ours, other batch) (Comparison, error) {
	begun := time.Now()
	var speeds [2][]float64
	var latencies [2][]time.Duration
	var cpu [2][]CPU
	measure := func(side int, batch batch) func(int) error {
		return func(round int) error {
			before := used()
			took, all, err := batch(ctx, l, round)
			if err != nil || round == 0 {
				return err
			}
			cpu[side] = append(cpu[side], used().since(before, l.count))
			speeds[side] = append(speeds[side], float64(l.count)/all.Seconds())
			latencies[side] = append(latencies[side], took...)
			return nil
		}
	}
	if err := alternate(rounds, measure(0, ours), measure(1, other)); err != nil {
		return Comparison{}, err
	}
	return Comparison{
		InFlight: l.inFlight, Batch: l.count,
		Ours:       Speed{spread(speeds[0]), latency(latencies[0]), typical(cpu[0])},
		Other:      Speed{spread(speeds[1]), latency(latencies[1]), typical(cpu[1])},
		SpeedRatio: ratios(speeds[0], speeds[1]),
		CPURatio:   ratios(totals(cpu[0]), totals(cpu[1])),
		Seconds:    time.Since(begun).Seconds(),
	}, nil
}

// alone puts a load on one side that is compared with nothing.
func alone(ctx context.Context, rounds int, l load, batch batch) (Speed, error) {
	var speeds []float64
	var latencies []time.Duration
	for round := range rounds + 1 {
		took, all, err := batch(ctx, l, round)
		if err != nil {
			return Speed{}, err
		}
		if round > 0 {
			speeds, latencies = append(speeds, float64(l.count)/all.Seconds()), append(latencies, took...)
		}
	}
	return Speed{PerSecond: spread(speeds), Latency: latency(latencies)}, nil
}

func (c Comparison) say(what string) {
	say("%s, %d in flight: %.1f/s against %.1f/s, ratio %.3f (%.3f–%.3f)", what, c.InFlight,
		c.Ours.PerSecond.Median, c.Other.PerSecond.Median, c.SpeedRatio.Median, c.SpeedRatio.Min, c.SpeedRatio.Max)
	say("  p50 %.1f against %.1f ms, p99 %.1f against %.1f ms", c.Ours.Latency.P50, c.Other.Latency.P50, c.Ours.Latency.P99, c.Other.Latency.P99)
	say("  CPU of each %.2f + server %.2f against %.2f + %.2f ms, ratio %.3f (%.3f–%.3f)",
		c.Ours.CPU.Process, c.Ours.CPU.Server, c.Other.CPU.Process, c.Other.CPU.Server, c.CPURatio.Median, c.CPURatio.Min, c.CPURatio.Max)
}

// pause is between two looks at something that takes its time.
func pause(ctx context.Context) error {
	select {
	case <-time.After(20 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
