package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// RunbookFigures are of runbooks of more and more plans.
type RunbookFigures struct {
	PlatformMs float64       `json:"platformMs"` // from a plan's trigger to its callback
	Sequential []RunbookCost `json:"sequential"` // one step after another
	ForEach    []RunbookCost `json:"forEach"`    // one step, its items side by side
	Restart    Replay        `json:"restart"`
}

// RunbookCost is what one runbook cost.
type RunbookCost struct {
	Plans   int     `json:"plans"`
	Events  int64   `json:"events"`
	Actions int     `json:"actions,omitempty"` // that Temporal Cloud would bill
	Seconds float64 `json:"seconds"`
}

// Replay is the restart of the worker in the middle of a runbook.
type Replay struct {
	Steps   int     `json:"steps"`
	Done    int     `json:"done"`
	Events  int64   `json:"events"`      // that there were to replay
	Seconds float64 `json:"seconds"`     // from the worker's start until the run answers a query
	Next    float64 `json:"nextSeconds"` // from the callback that ends the step under way to the next trigger
}

const heldID = "held" // a plan that ends only when it is told to

func measureRunbook(ctx context.Context, size sizes, report *Report) (err error) {
	s, err := openStage(ctx, catalogue(plan(planID, size.after), plan(heldID, -1)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	rpcs := &counter{}
	d, err := s.openOurs(ctx, "ours", rpcs)
	if err != nil {
		return err
	}
	w, err := d.startWorker()
	if err != nil {
		return err
	}
	defer w.Stop()
	figures := &RunbookFigures{PlatformMs: milliseconds(size.after)}
	report.Runbook = figures
	if _, err := d.runbook(ctx, rpcs, "warm-up", sequence(2, 0), 2); err != nil {
		return err
	}
	for _, steps := range size.steps {
		cost, err := d.runbook(ctx, rpcs, fmt.Sprintf("sequential-%d", steps), sequence(steps, 0), steps)
		if err != nil {
			return err
		}
		figures.Sequential = append(figures.Sequential, cost)
		if cost, err = d.runbook(ctx, rpcs, fmt.Sprintf("each-%d", steps), sideBySide(steps), steps); err != nil {
			return err
		}
		figures.ForEach = append(figures.ForEach, cost)
	}
	figures.Restart, err = s.restart(ctx, d, w, size.steps[len(size.steps)-1])
	say("runbook: a restart after %d of %d steps: %.2f s to replay %d events", figures.Restart.Done, figures.Restart.Steps, figures.Restart.Seconds, figures.Restart.Events)
	return err
}

// sequence is a runbook of so many plans, one after another, of which one may be held.
func sequence(steps, held int) *runbook.Document {
	document := runbook.New("sequence")
	for i := range steps {
		id := planID
		if held > 0 && i == held-1 {
			id = heldID
		}
		document.Steps = append(document.Steps, runbook.Plan(fmt.Sprintf("s%d", i+1), id, runbook.With(input("h"))))
	}
	return document
}

// sideBySide is a runbook of one plan, run for each of so many hosts.
func sideBySide(items int) *runbook.Document {
	hosts := make([]any, items)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("host%d", i+1)
	}
	return runbook.New("side-by-side", runbook.Vars{"hosts": hosts},
		runbook.Plan("each", planID, runbook.Each("vars.hosts"), runbook.With(input("${{ item }}"))))
}

func input(value string) runbook.Params {
	return runbook.Params{modelID: runbook.Inputs(runbook.Params{inputName: runbook.Text(value)})}
}

func (d *dpaflow) startRunbook(ctx context.Context, id string, document *runbook.Document) (client.WorkflowRun, error) {
	return d.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: d.config.TaskQueue}, "Runbook",
		workflows.RunbookInput{Document: *document})
}

// runbook runs a runbook to its end.
func (d *dpaflow) runbook(ctx context.Context, rpcs *counter, id string, document *runbook.Document, plans int) (RunbookCost, error) {
	before, begun := rpcs.counts(), time.Now()
	run, err := d.startRunbook(ctx, id, document)
	if err != nil {
		return RunbookCost{}, err
	}
	if err := run.Get(ctx, nil); err != nil {
		return RunbookCost{}, err
	}
	took := time.Since(begun)
	actions := since(before, rpcs.counts())[heartbeats]
	events, err := history(ctx, d.temporal, run)
	actions += billed(events)
	say("runbook %s: %d events, %d billed actions, %.1f s", id, len(events), actions, took.Seconds())
	return RunbookCost{Plans: plans, Events: int64(len(events)), Actions: actions, Seconds: took.Seconds()}, err
}

func (d *dpaflow) events(ctx context.Context, run client.WorkflowRun) (int64, error) {
	description, err := d.temporal.DescribeWorkflow(ctx, run.GetID(), run.GetRunID())
	if err != nil {
		return 0, fmt.Errorf("describe %s: %w", run.GetID(), err)
	}
	return int64(description.HistoryLength), nil
}

// settled waits until a run has nothing to do but to wait: a task that a worker takes with it when it stops is
// given to another one only after a time-out.
func (d *dpaflow) settled(ctx context.Context, run client.WorkflowRun) error {
	for {
		description, err := d.temporal.DescribeWorkflow(ctx, run.GetID(), run.GetRunID())
		if err != nil {
			return fmt.Errorf("describe %s: %w", run.GetID(), err)
		}
		if len(description.RawResponse.GetPendingActivities()) == 0 && description.RawResponse.GetPendingWorkflowTask() == nil {
			return nil
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// restart stops the worker in the middle of a runbook and starts another one, which remembers nothing.
func (s *stage) restart(ctx context.Context, d *dpaflow, first worker.Worker, steps int) (replay Replay, err error) {
	replay.Steps, replay.Done = steps, steps/2-1
	before := len(s.sim.Executions())
	run, err := d.startRunbook(ctx, "restarted", sequence(steps, steps/2))
	if err != nil {
		return replay, err
	}
	executions, err := s.sim.WaitExecutions(ctx, before+steps/2)
	if err != nil {
		return replay, err
	}
	if err := d.settled(ctx, run); err != nil {
		return replay, err
	}
	first.Stop()
	worker.PurgeStickyWorkflowCache()
	if replay.Events, err = d.events(ctx, run); err != nil {
		return replay, err
	}

	begun := time.Now()
	second, err := d.startWorker()
	if err != nil {
		return replay, err
	}
	defer second.Stop()
	if _, err := d.temporal.QueryWorkflow(ctx, run.GetID(), run.GetRunID(), "status"); err != nil {
		return replay, fmt.Errorf("ask %s for its status: %w", run.GetID(), err)
	}
	replay.Seconds = time.Since(begun).Seconds()
	begun = time.Now()
	if err := s.sim.Callback(ctx, executions[len(executions)-1].InstanceID, "SUCCESS"); err != nil {
		return replay, err
	}
	if _, err := s.sim.WaitExecutions(ctx, len(executions)+1); err != nil {
		return replay, err
	}
	replay.Next = time.Since(begun).Seconds()
	return replay, d.temporal.TerminateWorkflow(ctx, run.GetID(), run.GetRunID(), "the benchmark has seen enough")
}
