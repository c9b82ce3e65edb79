package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// patience bounds what a test waits for.
const patience = wait.Limit

// state asks a run where it stands.
func (s *stack) state(run client.WorkflowRun) (status workflows.Status) {
	s.query(run, &status)
	return status
}

// query asks a run for its status, again while nobody can answer: its worker may just be replaced, or have much to do.
func (s *stack) query(run client.WorkflowRun, status any) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); pause(s.t.Context(), 100*time.Millisecond) {
		answer, err := s.QueryWorkflow(s.t.Context(), run.GetID(), run.GetRunID(), "status")
		if err == nil && answer.Get(status) == nil {
			return
		}
	}
}

// await waits for a run's result.
func (s *stack) await(run client.WorkflowRun, result any) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	err := run.Get(ctx, result)
	if ended := new(temporal.WorkflowExecutionError); err == nil || errors.As(err, &ended) {
		return err
	}
	return fmt.Errorf("%s has not ended (%w): %s", run.GetID(), err, toJSON(s.t, s.state(run)))
}

// reaches waits until a run is in a phase.
func (s *stack) reaches(run client.WorkflowRun, phase workflows.Phase) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.state(run).Phase == phase }, patience, 200*time.Millisecond, "%s", phase)
}

// resolve sends an operator's update.
func (s *stack) resolve(run client.WorkflowRun, argument workflows.ResolveTrigger) {
	s.t.Helper()
	handle, err := s.UpdateWorkflow(s.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), UpdateName: "resolveTrigger", Args: []any{argument},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(s.t, err)
	require.NoError(s.t, handle.Get(wait.Context(s.t), nil))
}

// underWay waits until the platform has got a call that it has not answered yet.
func (s *stack) underWay(endpoint string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		for _, request := range s.sim.Requests() {
			if request.Endpoint == endpoint && request.Status == 0 {
				return true
			}
		}
		return false
	}, patience, 5*time.Millisecond, "a call of %s under way", endpoint)
}

// killWorker ends the worker as a power cut would, and starts the next one.
func (s *stack) killWorker() {
	s.t.Helper()
	require.NoError(s.t, s.worker.Kill())
	s.worker = s.start("worker")
}

func TestAWorkerKilledBeforeTheIntentLeavesATriggerThatIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	s.sim.Inject(platformtest.Fault{Endpoint: "P3", Times: 1, Kind: platformtest.FaultHang, Delay: time.Minute})
	run := s.run(s.queue, input("web1"))
	s.underWay("P3")
	s.killWorker()
	require.NoError(t, s.await(run, nil))
	require.Len(t, s.sim.Executions(), 1)
	require.Equal(t, 1, s.calls()["P5"])
}

func TestAWorkerKilledWhileItsTriggerConnectsLeavesATriggerThatIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	front := newFront(t, s.sim)
	s.env = append(s.env, "DPA_BASE_URL="+front.URL, "DPA_CA_FILE="+front.ca)
	s.killWorker() // the next one talks to the platform through the front

	require.NoError(t, s.await(s.run(s.queue+"-first", input("web0")), nil))

	front.refuse.Store(true)
	run := s.run(s.queue, input("web1"))
	select {
	case <-front.stalled:
	case <-time.After(patience):
		require.Fail(t, "the trigger's connection never came")
	}
	front.refuse.Store(false)
	s.killWorker()
	require.NoError(t, s.await(run, nil))
	require.Equal(t, 1, s.executions("web1"))
	require.Equal(t, 2, s.calls()["P5"])
}

func TestAWorkerKilledWithARequestThatNeverRunsLeavesAnUnknownThatAnOperatorSettles(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)), briefly)
	s.hold(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultStatus})
	run := s.run(s.queue, input("web1"))
	s.underWay("P5")
	s.killWorker()
	s.reaches(run, workflows.PhaseUnknown)
	require.Empty(t, s.sim.Executions(), "what is not known is not guessed")
	require.Equal(t, 1, s.calls()["P5"])

	require.NoError(t, s.retrigger(run))
	require.NoError(t, s.await(run, nil))
	require.Equal(t, 1, s.executions("web1"))
	status := s.state(run)
	require.Equal(t, "zhang", status.Actions[0].By)
}

