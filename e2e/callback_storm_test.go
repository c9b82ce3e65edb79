package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

// The plans of the storm.
const (
	plain = "plain" // its run ends soon after its first end
	held  = "held"  // its outputs cannot be read before the storm is over, so that its run takes in everything
	early = "early" // it calls back RUNNING and SUCCESS before its trigger is answered
)

// stormRun is a run, and the callbacks that are made for it.
type stormRun struct {
	client.WorkflowRun
	plan, id string
	instance string
	target   signals.Target
	end      string // the first end that is delivered
	// The second stage begins when all callbacks of the first one are answered, so that it is known which end comes first.
	stages [2][]callback
}

func TestCallbackStormEndsEveryRunOnceAndRight(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	rng := random(t)
	catalogue := silentPlans(plain, held, early)
	catalogue.Plans[2].Script.Steps = []platformtest.Step{{Status: platformtest.Running}, success(0)}
	catalogue.Plans[2].Script.NoCallbacks = false
	s := newStack(t, catalogue)
	s.sim.InjectCallback(platformtest.CallbackFault{PlanID: early, Kind: platformtest.CallbackBeforeAnswer})
	s.sim.Inject(platformtest.Fault{Endpoint: "P6", PlanID: held, Kind: platformtest.FaultStatus, Status: http.StatusServiceUnavailable})
	bridges := []bridge{{s.bridge, s.environment("DPA_CALLBACK_URL")}, s.secondBridge()}

	runs := make([]*stormRun, max(3, sized(10000)/callbacksOfRun))
	for i := range runs {
		runs[i] = &stormRun{plan: []string{plain, held, early}[i%3], id: fmt.Sprintf("%s-%d", s.queue, i)}
	}
	each(t, runs, func(r *stormRun) (err error) {
		r.WorkflowRun, err = s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: r.id, TaskQueue: s.queue}, "RunPlan",
			workflows.PlanInput{PlanID: r.plan, Params: hostOf(r.id)})
		return err
	})
	executions, err := s.sim.WaitExecutions(wait.Context(t), len(runs))
	require.NoError(t, err)
	byHost := map[string]platformtest.Execution{}
	for _, execution := range executions {
		byHost[execution.Params["md1"]["HOST"]] = execution
	}
	ring, err := keys.Parse("k1:" + s.key)
	require.NoError(t, err)
	forger := forger{rng, ring, bridges}
	made := map[trick]int{}
	for _, r := range runs {
		execution := byHost[r.id]
		r.instance, r.end = execution.InstanceID, platformtest.Success
		if r.plan == early {
			_, err := s.sim.WaitDelivered(wait.Context(t), r.instance)
			require.NoError(t, err)
		} else if rng.IntN(2) == 0 {
			r.end = platformtest.Fail
		}
		forger.callbacks(t, r, execution.CallbackURL)
		for _, c := range slices.Concat(r.stages[0], r.stages[1]) {
			made[c.trick]++
		}
	}

	poster := newPoster(t)
	storming := time.Now()
	each(t, runs, func(r *stormRun) error {
		for _, stage := range r.stages {
			var group errgroup.Group
			group.SetLimit(4)
			for _, c := range stage {
				group.Go(func() error { return poster.send(t.Context(), c) })
			}
			if err := group.Wait(); err != nil {
				return err
			}
		}
		return nil
	})
	took := time.Since(storming)
	s.sim.ClearFaults()
	each(t, runs, func(r *stormRun) error { return s.checkStormed(r) })
	require.Len(t, s.sim.Executions(), len(runs))

	events := 0
	for _, r := range runs {
		events += s.checkSignals(r)
	}
	total := callbacksOfRun*len(runs) + 2*s.count(runs, early) + int(poster.repeated.Load())
	require.Eventually(t, func() bool { return s.callbacks(bridges, "") == total }, patience, 50*time.Millisecond)
	require.Equal(t, made[forged], s.callbacks(bridges, `result="forged"`))
	stored := s.callbacks(bridges, `result="stored"`)
	require.Equal(t, stored, events, "what was stored is in the histories")
	require.GreaterOrEqual(t, s.counter(s.worker, "dpaflow_contradictions", `kind="plan"`), s.count(runs, held))
	t.Logf("%d callbacks for %d runs in %s (all in %s): %v; %d in memory of a bridge, %d after the run's end, %d stored as %d signals",
		total, len(runs), took.Round(time.Millisecond), time.Since(begun).Round(time.Second), made,
		s.callbacks(bridges, `result="repeat"`), s.callbacks(bridges, `result="ended"`), stored, events)
}

