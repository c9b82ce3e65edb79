package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// WaitingFigures are of a worker whose runs all wait for their callbacks.
type WaitingFigures struct {
	Runs []Waiting `json:"runs"`
}

// Waiting is what so many waiting runs cost.
type Waiting struct {
	Open            int     `json:"open"`
	StartsPerSecond float64 `json:"startsPerSecond"` // each until it is triggered and waits
	// Tenths are the seconds that it took until each tenth of them was started, from the first on; of many only.
	Tenths  []float64 `json:"tenthsSeconds,omitempty"`
	Idle    Memory    `json:"idle"` // of the same worker without them
	Memory  Memory    `json:"memory"`
	Latency Latency   `json:"callbackToResultMs"`
	Restart Restart   `json:"restart"`
}

// Each is what every run adds to the memory of a worker.
func (w Waiting) Each() Memory {
	n := float64(w.Open)
	return Memory{Heap: (w.Memory.Heap - w.Idle.Heap) / n, Stack: (w.Memory.Stack - w.Idle.Stack) / n, RSS: (w.Memory.RSS - w.Idle.RSS) / n}
}

// HeapAndStacks is what a worker itself uses.
func (w Waiting) HeapAndStacks() float64 { return w.Memory.Heap + w.Memory.Stack }

// EachHeapAndStacks is what every run adds to that.
func (w Waiting) EachHeapAndStacks() float64 { return w.Each().Heap + w.Each().Stack }

// Points are how many were started after how many seconds, tenth by tenth.
func (w Waiting) Points() (points [][2]float64) {
	for i, seconds := range w.Tenths {
		points = append(points, [2]float64{float64(w.Open) * float64(i+1) / 10, seconds})
	}
	return points
}

// Growth is the power of their number that the time to start them grows with; NaN if they are few.
func (w Waiting) Growth() float64 { return fit(w.Points()) }

// Restart is the restart of the worker while runs wait.
type Restart struct {
	Ready     float64 `json:"readySeconds"` // from the start of the process until it says that it is ready
	Callbacks int     `json:"callbacks"`
	Answered  float64 `json:"answeredSeconds"` // from there until so many were called back and had given their results
}

// crowd is a worker process, and the runs that wait in it.
type crowd struct {
	*stage
	env    environment
	queue  string
	client client.Client
	worker *devstack.Program

	mu   sync.Mutex
	runs map[string]client.WorkflowRun // by workflow id, those that wait
}