func TestAWorkerKilledAfterTheBytesLeftIsSettledByTheCallback(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)))
	arrives := s.hold(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultDelay})
	run := s.run(s.queue, input("web1"))
	s.underWay("P5")
	s.killWorker()
	arrives()
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Len(t, s.sim.Executions(), 1)
	require.Equal(t, s.sim.Executions()[0].InstanceID, result.InstanceID)
}

func TestAWorkerKilledAfterTheAnswerBeforeItIsStoredIsSettledByTheCallback(t *testing.T) {
	t.Parallel()
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{Database: t.TempDir() + "/temporal.db"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = temporal.Kill() })
	s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue()})
	answers := s.hold(platformtest.Fault{Endpoint: "P5", Times: 1, AfterExecution: true, Kind: platformtest.FaultDelay})
	run := s.run(s.queue, input("web1"))
	s.underWay("P5")
	require.NoError(t, temporal.Kill(), "so that nothing can be stored")
	answers()
	require.Eventually(t, func() bool {
		requests := s.sim.Requests()
		return requests[len(requests)-1].Status == http.StatusOK
	}, patience, 5*time.Millisecond)
	require.NoError(t, s.worker.Kill())
	require.NoError(t, temporal.Restart(t.Context()))
	s.worker = s.start("worker")
	require.Eventually(t, func() bool { // until the bridge is connected again
		return s.sim.Callback(t.Context(), s.instance("web1"), platformtest.Success) == nil
	}, patience, 200*time.Millisecond)
	require.NoError(t, s.await(run, nil))
	require.Len(t, s.sim.Executions(), 1)
}

func TestWorkersKilledAtRandomNeverRunAPlanTwiceNorLoseARun(t *testing.T) {
	t.Parallel()
	rng := random(t)
	s := newStack(t, catalogue(success(300*time.Millisecond)), briefly)
	// Every trigger is slow, half of the time before and half after its execution, so that kills hit it.
	s.sim.Inject(platformtest.Fault{Endpoint: "P5", Kind: platformtest.FaultDelay, Delay: 150 * time.Millisecond, AfterExecution: rng.IntN(2) == 0})
	runs := make([]client.WorkflowRun, sized(500))
	ctx, stop := context.WithCancel(t.Context())
	var group errgroup.Group
	group.Go(func() error {
		defer stop()
		for i := range runs {
			runs[i] = s.run(fmt.Sprintf("%s-%d", s.queue, i), input(fmt.Sprintf("host-%d", i)))
			pause(t.Context(), 50*time.Millisecond)
		}
		return nil
	})
	kills := 0
	for ctx.Err() == nil || kills < 3 {
		pause(t.Context(), time.Duration(200+rng.IntN(1500))*time.Millisecond)
		s.killWorker()
		kills++
	}
	require.NoError(t, group.Wait())

	unknown := 0
	for i, run := range runs {
		settled := make(chan error, 1)
		go func() { settled <- s.await(run, nil) }()
		for open := true; open; {
			select {
			case err := <-settled:
				require.NoError(t, err)
				open = false
			case <-time.After(time.Second):
				// No callback will come for what the platform never executed: an operator looks there, and decides.
				if s.state(run).Phase == workflows.PhaseUnknown && s.executions(fmt.Sprintf("host-%d", i)) == 0 {
					taken, err := s.tryRetrigger(run, "")
					require.True(t, err == nil || s.state(run).Phase != workflows.PhaseUnknown, "%v", err) // else a callback was first
					if taken {
						unknown++
					}
				}
			}
		}
	}
	for i := range runs {
		require.Equal(t, 1, s.executions(fmt.Sprintf("host-%d", i)), "run %d", i)
	}
	t.Logf("%d runs, %d kills, %d settled by an operator", len(runs), kills, unknown)
}

// executions counts how often the platform executed the plan for a host.
func (s *stack) executions(host string) (n int) {
	for _, execution := range s.sim.Executions() {
		if execution.Params["md1"]["HOST"] == host {
			n++
		}
	}
	return n
}

// callsBack has the platform tell how an instance is.
func (s *stack) callsBack(instance, status string) {
	s.t.Helper()
	require.NoError(s.t, s.untilTaken(instance, status))
}

// untilTaken is callsBack for any goroutine. What is not answered in time is told again, as platforms do.
func (s *stack) untilTaken(instance, status string) error {
	for deadline := time.Now().Add(patience); ; pause(s.t.Context(), 200*time.Millisecond) {
		err := s.sim.Callback(s.t.Context(), instance, status)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// pause spaces load out; nothing depends on how long it really takes.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
