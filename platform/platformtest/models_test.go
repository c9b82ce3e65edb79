package platformtest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform/platformtest"
)

const (
	varPath     = "/api/dpa/process/variable/listVar"
	executePath = "/api/dpa/process/processModel/execute/"
	statusPath  = "/api/dpa/process/processrun/getProcessRunStatus"
	modelsPath  = "/api/dpa/process/processModel/listAll"
	nodesPath   = "/api/dpa/process/processModel/getOutParamByModelId"
)

func TestModelRequestsAreTakenExactlyAsDocumented(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, path, body string
		header                   []string
		code                     int
	}{
		{name: "inputs", method: "POST", path: varPath, body: `{"processModelId":"m1","type":"running"}`, code: 200},
		{name: "inputs without a type", method: "POST", path: varPath, body: `{"processModelId":"m1"}`, code: 400},
		{name: "inputs of an unknown model", method: "POST", path: varPath, body: `{"processModelId":"m9","type":"running"}`, code: 999},

		{name: "a list without a body", method: "POST", path: modelsPath, code: 200},
		{name: "a list with an empty object", method: "POST", path: modelsPath, body: `{}`, code: 200},
		{name: "a list with a field", method: "POST", path: modelsPath, body: `{"x":1}`, code: 400},
		{name: "a list without a content type", method: "POST", path: modelsPath, header: []string{"Content-Type", ""}, code: 400},

		{name: "a trigger, at its least", method: "POST", path: executePath + "m1", body: `{}`, code: 200},
		{
			name: "a trigger, at its most", method: "POST", path: executePath + "m1", code: 200,
			body: `{"sync":"false","mapParam":{"DIR":"/opt"},"paramFlag":"false","callbackUrl":"http://127.0.0.1:1/","second":"3"}`,
		},
		{name: "a trigger of an unknown model", method: "POST", path: executePath + "m9", body: `{}`, code: 999},
		{name: "a trigger with an undeclared parameter", method: "POST", path: executePath + "m1", body: `{"mapParam":{"X":"1"}}`, code: 400},
		{name: "a trigger with parameters for a model without inputs", method: "POST", path: executePath + "m2", body: `{"mapParam":{"DIR":"1"}}`, code: 400},
		{name: "sync that is no string", method: "POST", path: executePath + "m1", body: `{"sync":false}`, code: 400},
		{name: "sync that is no boolean", method: "POST", path: executePath + "m1", body: `{"sync":"no"}`, code: 400},
		{name: "second that is no string", method: "POST", path: executePath + "m1", body: `{"second":3}`, code: 400},
		{name: "second that is no number", method: "POST", path: executePath + "m1", body: `{"second":"3s"}`, code: 400},

		{name: "the status of an unknown instance", method: "GET", path: statusPath + "?modelId=m1&instanceId=in1", header: []string{"Content-Type", form}, code: 999},
		{name: "a status without the form's content type", method: "GET", path: statusPath + "?modelId=m1&instanceId=in1", code: 400},
		{name: "a status without a model", method: "GET", path: statusPath + "?instanceId=in1", header: []string{"Content-Type", form}, code: 400},

		{name: "the outputs of an unknown instance", method: "POST", path: nodesPath, body: `{"modelId":"m1","instanceId":"in1","paramFlag":"true"}`, code: 999},
		{name: "the outputs by a boolean", method: "POST", path: nodesPath, body: `{"modelId":"m1","instanceId":"in1","paramFlag":true}`, code: 400},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sim := start(t, platformtest.Options{})
			a := sim.call(test.method, test.path, test.body, test.header...)
			require.Equal(t, test.code, a.Code, a.Message)
		})
	}
}

