package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

// startUnready runs a program as start does, and does not wait until it is ready.
func (s *stack) startUnready(program string, args []string, env ...string) *devstack.Program {
	s.t.Helper()
	address, err := devstack.FreeAddress()
	require.NoError(s.t, err)
	p, err := devstack.StartProgram(s.t.Context(), devstack.ProgramOptions{
		Program: program, Args: args, Output: &s.logs, Race: true, Listens: address,
		Env: append(append(s.env, env...), "DPA_ADMIN_ADDR="+address),
	})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, p.Stop()) })
	p.Admin = address
	return p
}

// readiness is what a program says of itself; status 0: it cannot be asked.
func readiness(ctx context.Context, program *devstack.Program) (status int, text string) {
	return operatorsPage(ctx, program, "/readyz")
}

// operatorsPage is a page of a program's admin server; status 0: it cannot be had.
func operatorsPage(ctx context.Context, program *devstack.Program, path string) (status int, text string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+program.Admin+path, nil)
	if err != nil {
		return 0, err.Error()
	}
	web := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	answer, err := web.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(body)
}

func TestAWorkerWaitsForTemporalAndForItsNamespace(t *testing.T) {
	t.Parallel()
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{Database: t.TempDir() + "/temporal.db"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = temporal.Kill() })
	s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue(success(100 * time.Millisecond))})
	require.NoError(t, s.worker.Stop())
	require.NoError(t, temporal.Kill())

	s.worker = s.startUnready("worker", nil)
	lonely := s.startUnready("worker", nil, "TEMPORAL_NAMESPACE=not-yet")
	for _, worker := range []*devstack.Program{s.worker, lonely} {
		require.Eventually(t, func() bool {
			status, text := readiness(t.Context(), worker)
			return status == http.StatusServiceUnavailable && strings.Contains(text, temporal.Address)
		}, patience, 200*time.Millisecond, "it says what it waits for")
	}
	require.NoError(t, temporal.Restart(t.Context()))
	run := s.run(s.queue, input("web1"))
	require.NoError(t, s.await(run, nil))
	require.Eventually(t, func() bool {
		status, _ := readiness(t.Context(), s.worker)
		return status == http.StatusOK
	}, patience, 200*time.Millisecond)

	require.Eventually(t, func() bool {
		status, text := readiness(t.Context(), lonely)
		return status == http.StatusServiceUnavailable && strings.Contains(text, `namespace "not-yet"`)
	}, patience, 200*time.Millisecond)
	s.command("operator", "namespace", "create", "--namespace", "not-yet")
	require.Eventually(t, func() bool {
		status, _ := readiness(t.Context(), lonely)
		return status == http.StatusOK
	}, patience, 200*time.Millisecond)
}

// The worker is the bridge too, and it is restarted while Temporal is away.
func TestAWorkerWithABridgeTakesEveryCallbackWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{Database: t.TempDir() + "/temporal.db"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = temporal.Kill() })
	s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue()}, "DPA_SPOOL_DIR="+t.TempDir())
	require.NoError(t, s.worker.Stop())
	require.NoError(t, s.bridge.Stop())
	s.worker = s.start("worker", "-bridge")
	runs := make([]client.WorkflowRun, 2*sized(100))
	for i := range runs {
		runs[i] = s.run(fmt.Sprintf("%s-%d", s.queue, i), input(fmt.Sprintf("host-%d", i)))
	}
	for _, run := range runs {
		s.reaches(run, workflows.PhaseWaiting)
	}
	callBack := func(from, to int) {
		for i := from; i < to; i++ {
			s.callsBack(s.instance(fmt.Sprintf("host-%d", i)), platformtest.Success)
		}
		require.Eventually(t, func() bool {
			status, text := readiness(t.Context(), s.worker)
			return status == http.StatusOK && strings.Contains(text, temporal.Address)
		}, patience, 200*time.Millisecond, "it is ready, and says all the same that Temporal is away")
	}

	require.NoError(t, temporal.Kill())
	callBack(0, len(runs)/2)
	require.NoError(t, s.worker.Kill())
	s.worker = s.start("worker", "-bridge") // which is ready
	callBack(len(runs)/2, len(runs))
	pause(t.Context(), time.Duration(float64(2*time.Minute)**scale))
	require.NoError(t, temporal.Restart(t.Context()))

	for _, run := range runs {
		var result workflows.PlanResult
		require.NoError(t, s.await(run, &result))
		require.Equal(t, workflows.ObservedByCallback, result.ObservedBy)
	}
	require.Len(t, s.sim.Executions(), len(runs))
}

// A program that stops has still something to count: its counters can be read until its work is done.
func TestMetricsCanBeReadUntilTheLastWorkIsDone(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseWaiting)
	address, err := url.Parse(s.sim.Executions()[0].CallbackURL)
	require.NoError(t, err)
	callback, err := net.Dial("tcp", address.Host)
	require.NoError(t, err)
	defer callback.Close()
	news := body(signals.KindPlan, &stormRun{instance: s.instance("web1"), plan: "p"}, "SUCCESS")
	_, err = fmt.Fprintf(callback, "POST %s HTTP/1.1\r\nHost: bridge\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", address.Path, len(news))
	require.NoError(t, err)
	goOn, err := bufio.NewReader(callback).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, goOn, "100 Continue", "the bridge has the callback in hand, and waits for the rest")
	s.drains(s.bridge, func() {
		_, err := fmt.Fprint(callback, news)
		require.NoError(t, err)
	})
	require.NoError(t, s.await(run, nil), "the callback that came last was taken")

	s.sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, Kind: platformtest.FaultDelay, Delay: 8 * time.Second})
	run = s.run(s.queue+"-next", input("web2"))
	s.underWay("P5")
	s.drains(s.worker, func() {})
	s.worker, s.bridge = s.start("worker"), s.start("signals/bridge")
	s.reaches(run, workflows.PhaseWaiting)
	require.Equal(t, 1, s.executions("web2"), "the trigger under way got its answer")
}

// drains stops a program that has something in hand, which release lets it finish.
func (s *stack) drains(program *devstack.Program, release func()) {
	s.t.Helper()
	stopped := make(chan error, 1)
	go func() { stopped <- program.Stop() }()
	require.Eventually(s.t, func() bool {
		status, text := readiness(s.t.Context(), program)
		return status == http.StatusServiceUnavailable && strings.Contains(text, "stopping")
	}, patience, 10*time.Millisecond, "nobody shall send it more work")
	status, text := operatorsPage(s.t.Context(), program, "/metrics")
	require.Equal(s.t, http.StatusOK, status, text)
	release()
	require.NoError(s.t, <-stopped)
}
