package e2e

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// chaos is many runs at once to which everything happens that can happen to a run. The platform's own record of
// executions is the judge.
type chaos struct {
	*stack
	rng     *rand.Rand // of the one goroutine that decides what happens
	models  []platformtest.Model
	runs    []*chaosRun
	workers []*devstack.Program
	calls   errgroup.Group // that are under way

	mu       sync.Mutex
	open     []*chaosRun
	doubtful []*chaosRun
	answered map[string]int // calls that the server has answered, by kind
	taken    map[string]int // those that it has taken
}

// chaosRun is a plan's or a model's run, or a timed scene. Its id is the HOST of its executions.
type chaosRun struct {
	id, workflow string
}

// What a chaos of full size has. Each kind of call is made so often.
const (
	chaosRuns        = 3000
	chaosCalls       = 1000
	chaosWorkerKills = 100
	chaosServerKills = 20
	// chaosOpen is how many runs are open at once.
	chaosOpen = 300
	// sceneRuns is how often the platform executes a scene's plan.
	sceneRuns = 4
)

func TestChaosLeavesNoRunWithoutItsEndAndExecutesNothingTwice(t *testing.T) {
	t.Parallel()
	begun, rng := time.Now(), random(t)
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{Database: t.TempDir() + "/temporal.db", SearchAttributes: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = temporal.Kill() })
	c := &chaos{rng: rng, answered: map[string]int{}, taken: map[string]int{}}
	c.calls.SetLimit(16)
	c.stack = newStackOn(t, temporal, platformtest.Options{
		Catalogue: c.catalogue(), SceneInterval: 500 * time.Millisecond, SceneExecutions: sceneRuns,
	}, executePath, "DPA_HTTP_TIMEOUT=5s", "DPA_SPOOL_DIR="+t.TempDir(), "DPA_LOG_LEVEL=warn")
	c.workers = []*devstack.Program{c.worker, c.start("worker")}

	runs, calls := max(40, sized(chaosRuns)), max(10, sized(chaosCalls))
	kills, outages := max(4, sized(chaosWorkerKills)), max(1, sized(chaosServerKills))
	watching, stop := context.WithCancel(t.Context())
	var watcher errgroup.Group
	watcher.Go(func() error { c.watch(watching); return nil })
	for i := range runs {
		c.startRun(i)
		if due(i, runs, kills) {
			c.killOneWorker()
		}
		if due(i, runs, outages) {
			c.killServer()
		}
		for _, kind := range slices.Sorted(maps.Keys(c.kinds())) {
			if due(i, runs, calls) {
				c.call(kind, c.oneFor(kind))
			}
		}
		c.endOne()
	}
	for more := true; more; { // of calls that nobody has answered
		require.NoError(t, c.calls.Wait())
		more = false
		for kind := range c.kinds() {
			if c.count(kind) < calls {
				more = true
				c.call(kind, c.oneFor(kind))
			}
		}
	}
	stop()
	require.NoError(t, watcher.Wait())
	t.Logf("%d runs, calls %v, of which %v were taken, %d kills of workers, %d of the server, in %s",
		runs, c.answered, c.taken, kills, outages, time.Since(begun).Round(time.Second))

	c.sim.ClearFaults()
	c.settle()
	t.Logf("settled in %s", time.Since(begun).Round(time.Second))
	c.judge()
	t.Logf("judged in %s", time.Since(begun).Round(time.Second))
}

// due tells whether one of n things that are spread over so many steps comes with step i; of more than one to a step
// it is due once.
func due(i, steps, n int) bool { return (i+1)*n/steps > i*n/steps }

// catalogue has plans that end by themselves, in one way or another, and one that the test ends.
func (c *chaos) catalogue() platformtest.Catalogue {
	step := func(status string, after time.Duration) platformtest.Step {
		return platformtest.Step{Status: status, Delay: after}
	}
	all := silentPlans("quick", "slow", "fails", "by-hand")
	for i, steps := range [][]platformtest.Step{
		{success(300 * time.Millisecond)},
		{step(platformtest.Running, 200*time.Millisecond), step(platformtest.Pending, time.Second), step(platformtest.Running, time.Second), success(2 * time.Second)},
		{step(platformtest.Fail, time.Second)},
		{step(platformtest.Running, 100*time.Millisecond)},
	} {
		all.Plans[i].Script.Steps, all.Plans[i].Script.NoCallbacks = steps, false
	}
	for i := range 20 + sized(200) {
		end := success(time.Second)
		if i%5 == 0 {
			end.Status = platformtest.Fail
		}
		all.Models = append(all.Models, models(1, end).Models...)
	}
	c.models = all.Models
	return all
}

// startRun starts the next run, of a kind by chance, once there is room for it. Something may go wrong with its
// trigger, or with its callbacks.
func (c *chaos) startRun(i int) {
	c.t.Helper()
	c.unfortunate()
	r := &chaosRun{id: fmt.Sprintf("chaos-%d", i)}
	var in any
	plan := []string{"quick", "slow", "fails", "by-hand", "by-hand"}[c.rng.IntN(5)]
	switch c.rng.IntN(8) {
	case 0, 1:
		r.workflow = "RunModel"
		in = workflows.ModelInput{ModelID: c.models[c.rng.IntN(len(c.models))].ID, Params: host(r.id), Policy: workflows.Policy{PollAfter: runbook.Duration(10 * time.Second)}}
	case 2:
		r.workflow = "TimedPlan"
		in = workflows.TimedInput{
			PlanID: []string{"quick", "slow", "fails"}[c.rng.IntN(3)], SceneName: r.id, ExecuteStrategy: "cycle", Dimension: "seconds",
			Intervals: "1", MaxRuns: sceneRuns, Params: hostOf(r.id),
		}
	default:
		r.workflow = "RunPlan"
		in = workflows.PlanInput{PlanID: plan, Params: hostOf(r.id)}
	}
	require.Eventually(c.t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.open) < chaosOpen
	}, patience, 50*time.Millisecond)
	c.untilAnswered(func(ctx context.Context) error {
		_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: r.id, TaskQueue: c.queue, WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		}, r.workflow, in)
		return err
	})
	c.runs = append(c.runs, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, r)
}

