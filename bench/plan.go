package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"
)

// PlanFigures compare RunPlan, with everything that it does for safety, with the bare workflow.
type PlanFigures struct {
	Loads []PlanLoad `json:"loads"`
	Ours  RunCost    `json:"ours"`
	Bare  RunCost    `json:"bare"`
}

// PlanLoad is the comparison at one number of runs in flight.
type PlanLoad struct {
	InFlight    int       `json:"inFlight"`
	Runs        int       `json:"runsPerBatch"`
	Ours        LoadSpeed `json:"ours"`
	Bare        LoadSpeed `json:"bare"`
	SpeedRatio  Spread    `json:"speedRatio"` // ours by bare
	P50Ratio    Spread    `json:"p50Ratio"`
	MeasuredFor float64   `json:"seconds"`
}

// LoadSpeed is how fast one side was.
type LoadSpeed struct {
	RunsPerSecond Spread  `json:"runsPerSecond"`
	Latency       Latency `json:"latencyMs"` // from the start's RPC to the result, over all rounds
}

// RunCost is what one run costs, of runs that are run one at a time.
type RunCost struct {
	Events     float64            `json:"events"`
	EventTypes []string           `json:"eventTypes"` // of the last run
	RPCs       map[string]float64 `json:"rpcs"`       // by method
	Calls      map[string]float64 `json:"platformCalls"`
}

// side is one of two that are compared.
type side struct {
	name  string
	rpcs  counter
	start func(ctx context.Context, c client.Client, id string) (client.WorkflowRun, error)
	load  client.Client // of the load, which counts too: a start and a result are an RPC each
}

func measurePlan(ctx context.Context, size sizes, report *Report) (err error) {
	s, err := openStage(ctx, catalogue(plan(planID, size.after)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	ours, bare, err := s.sides(ctx)
	if err != nil {
		return err
	}
	figures := &PlanFigures{}
	report.Plan = figures
	for _, load := range size.loads {
		compared, err := compare(ctx, size.rounds, load, ours, bare)
		if err != nil {
			return err
		}
		figures.Loads = append(figures.Loads, compared)
		say("plan: %d in flight: ours %.1f runs/s, bare %.1f, ratio %.3f (%.3f–%.3f)", load.inFlight,
			compared.Ours.RunsPerSecond.Median, compared.Bare.RunsPerSecond.Median,
			compared.SpeedRatio.Median, compared.SpeedRatio.Min, compared.SpeedRatio.Max)
	}
	// Slow enough for the run to be waiting when the callback comes, as it does in real life.
	s.sim.SetScript(planID, plan(planID, 500*time.Millisecond).Script)
	if figures.Ours, err = s.cost(ctx, ours, size.counted); err != nil {
		return err
	}
	figures.Bare, err = s.cost(ctx, bare, size.counted)
	return err
}

func (s *stage) sides(ctx context.Context) (ours, bare *side, err error) {
	ours, bare = &side{name: "ours"}, &side{name: "bare"}
	d, err := s.openOurs(ctx, "ours", &ours.rpcs)
	if err != nil {
		return nil, nil, err
	}
	b, err := s.openBare(ctx, &bare.rpcs)
	if err != nil {
		return nil, nil, err
	}
	ours.start, bare.start = d.start, b.start
	for _, side := range []*side{ours, bare} {
		if side.load, err = s.dial(ctx, side.rpcs.dial()); err != nil {
			return nil, nil, err
		}
	}
	return ours, bare, nil
}

// compare runs the same load on both sides, batch by batch.
func compare(ctx context.Context, rounds int, load load, ours, bare *side) (PlanLoad, error) {
	begun := time.Now()
	type measured struct {
		speeds, p50s []float64
		took         []time.Duration
	}
	var a, b measured
	measure := func(side *side, m *measured) func(int) error {
		return func(round int) error {
			took, elapsed, err := side.batch(ctx, load, fmt.Sprintf("%s-%d-%d", side.name, load.inFlight, round))
			if err != nil || round == 0 {
				return err
			}
			m.speeds = append(m.speeds, float64(load.runs)/elapsed.Seconds())
			m.p50s = append(m.p50s, milliseconds(quantile(took, .5)))
			m.took = append(m.took, took...)
			return nil
		}
	}
	err := alternate(rounds, measure(ours, &a), measure(bare, &b))
	return PlanLoad{
		InFlight: load.inFlight, Runs: load.runs,
		Ours:        LoadSpeed{spread(a.speeds), latency(a.took)},
		Bare:        LoadSpeed{spread(b.speeds), latency(b.took)},
		SpeedRatio:  ratios(a.speeds, b.speeds),
		P50Ratio:    ratios(a.p50s, b.p50s),
		MeasuredFor: time.Since(begun).Seconds(),
	}, err
}

// batch runs so many plans, some at a time, and returns how long each and all of them took.
func (d *side) batch(ctx context.Context, load load, name string) (took []time.Duration, all time.Duration, err error) {
	took = make([]time.Duration, load.runs)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(load.inFlight)
	begun := time.Now()
	for i := range load.runs {
		group.Go(func() error {
			begun := time.Now()
			run, err := d.start(ctx, d.load, fmt.Sprintf("%s-%d", name, i))
			if err == nil {
				err = run.Get(ctx, nil)
			}
			took[i] = time.Since(begun)
			return err
		})
	}
	err = group.Wait()
	return took, time.Since(begun), err
}

// cost counts what runs cost that are run one after another.
func (s *stage) cost(ctx context.Context, d *side, runs int) (RunCost, error) {
	cost := RunCost{RPCs: map[string]float64{}, Calls: map[string]float64{}}
	var started []client.WorkflowRun
	rpcs, calls := d.rpcs.counts(), len(s.sim.Requests())
	for i := range runs {
		run, err := d.start(ctx, d.load, fmt.Sprintf("%s-cost-%d", d.name, i))
		if err == nil {
			err = run.Get(ctx, nil)
		}
		if err != nil {
			return cost, err
		}
		started = append(started, run)
	}
	for method, n := range since(rpcs, d.rpcs.counts()) {
		cost.RPCs[method] = float64(n) / float64(runs)
	}
	for endpoint, n := range s.platformCalls(calls) {
		cost.Calls[endpoint] = float64(n) / float64(runs)
	}
	for _, run := range started {
		cost.EventTypes = nil
		history := d.load.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			if err != nil {
				return cost, fmt.Errorf("read the history of %s: %w", run.GetID(), err)
			}
			cost.EventTypes = append(cost.EventTypes, event.GetEventType().String())
		}
		cost.Events += float64(len(cost.EventTypes)) / float64(runs)
	}
	return cost, nil
}
