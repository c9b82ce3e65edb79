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
	Seconds    float64 `json:"seconds"`    // that the comparison took
}

// Speed is how fast one side was.
type Speed struct {
	PerSecond Spread  `json:"perSecond"`
	Latency   Latency `json:"latencyMs"` // over all rounds
}

// batch is a load on one side; the round tells it from the others.
type batch func(ctx context.Context, l load, round int) (took []time.Duration, all time.Duration, err error)

// compare puts the same load on both sides, batch by batch.
func compare(ctx context.Context, rounds int, l load, ours, other batch) (Comparison, error) {
	begun := time.Now()
	var speeds [2][]float64
	var latencies [2][]time.Duration
	measure := func(side int, batch batch) func(int) error {
		return func(round int) error {
			took, all, err := batch(ctx, l, round)
			if err != nil || round == 0 {
				return err
			}
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
		Ours:       Speed{spread(speeds[0]), latency(latencies[0])},
		Other:      Speed{spread(speeds[1]), latency(latencies[1])},
		SpeedRatio: ratios(speeds[0], speeds[1]),
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
	return Speed{spread(speeds), latency(latencies)}, nil
}

func (c Comparison) say(what string) {
	say("%s, %d in flight: ours %.1f/s (p50 %.1f ms, p99 %.1f ms), the other %.1f/s (p50 %.1f ms, p99 %.1f ms), ratio %.3f (%.3f–%.3f)",
		what, c.InFlight, c.Ours.PerSecond.Median, c.Ours.Latency.P50, c.Ours.Latency.P99,
		c.Other.PerSecond.Median, c.Other.Latency.P50, c.Other.Latency.P99,
		c.SpeedRatio.Median, c.SpeedRatio.Min, c.SpeedRatio.Max)
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
