package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// The steps of docs/upgrading.md under a load, and the same with an old worker that dies. Both versions are the same
// code: that the next one makes the same of a history is for the replay test.
func TestAWorkerIsReplacedUnderRunningRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end  func(*devstack.Program) error
		lost int // triggers that the platform has not executed when the old worker dies, and then never will
	}{"stopped": {(*devstack.Program).Stop, 0}, "killed": {(*devstack.Program).Kill, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun, rng := time.Now(), random(t)
			// But for the quick plan, what is triggered runs until the test ends it.
			catalogue := catalogueOfLoad(2*sized(200)+100, nil, nil, nil)
			s := newStack(t, catalogue, executePath, "DPA_DEPLOYMENT_NAME="+t.Name(), "DPA_BUILD_ID=v1", "DPA_HTTP_TIMEOUT=10s")
			s.setCurrent("v1")
			l := &load{stack: s, Rand: rng, models: catalogue.Models}
			for range sized(200) {
				require.NoError(t, l.start(t.Context()))
			}
			_, err := s.sim.WaitExecutions(wait.Context(t), len(l.jobs))
			require.NoError(t, err)
			running := len(l.jobs)
			// From here on triggers are slow, so that some are under way when the old worker goes.
			for range test.lost {
				s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultHang})
			}
			s.sim.Inject(platformtest.Fault{Endpoint: "P5", Kind: platformtest.FaultDelay, Delay: 2 * time.Second, AfterExecution: rng.IntN(2) == 0})

			old := s.worker
			s.env = append(s.env, "DPA_BUILD_ID=v2")
			s.worker = s.start("worker")
			called := map[string]bool{}
			l.during(func() {
				require.Eventually(t, func() bool { return s.unanswered() >= 2 }, patience, 50*time.Millisecond, "triggers under way")
				l.callBack(called, running/3)
				s.setCurrent("v2")
				l.callBack(called, running/3)
				require.NoError(t, test.end(old))
			})

			settled, byVersion := 0, map[string]int{}
			for _, j := range l.jobs {
				var result ended
				settled += l.settle(j, called, &result)
				require.NoError(t, l.check(j, result))
				byVersion[s.versionOf(j)]++
			}
			l.requireOnce(t)
			require.Positive(t, byVersion["v2"])
			require.NotContains(t, s.logs.String(), "TMPRL1100", "a history that the new worker makes something else of")
			require.GreaterOrEqual(t, settled, test.lost)
			doubts := strings.Count(s.logs.String(), "nobody can know")
			if test.lost == 0 {
				require.Zero(t, doubts, "a worker that is stopped leaves none")
			}
			t.Logf("%d runs, %d of them running when the new worker came, %d executions, %d in doubt, %d settled by an operator, ended by version %v, all in %s",
				len(l.jobs), running, len(s.sim.Executions()), doubts, settled, byVersion, time.Since(begun).Round(time.Second))
		})
	}
}

// unanswered counts the triggers of plans that the platform has got and not answered.
func (s *stack) unanswered() (n int) {
	for _, request := range s.sim.Requests() {
		if request.Endpoint == "P5" && request.Took == 0 {
			n++
		}
	}
	return n
}

// callBack ends executions that would run for ever, so many of them at most.
func (l *load) callBack(called map[string]bool, most int) {
	l.t.Helper()
	var due []string
	for _, e := range l.sim.Executions() {
		if e.PlanID != "quick" && !called[e.InstanceID] && len(due) < most {
			due = append(due, e.InstanceID)
			called[e.InstanceID] = true
		}
	}
	each(l.t, due, func(instance string) error { return l.untilTaken(instance, platformtest.Success) })
}

// settle brings a run to its end, as the platform that calls back and as the operator who looks what it executed.
// It returns how often the operator had to act.
func (l *load) settle(j loaded, called map[string]bool, result *ended) (acts int) {
	l.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		l.callBack(called, len(l.jobs))
		ctx, cancel := context.WithTimeout(l.t.Context(), time.Second)
		err := j.Get(ctx, result)
		cancel()
		if over := new(temporal.WorkflowExecutionError); err == nil || errors.As(err, &over) || time.Now().After(deadline) {
			require.NoError(l.t, err, j.GetID())
			return acts
		}
		executed := l.executed()
		for host, step := range l.doubts(j) {
			if executed[host] != 0 {
				continue
			}
			taken, err := l.tryRetrigger(j, step)
			require.NoError(l.t, err)
			if taken {
				acts++
			}
		}
	}
}

// doubts are the hosts of the triggers that a run does not know the outcome of, and their steps.
func (l *load) doubts(j loaded) map[string]string {
	steps := map[string]string{}
	if len(j.hosts) == 1 {
		if l.state(j).Phase == workflows.PhaseUnknown {
			steps[j.hosts[0]] = ""
		}
		return steps
	}
	var parts []workflows.StepResult
	for _, step := range l.book(j).Steps {
		if parts = append(parts, step.Items...); len(step.Items) == 0 {
			parts = append(parts, step)
		}
	}
	for i, part := range parts {
		if workflows.Phase(part.Phase) == workflows.PhaseUnknown {
			steps[j.hosts[i]] = part.ID
		}
	}
	return steps
}
