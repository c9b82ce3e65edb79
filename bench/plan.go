package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/program"
)

// PlanFigures compare RunPlan, with everything that it does for safety, with the bare workflow.
type PlanFigures struct {
	Loads []Comparison `json:"loads"`
	Ours  RunCost      `json:"ours"`
	Bare  RunCost      `json:"bare"`
	// Tokens are how many dpaflow fetched in all these runs.
	Tokens int `json:"tokens"`
}

// RunCost is what one run costs, of runs that are run one at a time.
type RunCost struct {
	Events     float64            `json:"events"`
	Actions    float64            `json:"actions,omitempty"` // that Temporal Cloud would bill
	EventTypes []string           `json:"eventTypes"`        // of the last run
	RPCs       map[string]float64 `json:"rpcs"`              // by method
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
		compared, err := compare(ctx, size.rounds, load, ours.batch, bare.batch)
		if err != nil {
			return err
		}
		compared.say("RunPlan against bare")
		figures.Loads = append(figures.Loads, compared)
	}
	// Slow enough for the run to be waiting when the callback comes, as it does in real life.
	s.sim.SetScript(planID, plan(planID, 500*time.Millisecond).Script)
	if figures.Ours, err = s.cost(ctx, ours, size.counted); err != nil {
		return err
	}
	figures.Tokens = s.sim.Tokens()/s.copies - 1 // of one worker; the bare side has one, too
	figures.Bare, err = s.cost(ctx, bare, size.counted)
	return err
}

func (s *stage) sides(ctx context.Context) (ours, bare *side, err error) {
	ours, bare = &side{name: "ours"}, &side{name: "bare"}
	for range s.copies {
		d, err := s.openOurs(ctx, "ours", &ours.rpcs)
		if err != nil {
			return nil, nil, err
		}
		w, err := d.startWorker()
		if err != nil {
			return nil, nil, err
		}
		s.onClose(func() error { w.Stop(); return nil })
		b, err := s.openBare(ctx, &bare.rpcs, program.WorkerOptions(d.config))
		if err != nil {
			return nil, nil, err
		}
		ours.start, bare.start = d.start, b.start
	}
	for _, side := range []*side{ours, bare} {
		if side.load, err = s.dial(ctx, side.rpcs.dial()); err != nil {
			return nil, nil, err
		}
	}
	return ours, bare, nil
}

// batch runs so many plans, some at a time, and returns how long each and all of them took.
func (d *side) batch(ctx context.Context, load load, round int) (took []time.Duration, all time.Duration, err error) {
	return load.do(ctx, func(ctx context.Context, i int) error {
		run, err := d.start(ctx, d.load, fmt.Sprintf("%s-%d-%d-%d", d.name, load.inFlight, round, i))
		if err != nil {
			return err
		}
		return run.Get(ctx, nil)
	})
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
	cost.Actions = cost.RPCs[heartbeats]
	for endpoint, n := range s.platformCalls(calls) {
		cost.Calls[endpoint] = float64(n) / float64(runs)
	}
	for _, run := range started {
		events, err := history(ctx, d.load, run)
		if err != nil {
			return cost, err
		}
		cost.EventTypes = nil
		for _, event := range events {
			cost.EventTypes = append(cost.EventTypes, event.GetEventType().String())
		}
		cost.Events += float64(len(events)) / float64(runs)
		cost.Actions += float64(billed(events)) / float64(runs)
	}
	return cost, nil
}