// unfortunate has every third trigger or so go wrong, and the callbacks of every third execution.
func (c *chaos) unfortunate() {
	endpoint := []string{"P5", "P5", "W3", "P4"}[c.rng.IntN(4)]
	after := c.rng.IntN(2) == 0
	faults := []platformtest.Fault{
		{Kind: platformtest.FaultHang, Delay: 10 * time.Second}, {Kind: platformtest.FaultReset}, {Kind: platformtest.FaultStatus, Status: http.StatusBadGateway},
		{Kind: platformtest.FaultDelay, Delay: 2 * time.Second}, {Kind: platformtest.FaultCode, Code: 997}, {Kind: platformtest.FaultEmpty},
	}
	if f := faults[c.rng.IntN(len(faults))]; c.rng.IntN(3) == 0 {
		f.Endpoint, f.Times, f.AfterExecution = endpoint, 1, after
		c.sim.Inject(f)
	}
	callbacks := []platformtest.CallbackFault{
		{Kind: platformtest.CallbackDropEnd}, {Kind: platformtest.CallbackDuplicate, Count: 2}, {Kind: platformtest.CallbackDelay, Delay: 3 * time.Second},
		{Kind: platformtest.CallbackBeforeAnswer}, {Kind: platformtest.CallbackReorder},
	}
	if f := callbacks[c.rng.IntN(len(callbacks))]; c.rng.IntN(3) == 0 {
		f.PlanID, f.Times = []string{"quick", "slow", "fails"}[c.rng.IntN(3)], 1
		c.sim.InjectCallback(f)
	}
}

// watch keeps the list of open runs.
func (c *chaos) watch(ctx context.Context) {
	for ; ctx.Err() == nil; pause(ctx, 500*time.Millisecond) {
		c.mu.Lock()
		known := slices.Clone(c.open)
		c.mu.Unlock()
		found, doubtful := map[string]bool{}, map[string]bool{}
		var page []byte
		for more := true; more; more = len(page) > 0 {
			answer, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "CloseTime IS NULL", NextPageToken: page})
			if err != nil {
				known = nil // the server is down: nothing is known
				break
			}
			for _, info := range answer.GetExecutions() {
				found[info.GetExecution().GetWorkflowId()] = true
				status := string(info.GetSearchAttributes().GetIndexedFields()[workflows.AttributeStatus.GetName()].GetData())
				doubtful[info.GetExecution().GetWorkflowId()] = status == `"UNKNOWN"`
			}
			page = answer.GetNextPageToken()
		}
		closed := map[*chaosRun]bool{}
		for _, r := range known {
			closed[r] = !found[r.id]
		}
		c.mu.Lock()
		c.open = slices.DeleteFunc(c.open, func(r *chaosRun) bool { return closed[r] })
		c.doubtful = slices.DeleteFunc(slices.Clone(c.open), func(r *chaosRun) bool { return !doubtful[r.id] })
		c.mu.Unlock()
	}
}

// oneFor is a run for a kind of call: one in doubt for what settles it, where there is one, else an open run and, now
// and then, one that has ended.
func (c *chaos) oneFor(kind string) *chaosRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	among := c.open
	if kind == "resolveTrigger" && len(c.doubtful) > 0 {
		among = c.doubtful
	}
	if len(among) == 0 || c.rng.IntN(10) == 0 {
		among = c.runs
	}
	return among[c.rng.IntN(len(among))]
}

func (c *chaos) killOneWorker() {
	c.t.Helper()
	i := c.rng.IntN(len(c.workers))
	require.NoError(c.t, c.workers[i].Kill())
	c.workers[i] = c.start("worker")
}

func (c *chaos) killServer() {
	c.t.Helper()
	require.NoError(c.t, c.temporal.Kill())
	pause(c.t.Context(), time.Duration(c.rng.IntN(2000))*time.Millisecond)
	require.NoError(c.t, c.temporal.Restart(c.t.Context()))
}

// endOne ends, as the platform, an execution that does not end by itself. In the same moment its callback comes, mostly,
// and somebody does something to its run.
func (c *chaos) endOne() {
	var running []platformtest.Execution
	for _, e := range c.sim.Executions() {
		if e.PlanID == "by-hand" && e.Scene == "" && e.Status == platformtest.Running && time.Since(e.TriggeredAt) > time.Second {
			running = append(running, e)
		}
	}
	if len(running) == 0 {
		return
	}
	e := running[c.rng.IntN(len(running))]
	c.end(e, c.rng.IntN(4) == 0)
	kinds := slices.Sorted(maps.Keys(c.kinds()))
	kind := kinds[c.rng.IntN(len(kinds))]
	if c.rng.IntN(2) == 0 {
		kind = "resolveRun"
	}
	if c.rng.IntN(3) > 0 {
		c.calls.Go(func() error { _ = c.sim.Callback(c.t.Context(), e.InstanceID, c.recorded(e.InstanceID)); return nil })
	}
	i := slices.IndexFunc(c.runs, func(r *chaosRun) bool { return r.id == hostOfExecution(e) })
	c.call(kind, c.runs[i])
}

// end has the platform record that an execution ended.
func (c *chaos) end(e platformtest.Execution, failed bool) {
	status := platformtest.Success
	if failed {
		status = platformtest.Fail
	}
	c.sim.Move(e.InstanceID, status)
}