func TestAModelRunsAndTellsItsEnd(t *testing.T) {
	t.Parallel()
	sim, bridge := start(t, platformtest.Options{}), receive(t)
	require.JSONEq(t, `[{"name":"DIR","type":"running"}]`,
		string(sim.call("POST", varPath, `{"processModelId":"m1","type":"running"}`).Data))
	require.Equal(t, "null", string(sim.call("POST", varPath, `{"processModelId":"m2","type":"running"}`).Data))

	a := sim.call("POST", executePath+"m1", `{"mapParam":{"DIR":"/opt"},"callbackUrl":"`+bridge.URL+`"}`)
	require.Equal(t, 200, a.Code, a.Message)
	var data struct{ InstanceID, ModelID string }
	require.NoError(t, json.Unmarshal(a.Data, &data))
	require.Equal(t, "in10000001", data.InstanceID)
	require.Equal(t, "m1", data.ModelID)

	e := sim.delivered("in10000001")
	require.Equal(t, "m1", e.ModelID)
	require.Empty(t, e.PlanID)
	require.Equal(t, platformtest.Success, e.Status)
	require.Len(t, bridge.received(), 1)
	require.JSONEq(t, `{"instanceId":"in10000001","modelId":"m1","status":"FINISH"}`, bridge.received()[0])

	require.JSONEq(t, `{"instanceId":"in10000001","modelId":"m1","status":"FINISH"}`,
		string(sim.call("GET", statusPath+"?modelId=m1&instanceId=in10000001", "", "Content-Type", form).Data))
	require.JSONEq(t, `[{"nodeName":"目录","result":"在 /opt"},{"nodeName":"状态","result":"正常"}]`,
		string(sim.call("POST", nodesPath, `{"modelId":"m1","instanceId":"in10000001"}`).Data))
	require.JSONEq(t, `[{"nodeName":"目录","result":"在 /opt"}]`,
		string(sim.call("POST", nodesPath, `{"modelId":"m1","instanceId":"in10000001","paramFlag":"true"}`).Data))

	var models []map[string]any
	require.NoError(t, json.Unmarshal(sim.call("POST", modelsPath, "").Data, &models))
	require.Equal(t, []any{"SUCCESS", "DEFAULT"}, []any{models[0]["status"], models[1]["status"]})
}

func TestABusyModelRefusesAnotherExecution(t *testing.T) {
	t.Parallel()
	for _, status := range []string{platformtest.Running, platformtest.Pending} {
		sim := start(t, platformtest.Options{})
		sim.SetScript("m2", platformtest.Script{Steps: []platformtest.Step{{Status: status}}})
		require.Equal(t, 200, sim.call("POST", executePath+"m2", `{}`).Code)
		sim.delivered("in10000001")
		a := sim.call("POST", executePath+"m2", `{}`)
		require.Equal(t, 999, a.Code)
		require.Equal(t, "null", string(a.Data))
		require.Len(t, sim.Executions(), 1)
		require.Equal(t, 200, sim.call("POST", executePath+"m1", `{}`).Code, "another model is free")
	}
}

func TestAModelCallsBackOnlyAtItsEnd(t *testing.T) {
	t.Parallel()
	sim, bridge := start(t, platformtest.Options{}), receive(t)
	sim.SetScript("m2", platformtest.Script{Steps: []platformtest.Step{
		{Status: platformtest.Running}, {Status: platformtest.Pending}, {Status: platformtest.Fail},
	}})
	sim.call("POST", executePath+"m2", `{"callbackUrl":"`+bridge.URL+`"}`)
	sim.delivered("in10000001")
	require.Equal(t, []string{"FAIL"}, bridge.statuses())
}

func TestASynchronousTriggerWaitsForTheOutputs(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{})
	a := sim.call("POST", executePath+"m1", `{"sync":"true","second":"30","paramFlag":"true","mapParam":{"DIR":"/x"}}`)
	require.JSONEq(t, `{"instanceId":"in10000001","modelId":"m1","status":"FINISH","mapParam":[{"nodeName":"目录","result":"在 /x"}]}`, string(a.Data))

	sim.SetScript("m1", platformtest.Ends(platformtest.Success, time.Hour))
	a = sim.call("POST", executePath+"m1", `{"sync":"true","second":"1"}`)
	require.JSONEq(t, `{"instanceId":"in10000002","modelId":"m1","status":"RUNNING"}`, string(a.Data), "not over in time")
}

func TestTheModelPathIsATemplate(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{ModelExecutePath: "/open/{modelId}/run"})
	require.Equal(t, 200, sim.call("POST", "/open/m1/run", `{}`).Code)
	require.Equal(t, 404, sim.call("POST", executePath+"m1", `{}`).Code)
	require.Equal(t, 404, sim.call("POST", "/open/m1/x/run", `{}`).Code)
	require.Equal(t, "m1", sim.Executions()[0].ModelID)
}
