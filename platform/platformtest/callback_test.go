package platformtest_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform/platformtest"
)

func TestEveryStepOfAPlanCallsBack(t *testing.T) {
	t.Parallel()
	sim, bridge := start(t, platformtest.Options{}), receive(t)
	instance := sim.trigger("p2", bridge.URL)
	require.Equal(t, platformtest.Fail, sim.delivered(instance).Status)
	require.Equal(t, []string{"RUNNING", "FAIL"}, bridge.statuses())
	require.JSONEq(t, `{"planInstanceId":"in10000001","processPlanId":"p2","status":"RUNNING"}`, bridge.received()[0])
	for _, a := range sim.Callbacks() {
		require.True(t, a.Accepted)
	}
}

func TestACallbackIsRepeatedUntilItIsAnsweredSUCCESS(t *testing.T) {
	t.Parallel()
	redirect := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}
	tests := []struct {
		name     string
		answers  []http.HandlerFunc
		attempts int
		accepted bool
	}{
		{"SUCCESS at once", []http.HandlerFunc{say(200, "SUCCESS")}, 1, true},
		{"SUCCESS at last", []http.HandlerFunc{say(503, ""), say(200, "success"), say(200, "SUCCESS\n"), say(200, "SUCCESS")}, 4, true},
		{"SUCCESS under an error's status", []http.HandlerFunc{say(404, "SUCCESS")}, 4, false},
		{"a redirect", []http.HandlerFunc{redirect}, 4, false},
		{"nothing", []http.HandlerFunc{say(200, "")}, 4, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sim, bridge := start(t, platformtest.Options{}), receive(t, test.answers...)
			sim.delivered(sim.trigger("p1", bridge.URL+"/secret"))
			attempts := sim.Callbacks()
			require.Len(t, attempts, test.attempts)
			require.Len(t, bridge.statuses(), test.attempts)
			for i, a := range attempts {
				require.Equal(t, i+1, a.Attempt)
				require.Equal(t, test.accepted && i == test.attempts-1, a.Accepted)
			}
		})
	}
}

func TestACallbackThatFindsNobodyDoesNotTellTheAddress(t *testing.T) {
	t.Parallel()
	sim, bridge := start(t, platformtest.Options{}), receive(t)
	bridge.Close()
	sim.delivered(sim.trigger("p1", bridge.URL+"/secret"))
	require.Len(t, sim.Callbacks(), 4)
	for _, a := range sim.Callbacks() {
		require.Zero(t, a.HTTPStatus)
		require.NotEmpty(t, a.Answer)
		require.NotContains(t, a.Answer, "secret")
	}
}

func TestNobodyIsCalledWithoutNeed(t *testing.T) {
	t.Parallel()
	sim, bridge := start(t, platformtest.Options{}), receive(t)
	require.Equal(t, 200, sim.call("POST", triggerPath+"p1", `{"processPlanId":"p1"}`).Code)
	sim.delivered("in10000001")
	sim.SetScript("p1", platformtest.Script{Steps: []platformtest.Step{{Status: "SUCCESS"}}, NoCallbacks: true})
	sim.delivered(sim.trigger("p1", bridge.URL))
	require.Empty(t, sim.Callbacks())
	require.Error(t, sim.Callback(t.Context(), "in10000001", "SUCCESS"), "no address")
	require.Error(t, sim.Callback(t.Context(), "in10000009", "SUCCESS"), "no instance")

	require.NoError(t, sim.Callback(t.Context(), "in10000002", "SUCCESS"))
	require.Equal(t, []string{"SUCCESS"}, bridge.statuses())
}

