package platform

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inTurn answers each call in the next way, and from the last on always so.
func inTurn(answers ...http.HandlerFunc) http.HandlerFunc {
	var calls atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		answers[min(int(calls.Add(1)), len(answers))-1](w, r)
	}
}

func TestReadsTolerateWobblingTypes(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1626944836628).UTC()
	plan := Plan{
		ID: "acf42dd3", Title: "测试预案", Status: "DEFAULT", StepNums: 1, Version: 2,
		CreateTime: at, UpdateTime: at, CreateUser: "U100000",
	}
	for name, row := range map[string]struct {
		data string
		want []Plan
	}{
		"as documented": {`[{"processPlanId":"acf42dd3","title":"测试预案","status":"DEFAULT","stepNums":1,"version":2,
			"createTime":1626944836628,"createUser":"U100000","updateTime":1626944836628,"updateUser":""}]`, []Plan{plan}},
		"numbers as text, one object, fields unheard of": {`{"processPlanId":"acf42dd3","title":"测试预案","status":" default ","stepNums":"1",
			"version":"2.0","createTime":"1626944836628","createUser":"U100000","updateTime":1.626944836628e12,"updateUser":null,"x":{"y":[]}}`, []Plan{plan}},
		"what cannot be read": {`[{"processPlanId":7,"stepNums":"many","version":{},"createTime":"yesterday","updateTime":[1],"title":true}]`,
			[]Plan{{ID: "7", Title: "true"}}},
		"null":          {`null`, []Plan{}},
		"an empty list": {`[]`, []Plan{}},
		"nulls":         {`[null, null]`, []Plan{}},
		"an object { }": {`{ }`, []Plan{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plans, err := newClient(t, serve(t, data(row.data)).URL).Plans(t.Context())
			require.NoError(t, err)
			require.Equal(t, row.want, plans)
		})
	}
	t.Run("text is no list", func(t *testing.T) {
		t.Parallel()
		plans, err := newClient(t, serve(t, data(`"none"`)).URL).Plans(t.Context())
		require.ErrorContains(t, err, "P2 list plans: data is not as documented: ")
		require.Nil(t, plans)
	})
}

func TestPlanInputsAndOutputsAreReadPerModel(t *testing.T) {
	t.Parallel()
	inputs, err := newClient(t, serve(t, data(`[
		{"modelName":"one","processModelId":"md1","mapParam":[{"name":"A","type":"running"},{"name":"B","type":null}]},
		{"modelName":"two","processModelId":"md2","mapParam":{"name":"C","type":"running"}},
		{"modelName":"three","processModelId":"md3","mapParam":null}]`)).URL).PlanInputs(t.Context(), "acf42dd3")
	require.NoError(t, err)
	require.Equal(t, []ModelInputs{
		{"md1", "one", []Input{{"A", "running"}, {"B", ""}}},
		{"md2", "two", []Input{{"C", "running"}}},
		{"md3", "three", []Input{}},
	}, inputs)

	outputs, err := newClient(t, serve(t, data(`[
		{"modelName":"one","processModelId":"md1","mapParam":[{"nodeName":"a","result":"x\n"},{"nodeName":"b","result":{"k": [1, "<"]}},
			{"nodeName":"c","result":12345678901234567890},{"nodeName":"d","result":null},{"nodeName":"e","result":false}]},
		{"modelName":"two","processModelId":"md2"}]`)).URL).PlanOutputs(t.Context(), "acf42dd3", "in1")
	require.NoError(t, err)
	require.Equal(t, []ModelOutputs{
		{"md1", "one", []NodeOutput{{"a", "x\n"}, {"b", `{"k":[1,"<"]}`}, {"c", "12345678901234567890"}, {"d", ""}, {"e", "false"}}},
		{"md2", "two", []NodeOutput{}},
	}, outputs)
}

func TestReadsWithoutAnIDAreNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://127.0.0.1:1")
	_, err := c.PlanInputs(t.Context(), "")
	require.EqualError(t, err, `P3 inputs of a plan: invalid input: "" is no plan id`)
	_, err = c.PlanOutputs(t.Context(), "\xff", "")
	require.EqualError(t, err, `P6 outputs of a plan: invalid input: "\xff" is no plan id; "" is no instance id`)
	require.ErrorIs(t, err, ErrInput)
}

func TestReadsAreRepeatedOverBlipsOnly(t *testing.T) {
	t.Parallel()
	fine := data("[]")
	for name, row := range map[string]struct {
		answers []http.HandlerFunc
		calls   int
		fails   bool
	}{
		"a reset":                 {[]http.HandlerFunc{hijacks(t, ""), fine}, 2, false},
		"a connection closed":     {[]http.HandlerFunc{hijacks(t, "HTTP/1.1 "), fine}, 2, false},
		"an answer cut short":     {[]http.HandlerFunc{hijacks(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), fine}, 2, false},
		"HTTP 429":                {[]http.HandlerFunc{says(429, ""), fine}, 2, false},
		"HTTP 502 twice":          {[]http.HandlerFunc{says(502, page), says(502, page), fine}, 3, false},
		"HTTP 503, 504":           {[]http.HandlerFunc{says(503, ""), says(504, ""), fine}, 3, false},
		"code 503":                {[]http.HandlerFunc{says(200, envelope(503, "null")), fine}, 2, false},
		"HTTP 502 for ever":       {[]http.HandlerFunc{says(502, page)}, 3, true},
		"a reset, then a refusal": {[]http.HandlerFunc{hijacks(t, ""), says(200, envelope(999, "null"))}, 2, true},
		"HTTP 500":                {[]http.HandlerFunc{says(500, page)}, 1, true},
		"code 500":                {[]http.HandlerFunc{says(200, envelope(500, "null"))}, 1, true},
		"code 997":                {[]http.HandlerFunc{says(200, envelope(997, "null"))}, 1, true},
		"HTTP 404":                {[]http.HandlerFunc{says(404, page)}, 1, true},
		"a page":                  {[]http.HandlerFunc{says(200, page)}, 1, true},
		"a timeout is no blip":    {[]http.HandlerFunc{hangs}, 1, true},
		"HTTP 503 with no hurry at all": {[]http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, fine}, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, inTurn(row.answers...))
			c := withToken(newClient(t, server.URL, func(c *Config) {
				if strings.Contains(name, "timeout") {
					c.Timeout = brief
				}
			}))
			_, err := c.Plans(t.Context())
			require.Equal(t, row.fails, err != nil, "%v", err)
			require.Len(t, server.to("/"), row.calls)
		})
	}
}

func TestARepeatedReadSendsItsBodyAgain(t *testing.T) {
	t.Parallel()
	server := serve(t, inTurn(says(503, ""), data("[]")))
	_, err := withToken(newClient(t, server.URL)).PlanInputs(t.Context(), "acf42dd3")
	require.NoError(t, err)
	sent := server.to("/")
	require.Len(t, sent, 2)
	require.Equal(t, sent[0], sent[1])
}

func TestTheLastErrorOfARepeatedReadIsTold(t *testing.T) {
	t.Parallel()
	var e *Error
	_, err := withToken(newClient(t, serve(t, inTurn(hijacks(t, ""), says(504, ""), says(502, page))).URL)).Plans(t.Context())
	require.ErrorAs(t, err, &e)
	require.Equal(t, 502, e.HTTPStatus)
	require.NotEmpty(t, e.Body)

	_, err = withToken(newClient(t, serve(t, inTurn(says(502, page), hijacks(t, ""))).URL)).Plans(t.Context())
	require.ErrorAs(t, err, &e)
	require.Zero(t, e.HTTPStatus, "%v", err)
	require.True(t, e.Sent)
	requireDiscreet(t, err)

	_, err = withToken(newClient(t, "https://nosuchhost.invalid")).Plans(t.Context())
	require.ErrorAs(t, err, &e)
	require.False(t, e.Sent)
	require.NotContains(t, err.Error(), "https://")
}
