package platform

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReadsOfModelsAreSentAsDocumented(t *testing.T) {
	t.Parallel()
	server := serve(t, inTurn(data("[]"), data("null"), data(`{"status":"RUNNING"}`), data("[]"), data("[]")))
	c := withToken(newClient(t, server.URL))

	_, err := c.Models(t.Context())
	require.NoError(t, err)
	_, err = c.ModelInputs(t.Context(), "mddaebe8b163")
	require.NoError(t, err)
	_, err = c.ModelStatus(t.Context(), "md1606743910508", "in 1&2")
	require.NoError(t, err)
	for _, designated := range []bool{false, true} {
		_, err = c.ModelOutputs(t.Context(), "mddaebe8b163", "22c8367158454a44", designated)
		require.NoError(t, err)
	}

	const process, outputs = "/api/dpa/process/", "/api/dpa/process/processModel/getOutParamByModelId"
	want := []struct{ method, uri, contentType, body string }{
		{"POST", process + "processModel/listAll", "application/json", ""},
		{"POST", process + "variable/listVar", "application/json", `{"processModelId":"mddaebe8b163","type":"running"}`},
		{"GET", process + "processrun/getProcessRunStatus?instanceId=in+1%262&modelId=md1606743910508", "application/x-www-form-urlencoded", ""},
		{"POST", outputs, "application/json", `{"modelId":"mddaebe8b163","instanceId":"22c8367158454a44","paramFlag":"false"}`},
		{"POST", outputs, "application/json", `{"modelId":"mddaebe8b163","instanceId":"22c8367158454a44","paramFlag":"true"}`},
	}
	got := server.to("/")
	require.Len(t, got, len(want))
	for i, w := range want {
		g := got[i]
		require.Equal(t, []string{w.method, w.uri, w.body}, []string{g.method, g.uri, g.body})
		require.Equal(t, []string{w.contentType}, g.header["Content-Type"], g.uri)
		require.Equal(t, "Bearer a-token-at-hand", g.header.Get("Authorization"), g.uri)
	}
}

func TestTheListOfModelsToleratesWobblingTypes(t *testing.T) {
	t.Parallel()
	model := Model{
		ID: "am10080", Name: "聚合判断优化", Status: "DEFAULT", StepNums: 5, CreateUser: "U100032",
		CreateTime: time.UnixMilli(1617782418841).UTC(), UpdateTime: time.UnixMilli(1617874155668).UTC(),
	}
	for name, row := range map[string]struct {
		data string
		want []Model
	}{
		"as documented": {`[{"processModelId":"am10080","modelName":"聚合判断优化","stepNums":5,"status":"DEFAULT",
			"createUser":"U100032","createTime":1617782418841,"updateTime":1617874155668}]`, []Model{model}},
		"another case, numbers as text, one object, unknown fields": {`{"processModelId":"am10080","modelName":"聚合判断优化",
			"stepNums":"5","status":" default ","createUser":"U100032","createTime":"1617782418841","updateTime":1.617874155668e12,"x":[{}]}`,
			[]Model{model}},
		"what cannot be read": {`[{"processModelId":7,"status":null,"stepNums":[],"createTime":"2021-04-07 16:00:18"},null]`,
			[]Model{{ID: "7"}}},
		"null":            {`null`, []Model{}},
		"an empty object": {`{}`, []Model{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			models, err := newClient(t, serve(t, data(row.data)).URL).Models(t.Context())
			require.NoError(t, err)
			require.Equal(t, row.want, models)
		})
	}
}

func TestInputsAndOutputsOfAModelTolerateWobblingTypes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]Input{
		`[{"name":"DPA_MODEL_WORKDIR","type":"running","x":1},{"name":"B","type":null}]`: {{"DPA_MODEL_WORKDIR", "running"}, {"B", ""}},
		`{"name":"A","type":"running"}`: {{"A", "running"}},
		`null`:                          {},
		`[]`:                            {},
	} {
		inputs, err := newClient(t, serve(t, data(text)).URL).ModelInputs(t.Context(), "m1")
		require.NoError(t, err)
		require.Equal(t, want, inputs, text)
	}
	for text, want := range map[string][]NodeOutput{
		`[{"result":"x\n","nodeName":"a"},{"nodeName":"b","result":{"k": 1}},{"nodeName":"c","result":12345678901234567890}]`: {
			{"a", "x\n"}, {"b", `{"k":1}`}, {"c", "12345678901234567890"},
		},
		`{"nodeName":"a","result":null}`: {{"a", ""}},
		`null`:                           {},
	} {
		outputs, err := newClient(t, serve(t, data(text)).URL).ModelOutputs(t.Context(), "m1", "in1", false)
		require.NoError(t, err)
		require.Equal(t, want, outputs, text)
	}
}

func TestAStatusIsTakenOnlyForTheInstanceAskedFor(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		data, status, err string
	}{
		"as documented":      {`{"instanceId":"7","modelId":"m1","status":"FAIL"}`, "FAIL", ""},
		"another case":       {`{"instanceId":"7","modelId":"m1","status":" finish"}`, "FINISH", ""},
		"a number, a list":   {`[{"instanceId":7,"modelId":"m1","status":"RUNNING","x":{}}]`, "RUNNING", ""},
		"no ids":             {`{"status":"PENDING"}`, "PENDING", ""},
		"a word unheard of":  {`{"status":"Cancelled"}`, "CANCELLED", ""},
		"null":               {`null`, "", "the answer tells no status"},
		"no status":          {`{"instanceId":"7","modelId":"m1"}`, "", "the answer tells no status"},
		"two statuses":       {`[{"status":"FAIL"},{"status":"FINISH"}]`, "", "the answer tells no status"},
		"another instance":   {`{"instanceId":"8","modelId":"m1","status":"FAIL"}`, "", "the answer tells of another instance"},
		"another model":      {`{"instanceId":"7","modelId":"m2","status":"FAIL"}`, "", "the answer tells of another instance"},
		"text for an object": {`"FINISH"`, "", "data is not as documented: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newClient(t, serve(t, data(row.data)).URL).ModelStatus(t.Context(), "m1", "7")
			if row.err != "" {
				require.ErrorContains(t, err, "W4 status of a model: "+row.err)
				require.Zero(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, ModelInstance{ModelID: "m1", InstanceID: "7", Status: row.status}, got)
		})
	}
}

func TestReadsOfModelsWithoutAnIDAreNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://127.0.0.1:1")
	_, err := c.ModelInputs(t.Context(), "")
	require.EqualError(t, err, `W2 inputs of a model: invalid input: "" is no model id`)
	_, err = c.ModelStatus(t.Context(), "m1", "")
	require.EqualError(t, err, `W4 status of a model: invalid input: "" is no instance id`)
	_, err = c.ModelOutputs(t.Context(), "\xff", "", true)
	require.EqualError(t, err, `W7 outputs of a model: invalid input: "\xff" is no model id; "" is no instance id`)
	require.ErrorIs(t, err, ErrInput)
}

func TestARepeatedReadSendsItsContentTypeAgain(t *testing.T) {
	t.Parallel()
	server := serve(t, inTurn(hijacks(t, ""), says(http.StatusServiceUnavailable, ""), data(`{"status":"FINISH"}`)))
	_, err := withToken(newClient(t, server.URL)).ModelStatus(t.Context(), "m1", "in1")
	require.NoError(t, err)
	require.Len(t, server.to("/"), 3)
	for _, r := range server.to("/") {
		require.Equal(t, formType, r.header.Get("Content-Type"))
	}
}
