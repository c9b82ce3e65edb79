package main

import (
	"slices"
	"time"
)

// quantile returns the value below which the share q of all values lies, the nearest of them; 0 if there is none.
func quantile[T ~int | ~int64 | ~float64](values []T, q float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// median returns the middle of all values, of an even number the mean of the two in the middle; 0 if there is none.
func median[T ~int | ~int64 | ~float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Spread is a figure of several rounds.
type Spread struct {
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Rounds []float64 `json:"rounds"`
}

func spread(rounds []float64) Spread {
	if len(rounds) == 0 {
		return Spread{}
	}
	return Spread{Median: median(rounds), Min: slices.Min(rounds), Max: slices.Max(rounds), Rounds: rounds}
}

// ratios divides what was measured in the same round.
func ratios(ours, theirs []float64) Spread {
	rounds := make([]float64, len(ours))
	for i := range ours {
		rounds[i] = ours[i] / theirs[i]
	}
	return spread(rounds)
}

// Latency is in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func latency(took []time.Duration) Latency {
	return Latency{P50: milliseconds(quantile(took, .5)), P99: milliseconds(quantile(took, .99))}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
