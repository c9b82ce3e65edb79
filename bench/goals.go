package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Goal is a figure that has to be reached.
type Goal struct {
	Figure, Goal, Result string
	Reached              bool
}

// Goals compares what was measured with what has to be reached. Figures that were not measured are left out.
func (r *Report) Goals() (goals []Goal) {
	if p := r.Plan; p != nil {
		goals = append(goals,
			Goal{"RunPlan against the bare workflow, runs per second, same run", "≥ 1.0", listRatios(p.Loads), worst(p.Loads) >= 1},
			Goal{"history events of a RunPlan with one callback", "≤ 18, better if safety allows", number(p.Ours.Events), p.Ours.Events <= 18},
		)
	}
	if b := r.Runbook; b != nil {
		events := slope(b.Sequential, func(c RunbookCost) float64 { return float64(c.Events) })
		goals = append(goals, Goal{
			"events per sequential runbook step with one callback", "≤ 14, and then as near to 11 as safety allows",
			number(events), events <= 14,
		})
	}
	if b := r.Bridge; b != nil {
		busy := slices.DeleteFunc(slices.Clone(b.Loads), func(c Comparison) bool { return c.InFlight < 16 })
		goals = append(goals,
			Goal{"bridge against raw signals, throughput", "≥ 0.95 at 16 and 128 in parallel", listRatios(busy), worst(busy) >= .95},
			Goal{"latency that the bridge adds, p99", "≤ 2 ms over the raw call", number(b.Added.P99) + " ms", b.Added.P99 <= 2},
		)
	}
	if p := r.Plan; p != nil {
		goals = append(goals, p.callsGoal())
	}
	if w := r.Waiting; w != nil {
		most := w.Runs[len(w.Runs)-1]
		kilobytes := most.Each().RSS / 1024
		goals = append(goals,
			Goal{
				"worker memory per waiting run, 10,000 open", "≤ 20 KB",
				fmt.Sprintf("%s KB of the process, %s KB of live heap and stacks", number(kilobytes), number((most.Each().Heap+most.Each().Stack)/1024)),
				kilobytes <= 20 && most.Open >= 10_000,
			},
			w.linearGoal(),
		)
	}
	if b := r.Runbook; b != nil {
		last := b.Sequential[len(b.Sequential)-1]
		power := exponent(b.Sequential, func(c RunbookCost) (float64, float64) { return float64(c.Plans), c.Seconds })
		goals = append(goals, Goal{
			"500-step runbook", "linear in steps, worker restart in the middle replays within 5 s",
			fmt.Sprintf("%d steps: time grows with steps^%s; %s s to replay", last.Plans, number(power), number(b.Restart.Seconds)),
			power <= linear && b.Restart.Seconds <= 5 && last.Plans >= 500,
		})
	}
	return goals
}

// linear is the greatest power of growth that counts as linear: machines are noisy.
const linear = 1.15

func (p *PlanFigures) callsGoal() Goal {
	var calls []string
	reached := p.Tokens == 1 && len(p.Ours.Calls) == 3
	for _, c := range []struct{ endpoint, name string }{{"P3", "preflight"}, {"P5", "trigger"}, {"P6", "outputs"}} {
		calls = append(calls, number(p.Ours.Calls[c.endpoint])+" "+c.name)
		reached = reached && p.Ours.Calls[c.endpoint] == 1
	}
	calls = append(calls, number(p.Ours.Calls["P2"])+" polls", fmt.Sprintf("%d token", p.Tokens))
	return Goal{
		"platform calls per run when callbacks arrive", "trigger + outputs + preflight; 0 polls; 1 token per its life",
		strings.Join(calls, ", "), reached,
	}
}

func (w *WaitingFigures) linearGoal() Goal {
	memory := exponent(w.Runs, func(r Waiting) (float64, float64) { return float64(r.Open), r.Memory.RSS })
	starts := w.Runs[len(w.Runs)-1].Growth()
	if math.IsNaN(starts) {
		starts = exponent(w.Runs, func(r Waiting) (float64, float64) { return float64(r.Open), float64(r.Open) / r.StartsPerSecond })
	}
	return Goal{
		"time and memory from 10 to 10,000 waiting runs", "linear, shown by the plot",
		fmt.Sprintf("time grows with runs^%s, memory with runs^%s", number(starts), number(memory)), memory <= linear && starts <= linear,
	}
}

// slope is the growth between the first and the last of several figures, for each plan more.
func slope(costs []RunbookCost, of func(RunbookCost) float64) float64 {
	first, last := costs[0], costs[len(costs)-1]
	return (of(last) - of(first)) / float64(last.Plans-first.Plans)
}

// exponent is the power of x that y grows with, between the last two of several figures.
func exponent[T any](figures []T, of func(T) (x, y float64)) float64 {
	var points [][2]float64
	for _, f := range figures[len(figures)-2:] {
		x, y := of(f)
		points = append(points, [2]float64{x, y})
	}
	return fit(points)
}

// fit is the power of x that y grows with, by all points: the slope of the line through their logarithms that is
// nearest to them. NaN if there are fewer than two.
func fit(points [][2]float64) float64 {
	var n, sumX, sumY, sumXX, sumXY float64
	for _, p := range points {
		x, y := math.Log(p[0]), math.Log(p[1])
		n, sumX, sumY, sumXX, sumXY = n+1, sumX+x, sumY+y, sumXX+x*x, sumXY+x*y
	}
	return (n*sumXY - sumX*sumY) / (n*sumXX - sumX*sumX)
}

func worst(loads []Comparison) float64 {
	least := math.Inf(1)
	for _, c := range loads {
		least = min(least, c.SpeedRatio.Median)
	}
	return least
}

func listRatios(loads []Comparison) string {
	var list []string
	for _, c := range loads {
		list = append(list, fmt.Sprintf("%.2f at %d", c.SpeedRatio.Median, c.InFlight))
	}
	return strings.Join(list, ", ") + " in flight"
}

// number writes a figure with as many digits as are of interest.
func number(f float64) string {
	switch {
	case f == math.Trunc(f) || math.Abs(f) >= 100:
		return fmt.Sprintf("%.0f", f)
	case math.Abs(f) >= 10:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}