// checkStormed compares a run's end with the first end that it was told.
func (s *stack) checkStormed(r *stormRun) error {
	var result workflows.PlanResult
	err := s.await(r, &result)
	if failed := new(temporal.ApplicationError); errors.As(err, &failed) && failed.Type() == activities.ErrorPlanFailed {
		err = failed.Details(&result)
	}
	contradictions := 0
	for _, note := range result.Notes {
		if strings.Contains(note.Text, "the first end stands") {
			contradictions++
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", r.id, err)
	case result.Status != r.end || result.InstanceID != r.instance || result.ObservedBy != workflows.ObservedByCallback:
		return fmt.Errorf("%s ended as %+v; wanted %s of %s", r.id, result, r.end, r.instance)
	case len(result.Outputs) != 1 || result.Outputs[0].Nodes[0].Result != r.id:
		return fmt.Errorf("%s has the outputs of another run: %+v", r.id, result.Outputs)
	case contradictions > 1 || r.plan == held && contradictions != 1:
		return fmt.Errorf("%s noted %d contradictions: %+v", r.id, contradictions, result.Notes)
	}
	return nil
}

// checkSignals finds in a run's history no signal but its own callbacks, and returns how many there are.
func (s *stack) checkSignals(r *stormRun) int {
	var heard []string
	ends, triggered, signalled := 0, -1, 0
	for i, event := range s.history(r) {
		switch event.EventType {
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			require.Equal(s.t, signals.SignalName(r.target.Key), event.GetWorkflowExecutionSignaledEventAttributes().SignalName)
			news := decodeNews(s.t, event)
			require.Equal(s.t, r.instance, news.InstanceID)
			signalled++
			if !slices.Contains(heard, news.Status) { // behind two bridges the same may arrive twice; the run takes it once
				heard = append(heard, news.Status)
			}
		case enums.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			if triggered < 0 {
				triggered = i
				require.True(s.t, r.plan != early || len(heard) == 2, "%s: %v before the trigger's answer", r.id, heard)
			}
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
			ends++
		}
	}
	require.Equal(s.t, 1, ends)
	for _, status := range heard {
		require.Contains(s.t, genuine(r.end), status, "%s", r.id)
	}
	for _, status := range heard {
		if status == platformtest.Success || status == platformtest.Fail {
			require.Equal(s.t, r.end, status, "the first end of %s", r.id)
			break
		}
	}
	return signalled
}

func decodeNews(t *testing.T, event *historypb.HistoryEvent) (news signals.Callback) {
	t.Helper()
	input := event.GetWorkflowExecutionSignaledEventAttributes().Input
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(input, &news))
	return news
}

// bridge is a bridge and its address.
type bridge struct {
	*devstack.Program
	url string
}

func (s *stack) secondBridge() bridge {
	address, err := devstack.FreeAddress()
	require.NoError(s.t, err)
	s.env = append(s.env, "DPA_BRIDGE_ADDR="+address)
	return bridge{s.start("signals/bridge"), "http://" + address}
}

// environment is the value of a variable of the programs.
func (s *stack) environment(name string) (value string) {
	for _, entry := range s.env {
		if v, found := strings.CutPrefix(entry, name+"="); found {
			value = v
		}
	}
	return value
}

// callbacks counts what bridges were sent, with a label such as `result="forged"`.
func (s *stack) callbacks(bridges []bridge, label string) (sum int) {
	for _, b := range bridges {
		sum += s.counter(b.Program, "dpaflow_callbacks", label)
	}
	return sum
}

func (s *stack) count(runs []*stormRun, plan string) (n int) {
	for _, r := range runs {
		if r.plan == plan {
			n++
		}
	}
	return n
}