func measureWaiting(ctx context.Context, size sizes, report *Report) (err error) {
	s, err := openStage(ctx, catalogue(plan(planID, -1)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	c, err := s.dial(ctx)
	if err != nil {
		return err
	}
	figures := &WaitingFigures{}
	report.Waiting = figures
	for _, open := range size.waiting {
		waiting, err := s.wait(ctx, c, open)
		if err != nil {
			return fmt.Errorf("%d runs: %w", open, err)
		}
		each := waiting.Each()
		say("waiting: %d runs: %.0f starts/s, %.1f KB heap, %.1f KB stacks, %.1f KB RSS each, callback to result p50 %.1f ms, restart %.2f s and %.2f s for %d results",
			open, waiting.StartsPerSecond, each.Heap/1024, each.Stack/1024, each.RSS/1024,
			waiting.Latency.P50, waiting.Restart.Ready, waiting.Restart.Answered, waiting.Restart.Callbacks)
		figures.Runs = append(figures.Runs, waiting)
	}
	return nil
}

// wait measures one number of waiting runs, with a worker of its own.
func (s *stage) wait(ctx context.Context, temporal client.Client, open int) (waiting Waiting, err error) {
	c := &crowd{stage: s, queue: fmt.Sprintf("waiting-%d", open), client: temporal, runs: map[string]client.WorkflowRun{}}
	if c.env, err = s.env(c.queue); err != nil {
		return waiting, err
	}
	if err := c.start(ctx); err != nil {
		return waiting, err
	}
	defer func() { err = errors.Join(err, c.worker.Stop()) }()
	if err := c.warmUp(ctx); err != nil {
		return waiting, err
	}
	if waiting.Idle, err = c.memory(ctx); err != nil {
		return waiting, err
	}
	waiting.Open = open
	begun := time.Now()
	if waiting.Tenths, err = c.open(ctx, open); err != nil {
		return waiting, err
	}
	waiting.StartsPerSecond = float64(open) / time.Since(begun).Seconds()
	if waiting.Memory, err = c.memory(ctx); err != nil {
		return waiting, err
	}

	some := c.some(min(open/2, 50))
	took, _, err := load{1, len(some)}.do(ctx, c.callBack(some))
	if err != nil {
		return waiting, err
	}
	waiting.Latency = latency(took)
	waiting.Restart, err = c.restart(ctx, min(open/2, 100))
	return waiting, errors.Join(err, c.terminate(ctx))
}

func (c *crowd) start(ctx context.Context) (err error) {
	c.worker, err = devstack.StartProgram(ctx, devstack.ProgramOptions{
		Program: "worker", Args: []string{"-bridge"}, Env: c.env, Output: io.Discard,
	})
	return err
}

// warmUp lets some runs pass, so that what a worker needs at all is not counted for those that wait.
func (c *crowd) warmUp(ctx context.Context) error {
	if _, err := c.open(ctx, 20); err != nil {
		return err
	}
	all := c.some(20)
	_, _, err := load{4, len(all)}.do(ctx, c.callBack(all))
	return err
}

// open starts runs until so many wait. It keeps ahead of the worker, but not far: nothing shall be measured of how the
// server copes with a backlog. It returns the seconds until each tenth was started, if there are enough.
func (c *crowd) open(ctx context.Context, n int) (tenths []float64, err error) {
	const ahead = 100
	begun, triggered := time.Now(), len(c.sim.Executions())
	for started := 0; started < n; started += ahead {
		some := min(ahead, n-started)
		_, _, err := load{16, some}.do(ctx, func(ctx context.Context, i int) error {
			return c.run(ctx, fmt.Sprintf("%s-%d-%d", c.queue, n, started+i))
		})
		if err != nil {
			return nil, err
		}
		if _, err := c.sim.WaitExecutions(ctx, triggered+started+some/2); err != nil {
			return nil, fmt.Errorf("wait for triggers: %w", err)
		}
		if tenth := n / 10; tenth >= ahead && (started+some)%tenth == 0 {
			tenths = append(tenths, time.Since(begun).Seconds())
		}
	}
	for {
		count, err := c.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Query: fmt.Sprintf("TaskQueue = '%s' AND CloseTime IS NULL AND %s = '%s'",
				c.queue, workflows.AttributeStatus.GetName(), workflows.PhaseWaiting),
		})
		if err != nil {
			return nil, fmt.Errorf("count the runs that wait: %w", err)
		}
		if count.GetCount() >= int64(n) {
			return tenths, nil
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

func (c *crowd) run(ctx context.Context, id string) error {
	run, err := c.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: c.queue}, "RunPlan", workflows.PlanInput{
		PlanID: planID, Params: activities.PlanParams{modelID: {inputName: runbook.Text(id)}},
		Policy: workflows.Policy{PollAfter: runbook.Duration(time.Hour)}, // nobody shall ask meanwhile, however slow the machine
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs[id] = run
	return err
}

// some takes so many runs out of those that wait.
func (c *crowd) some(n int) (some []client.WorkflowRun) {
	for id, run := range c.runs {
		if len(some) == n {
			break
		}
		some = append(some, run)
		delete(c.runs, id)
	}
	return some
}

// callBack returns a function that ends a run's instance and waits for the run's result.
func (c *crowd) callBack(runs []client.WorkflowRun) func(context.Context, int) error {
	instances := map[string]string{} // by workflow id, which is the run's input
	for _, execution := range c.sim.Executions() {
		instances[execution.Params[modelID][inputName]] = execution.InstanceID
	}
	return func(ctx context.Context, i int) error {
		instance := instances[runs[i].GetID()]
		c.sim.Move(instance, platformtest.Success) // which has outputs then
		if err := c.sim.Callback(ctx, instance, platformtest.Success); err != nil {
			return err
		}
		return runs[i].Get(ctx, nil)
	}
}

// restart stops the worker, starts it again and calls some of the runs back.
func (c *crowd) restart(ctx context.Context, callbacks int) (restart Restart, err error) {
	if err := c.worker.Stop(); err != nil {
		return restart, err
	}
	begun := time.Now()
	if err := c.start(ctx); err != nil {
		return restart, err
	}
	restart.Ready, restart.Callbacks = time.Since(begun).Seconds(), callbacks
	some := c.some(callbacks)
	_, all, err := load{16, len(some)}.do(ctx, c.callBack(some))
	restart.Answered = all.Seconds()
	return restart, err
}

// terminate makes room for the next crowd.
func (c *crowd) terminate(ctx context.Context) error {
	rest := c.some(len(c.runs))
	_, _, err := load{16, len(rest)}.do(ctx, func(ctx context.Context, i int) error {
		return c.client.TerminateWorkflow(ctx, rest[i].GetID(), rest[i].GetRunID(), "the benchmark has seen enough")
	})
	return err
}
