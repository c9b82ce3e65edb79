package platformtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

func TestFaultsHappenBeforeOrAfterTheExecution(t *testing.T) {
	t.Parallel()
	answered := func(status int, body string) func(*testing.T, *http.Response, error) {
		return func(t *testing.T, response *http.Response, err error) {
			require.NoError(t, err)
			text, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, status, response.StatusCode)
			require.Contains(t, string(text), body)
			require.Equal(t, body == "", len(text) == 0)
		}
	}
	tests := []struct {
		fault platformtest.Fault
		check func(*testing.T, *http.Response, error)
	}{
		{platformtest.Fault{Kind: platformtest.FaultCode, Code: 500}, answered(200, `"code":500`)},
		{platformtest.Fault{Kind: platformtest.FaultCode, Code: 997, Status: 500}, answered(500, `"code":997`)},
		{platformtest.Fault{Kind: platformtest.FaultStatus}, answered(502, "upstream")},
		{platformtest.Fault{Kind: platformtest.FaultStatus, Status: 429}, answered(429, "upstream")},
		{platformtest.Fault{Kind: platformtest.FaultEmpty}, answered(200, "")},
		{platformtest.Fault{Kind: platformtest.FaultHTML}, answered(200, "<html>")},
		{
			platformtest.Fault{Kind: platformtest.FaultData, Data: json.RawMessage(`[{"processPlanId":"p1"}]`)},
			answered(200, `{"code":200,"message":"success","data":[{"processPlanId":"p1"}]}`),
		},
		{
			platformtest.Fault{Kind: platformtest.FaultSlowBody, Delay: 20 * time.Millisecond},
			answered(200, `"message":"success"`),
		},
		{platformtest.Fault{Kind: platformtest.FaultTruncated}, func(t *testing.T, response *http.Response, err error) {
			require.NoError(t, err)
			text, err := io.ReadAll(response.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.True(t, strings.HasPrefix(string(text), `{"code":200`))
			require.False(t, json.Valid(text))
		}},
		{platformtest.Fault{Kind: platformtest.FaultRedirect}, func(t *testing.T, response *http.Response, err error) {
			require.NoError(t, err)
			require.Equal(t, 307, response.StatusCode)
			require.Equal(t, triggerPath+"p1", response.Header.Get("Location"))
		}},
		{platformtest.Fault{Kind: platformtest.FaultReset}, func(t *testing.T, _ *http.Response, err error) {
			require.ErrorIs(t, err, syscall.ECONNRESET)
		}},
		{platformtest.Fault{Kind: platformtest.FaultHang, Delay: time.Millisecond}, func(t *testing.T, _ *http.Response, err error) {
			require.ErrorIs(t, err, io.EOF)
		}},
	}
	for _, test := range tests {
		for _, after := range []bool{false, true} {
			name := string(test.fault.Kind) + " before"
			if after {
				name = string(test.fault.Kind) + " after"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				sim := start(t, platformtest.Options{})
				fault := test.fault
				fault.Endpoint, fault.Times, fault.AfterExecution = "P5", 1, after
				sim.Inject(fault)

				response, err := sim.do("POST", triggerPath+"p1", `{"processPlanId":"p1"}`)
				if err == nil {
					defer response.Body.Close()
				}
				test.check(t, response, err)
				require.Equal(t, after, len(sim.Executions()) == 1)
				requests := sim.Requests()
				require.Equal(t, fault.Kind, requests[len(requests)-1].Fault)

				sim.trigger("p1", "http://127.0.0.1:1")
				require.Empty(t, sim.Requests()[len(requests)].Fault, "a fault counts its requests")
			})
		}
	}
}

// giveUp triggers p1, and gives up once the simulator has got the request.
func (c *caller) giveUp() error {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		response, err := c.doWith(ctx, "POST", triggerPath+"p1", `{"processPlanId":"p1"}`)
		if err == nil {
			_ = response.Body.Close()
		}
		ended <- err
	}()
	require.Eventually(c.t, func() bool {
		requests := c.Requests()
		return requests[len(requests)-1].Endpoint == "P5"
	}, wait.Limit, time.Millisecond)
	cancel()
	return <-ended
}

func TestAHangingRequestEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		sim := start(t, platformtest.Options{})
		sim.Inject(platformtest.Fault{Endpoint: "P5", Kind: platformtest.FaultHang, AfterExecution: after})
		require.ErrorIs(t, sim.giveUp(), context.Canceled)
		sim.Close() // what has been begun has happened by then
		require.Equal(t, after, len(sim.Executions()) == 1)
	}
}

func TestADelayedTriggerRunsAlthoughItsCallerIsGone(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{})
	sim.Inject(platformtest.Fault{Endpoint: "P5", Kind: platformtest.FaultDelay, Delay: 3 * time.Second})
	require.ErrorIs(t, sim.giveUp(), context.Canceled)
	executions, err := sim.WaitExecutions(wait.Context(t), 1)
	require.NoError(t, err)
	require.Equal(t, "p1", executions[0].PlanID)
}

func TestFaultsHitOnlyWhatTheySay(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{})
	sim.Inject(platformtest.Fault{Endpoint: "P3", PlanID: "p1", Kind: platformtest.FaultCode, Code: 500})
	sim.Inject(platformtest.Fault{Endpoint: "P6", PlanID: "p2", Times: 2, Kind: platformtest.FaultCode, Code: 503})

	inputs := func(plan string) int { return sim.call("POST", inputsPath, `{"processPlanId":"`+plan+`"}`).Code }
	outputs := func(plan string) int {
		return sim.call("GET", outputsPath+"?processPlanId="+plan+"&planInstanceId=in1", "").Code
	}
	for range 5 {
		require.Equal(t, 500, inputs("p1"))
		require.Equal(t, 200, inputs("p2"))
		require.Equal(t, 999, outputs("p1"))
	}
	require.Equal(t, []int{503, 503, 999}, []int{outputs("p2"), outputs("p2"), outputs("p2")})
	sim.ClearFaults()
	require.Equal(t, 200, inputs("p1"))
}

func TestFaultsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{})
	for _, fault := range []platformtest.Fault{
		{Endpoint: "P9", Kind: platformtest.FaultReset},
		{Endpoint: "P5", Kind: "explode"},
		{Endpoint: "P5", Kind: platformtest.FaultCode},
		{Endpoint: "P5", Kind: platformtest.FaultData, Data: json.RawMessage(`{`)},
		{Endpoint: "P5", Kind: platformtest.FaultDelay},
		{Endpoint: "P5", Kind: platformtest.FaultReset, Times: -1},
		{Endpoint: "P5", Kind: platformtest.FaultStatus, Status: 99},
	} {
		require.Error(t, fault.Validate(), fault)
		require.Panics(t, func() { sim.Inject(fault) }, fault)
	}
	for _, fault := range []platformtest.CallbackFault{
		{Kind: "explode"}, {Kind: platformtest.CallbackDelay}, {Kind: platformtest.CallbackDrop, Times: -1},
	} {
		require.Error(t, fault.Validate(), fault)
		require.Panics(t, func() { sim.InjectCallback(fault) }, fault)
	}
}

func TestNobodyWaitsForever(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sim.WaitExecutions(ctx, 1)
	require.ErrorIs(t, err, context.Canceled)
	_, err = sim.WaitDelivered(t.Context(), "in1")
	require.Error(t, err)
	require.False(t, errors.Is(err, context.Canceled))
}

func TestAnAnswerIsHeldBackUntilTheTestLetsItGo(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		sim := start(t, platformtest.Options{})
		held, answered := make(chan struct{}), make(chan answer, 1)
		sim.Inject(platformtest.Fault{Endpoint: "P5", Kind: platformtest.FaultDelay, AfterExecution: after, Held: held})
		go func() { answered <- sim.call("POST", triggerPath+"p1", `{"processPlanId":"p1"}`) }()
		require.Eventually(t, func() bool {
			return len(sim.Executions()) == 1 || !after && len(sim.Requests()) > 0
		}, time.Minute, time.Millisecond)
		require.Empty(t, answered)
		require.Equal(t, after, len(sim.Executions()) == 1)
		close(held)
		require.Equal(t, 200, (<-answered).Code)
		require.Len(t, sim.Executions(), 1)
	}
}
