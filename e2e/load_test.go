package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// load is a mix of plans, models and runbooks. Every execution that they ask for has a HOST of its own.
type load struct {
	*stack
	*rand.Rand
	models  []platformtest.Model
	jobs    []loaded
	started atomic.Int64 // as many as there are jobs
}

// loaded is one run of a load.
type loaded struct {
	client.WorkflowRun
	hosts []string // one for every execution
}

// catalogueOfLoad has a quick plan, which ends by itself, two that go as they are told, and models.
func catalogueOfLoad(n int, slow, long, model []platformtest.Step) platformtest.Catalogue {
	c := silentPlans("quick", "slow", "long")
	for i, steps := range [][]platformtest.Step{{success(200 * time.Millisecond)}, slow, long} {
		c.Plans[i].Script.Steps, c.Plans[i].Script.NoCallbacks = steps, false
	}
	c.Models = models(n, model...).Models
	return c
}

// start starts the next run, of a kind by chance.
func (l *load) start(ctx context.Context) error {
	n := len(l.jobs)
	id := fmt.Sprintf("%s-%d", l.queue, n)
	plan := []string{"slow", "long"}[l.IntN(2)]
	var workflow string
	var input any
	hosts := []string{id}
	switch l.IntN(5) {
	case 0:
		workflow, input = "RunModel", workflows.ModelInput{ModelID: l.models[n%len(l.models)].ID, Params: host(id)}
	case 1:
		document, err := runbook.Parse(fmt.Appendf(nil, `
name: loaded
vars: {host: %s}
steps:
  - {id: first, plan: %s, params: {md1: {HOST: "${{ vars.host }}-1"}}}
  - {id: both, plan: quick, forEach: "['2', '3']", params: {md1: {HOST: "${{ vars.host }}-${{ item }}"}}}
  - {id: last, plan: quick, params: {md1: {HOST: "${{ vars.host }}-4"}}}
`, id, plan))
		if err != nil {
			return err
		}
		workflow, input = "Runbook", workflows.RunbookInput{Document: *document}
		hosts = []string{id + "-1", id + "-2", id + "-3", id + "-4"}
	default:
		workflow, input = "RunPlan", workflows.PlanInput{PlanID: plan, Params: hostOf(id)}
	}
	run, err := l.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: l.queue}, workflow, input)
	l.jobs = append(l.jobs, loaded{run, hosts})
	l.started.Add(1)
	return err
}

// during keeps starting runs while something is done.
func (l *load) during(do func()) {
	l.t.Helper()
	ctx, stop := context.WithCancel(l.t.Context())
	defer stop()
	var group errgroup.Group
	group.Go(func() error {
		for ctx.Err() == nil {
			if err := l.start(l.t.Context()); err != nil {
				return err
			}
			pause(ctx, time.Duration(200+l.IntN(300))*time.Millisecond/time.Duration(sized(5)))
		}
		return nil
	})
	do()
	stop()
	require.NoError(l.t, group.Wait())
}

// more waits until so many more runs have been started.
func (l *load) more(n int) {
	l.t.Helper()
	enough := l.started.Load() + int64(n)
	require.Eventually(l.t, func() bool { return l.started.Load() >= enough }, patience, 10*time.Millisecond)
}

// ended is what the results of all kinds of runs have in common.
type ended struct {
	Status, ObservedBy string
	Steps, Items       []ended
}

// check compares what a run gave with what every run of a load must give.
func (l *load) check(j loaded, result ended) error {
	parts := append(result.Steps, result.Items...)
	for _, part := range parts {
		if err := l.check(j, part); err != nil {
			return err
		}
	}
	if result.Status != workflows.StatusSuccess || len(parts) == 0 && result.ObservedBy != workflows.ObservedByCallback {
		return fmt.Errorf("%s ended as %+v; wanted %s by callback", j.GetID(), result, workflows.StatusSuccess)
	}
	return nil
}

// executed counts the executions by their HOST.
func (l *load) executed() map[string]int {
	executed := map[string]int{}
	for _, execution := range l.sim.Executions() {
		for _, params := range execution.Params {
			executed[params["HOST"]]++
		}
	}
	return executed
}

// requireOnce requires that everything the load asked for was executed, once, and nothing else.
func (l *load) requireOnce(t *testing.T) {
	t.Helper()
	wanted := map[string]int{}
	for _, j := range l.jobs {
		for _, host := range j.hosts {
			wanted[host] = 1
		}
	}
	require.Equal(t, wanted, l.executed())
}
