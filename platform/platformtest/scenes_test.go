package platformtest_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

const scenePath = "/api/dpa/process/processPlan/saveTimingParam"

// scene is the form of P4, changed as told: name, value, name, value, …
func scene(address string, changes ...string) string {
	values := url.Values{
		"processPlanId": {"p1"}, "callbackUrl": {address}, "dimension": {"hours"}, "intervals": {"1"},
		"executeStrategy": {"single"}, "sceneName": {"夜间切换"},
		"modelVarReq[0].modelId": {"m1"}, "modelVarReq[0].mapParam[DIR]": {"/opt"},
	}
	for i := 0; i < len(changes); i += 2 {
		values.Set(changes[i], changes[i+1])
	}
	return values.Encode()
}

func TestScenesAreTakenExactlyAsDocumented(t *testing.T) {
	t.Parallel()
	const address = "http://127.0.0.1:1/"
	tests := []struct {
		name, body string
		code       int
	}{
		{"as documented", scene(address), 200},
		{"an unknown plan", scene(address, "processPlanId", "p9"), 999},
		{"an unknown dimension", scene(address, "dimension", "year"), 400},
		{"an unknown strategy", scene(address, "executeStrategy", "twice"), 400},
		{"as the documents number it", scene(address, "executeStrategy", "1.single"), 200},
		{"a single time", scene(address, "intervals", "2126-01-02 15:04:05"), 200},
		{"a time for a cycle", scene(address, "intervals", "2026-01-02 15:04:05", "executeStrategy", "2.cycle"), 400},
		{"no interval", scene(address, "intervals", "0"), 400},
		{"an interval in words", scene(address, "intervals", "one"), 400},
		{"no callback", scene(""), 400},
		{"no name", scene(address, "sceneName", ""), 400},
		{"an unknown field", scene(address, "x", "1"), 400},
		{"an undeclared parameter", scene(address, "modelVarReq[0].mapParam[X]", "1"), 400},
		{"a model that the plan has not", scene(address, "modelVarReq[1].modelId", "m9"), 400},
		{"a model twice", scene(address, "modelVarReq[1].modelId", "m1"), 400},
		{"a gap in the list", scene(address, "modelVarReq[2].modelId", "m9"), 400},
		{"parameters of no model", scene(address, "modelVarReq[1].mapParam[DIR]", "1"), 400},
		{"a field twice", scene(address) + "&dimension=hours", 400},
		{"broken escapes", scene(address) + "&%zz=1", 400},
		{"JSON", `{"processPlanId":"p1"}`, 400},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sim := start(t, platformtest.Options{})
			a := sim.call("POST", scenePath, test.body, "Content-Type", form)
			require.Equal(t, test.code, a.Code, a.Message)
			require.Empty(t, sim.Executions(), "a scene waits for its first interval")
			require.Equal(t, 400, sim.call("POST", scenePath, test.body).Code, "as JSON")
		})
	}
}

func TestAScene(t *testing.T) {
	t.Parallel()
	for strategy, want := range map[string]int{"single": 1, "cycle": 3} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			sim, bridge := start(t, platformtest.Options{SceneInterval: 20 * time.Millisecond}), receive(t)
			a := sim.call("POST", scenePath, scene(bridge.URL, "executeStrategy", strategy), "Content-Type", form)
			require.JSONEq(t, `{"instanceId":"sc10000001","modelId":"","status":"DEFAULT"}`, string(a.Data))

			executions, err := sim.WaitExecutions(wait.Context(t), want)
			require.NoError(t, err)
			require.Equal(t, "夜间切换", executions[0].Scene)
			require.Equal(t, "/opt", executions[0].Params["m1"]["DIR"])
			sim.delivered(executions[want-1].InstanceID)
			require.True(t, strings.HasPrefix(strings.Join(bridge.statuses(), " "), "SUCCESS"))
		})
	}
}

func TestASceneRunsAtTheSimulatorsSpeed(t *testing.T) {
	t.Parallel()
	sim, bridge := start(t, platformtest.Options{Speed: 36000}), receive(t)
	began := time.Now()
	sim.call("POST", scenePath, scene(bridge.URL), "Content-Type", form)
	executions, err := sim.WaitExecutions(wait.Context(t), 1)
	require.NoError(t, err)
	require.GreaterOrEqual(t, executions[0].TriggeredAt.Sub(began), 100*time.Millisecond, "an hour, 36000 times as fast")
}