func TestCallbackFaults(t *testing.T) {
	t.Parallel()
	const r, s, f = "RUNNING", "SUCCESS", "FAIL"
	tests := []struct {
		name   string
		faults []platformtest.CallbackFault
		want   []string
	}{
		{"none", nil, []string{r, s}},
		{"dropped", []platformtest.CallbackFault{{Kind: platformtest.CallbackDrop}}, nil},
		{"never an end", []platformtest.CallbackFault{{Kind: platformtest.CallbackDropEnd}}, []string{r}},
		{"twice each", []platformtest.CallbackFault{{Kind: platformtest.CallbackDuplicate}}, []string{r, r, s, s}},
		{"three times each", []platformtest.CallbackFault{{Kind: platformtest.CallbackDuplicate, Count: 2}}, []string{r, r, r, s, s, s}},
		{"the end first", []platformtest.CallbackFault{{Kind: platformtest.CallbackReorder}}, []string{s, r}},
		{"an unknown word", []platformtest.CallbackFault{{Kind: platformtest.CallbackStatus, Status: "DONE"}}, []string{"DONE", "DONE"}},
		{"a contradiction", []platformtest.CallbackFault{{Kind: platformtest.CallbackContradict}}, []string{r, s, f}},
		{"two faults", []platformtest.CallbackFault{{Kind: platformtest.CallbackReorder}, {Kind: platformtest.CallbackContradict}}, []string{s, f, r}},
		{"another plan's", []platformtest.CallbackFault{{PlanID: "p1", Kind: platformtest.CallbackDrop}}, []string{r, s}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sim, bridge := start(t, platformtest.Options{}), receive(t)
			sim.SetScript("p2", platformtest.Script{Steps: []platformtest.Step{{Status: r}, {Status: s}}})
			for _, fault := range test.faults {
				fault.Times = 1
				sim.InjectCallback(fault)
			}
			sim.delivered(sim.trigger("p2", bridge.URL))
			require.Equal(t, test.want, bridge.statuses())

			if len(test.faults) > 0 && test.faults[0].PlanID == "" {
				sim.delivered(sim.trigger("p2", bridge.URL))
				require.Equal(t, append(slices.Clone(test.want), r, s), bridge.statuses(), "a fault counts its executions")
			}
		})
	}
}

func TestCallbacksCanOvertakeTheAnswerToTheTrigger(t *testing.T) {
	t.Parallel()
	sim, bridge := start(t, platformtest.Options{}), receive(t)
	sim.InjectCallback(platformtest.CallbackFault{Kind: platformtest.CallbackBeforeAnswer})
	sim.trigger("p2", bridge.URL)
	require.Equal(t, []string{"RUNNING", "FAIL"}, bridge.statuses())
}

func TestCallbacksCanBeLate(t *testing.T) {
	t.Parallel()
	sim, bridge := start(t, platformtest.Options{}), receive(t)
	sim.InjectCallback(platformtest.CallbackFault{Kind: platformtest.CallbackDelay, Delay: 50 * time.Millisecond})
	e := sim.delivered(sim.trigger("p1", bridge.URL))
	require.GreaterOrEqual(t, sim.Callbacks()[0].At.Sub(e.EndedAt), 50*time.Millisecond)
}

func TestSpeedDividesDelays(t *testing.T) {
	t.Parallel()
	sim, bridge := start(t, platformtest.Options{Speed: 36000}), receive(t)
	sim.SetScript("p1", platformtest.Ends(platformtest.Success, time.Hour))
	e := sim.delivered(sim.trigger("p1", bridge.URL))
	require.GreaterOrEqual(t, e.EndedAt.Sub(e.TriggeredAt), 100*time.Millisecond)
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	hanging := make(chan struct{})
	bridge := receive(t, func(_ http.ResponseWriter, r *http.Request) {
		close(hanging)
		<-r.Context().Done()
	})
	sim := start(t, platformtest.Options{})
	first := sim.trigger("p1", bridge.URL)
	<-hanging
	sim.SetScript("p1", platformtest.Ends(platformtest.Success, 24*time.Hour))
	sim.trigger("p1", bridge.URL)
	sim.Close()
	require.Len(t, sim.Callbacks(), 1)
	require.Equal(t, first, sim.Callbacks()[0].InstanceID)
	require.Equal(t, platformtest.Running, sim.Executions()[1].Status)
	_, err := sim.do("GET", listPath, "")
	require.Error(t, err)
}

func TestFiveHundredPlansAtOnce(t *testing.T) {
	t.Parallel()
	const n = 500
	var c platformtest.Catalogue
	for i := range n {
		c.Plans = append(c.Plans, platformtest.Plan{
			ID: fmt.Sprintf("plan%d", i), Script: platformtest.Ends(platformtest.Success, 10*time.Millisecond),
		})
	}
	sim, bridge := start(t, platformtest.Options{Catalogue: c}), receive(t)
	sim.client = &http.Client{Transport: &http.Transport{MaxConnsPerHost: 50}}
	t.Cleanup(sim.client.CloseIdleConnections)
	var all sync.WaitGroup
	for _, plan := range c.Plans {
		all.Go(func() { sim.delivered(sim.trigger(plan.ID, bridge.URL)) })
	}
	all.Wait()
	instances := map[string]bool{}
	for _, e := range sim.Executions() {
		require.Equal(t, platformtest.Success, e.Status)
		instances[e.InstanceID] = true
	}
	require.Len(t, instances, n)
	require.Len(t, bridge.statuses(), n)
}
