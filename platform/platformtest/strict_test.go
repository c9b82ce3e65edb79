package platformtest_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform/platformtest"
)

func TestRequestsAreTakenExactlyAsDocumented(t *testing.T) {
	t.Parallel()
	const trigger = triggerPath + "p1"
	tests := []struct {
		name, method, path, body string
		header                   []string
		code                     int
	}{
		{name: "the list of plans", method: "GET", path: listPath, code: 200},
		{name: "the list takes no query", method: "GET", path: listPath + "?page=1", code: 400},
		{name: "a GET has no body", method: "GET", path: listPath, body: "{}", code: 400},
		{name: "the wrong method", method: "POST", path: listPath, body: "{}", code: 404},
		{name: "an unknown path", method: "GET", path: "/api/dpa", code: 404},
		{name: "a trailing slash", method: "GET", path: listPath + "/", code: 404},
		{name: "no token", method: "GET", path: listPath, header: []string{"Authorization", ""}, code: 403},
		{name: "a forged token", method: "GET", path: listPath, header: []string{"Authorization", "Bearer a.b.c"}, code: 403},

		{name: "inputs", method: "POST", path: inputsPath, body: `{"processPlanId":"p1"}`, code: 200},
		{name: "inputs of an unknown plan", method: "POST", path: inputsPath, body: `{"processPlanId":"p9"}`, code: 999},
		{name: "inputs of no plan", method: "POST", path: inputsPath, body: `{}`, code: 400},
		{name: "inputs by a number", method: "POST", path: inputsPath, body: `{"processPlanId":1}`, code: 400},

		{name: "a trigger, at its least", method: "POST", path: trigger, body: `{"processPlanId":"p1"}`, code: 200},
		{
			name: "a trigger, at its most", method: "POST", path: trigger, code: 200,
			body: "{\n \"processPlanId\": \"p1\",\n \"callbackUrl\": \"http://127.0.0.1:1/x\",\n \"modelVarReq\": [ {\"modelId\": \"m1\", \"mapParam\": {\"DIR\": \"/opt\"}} ]\n}\n",
		},
		{name: "a trigger with one slash", method: "POST", path: strings.Replace(trigger, "//", "/", 1), body: `{"processPlanId":"p1"}`, code: 404},
		{name: "a trigger with an escaped slash", method: "POST", path: strings.Replace(trigger, "//", "/%2F", 1), body: `{"processPlanId":"p1"}`, code: 404},
		{name: "a trigger without a plan", method: "POST", path: triggerPath, body: `{"processPlanId":"p1"}`, code: 404},
		{name: "a trigger by GET", method: "GET", path: trigger, code: 404},
		{name: "a trigger of an unknown plan", method: "POST", path: triggerPath + "p9", body: `{"processPlanId":"p9"}`, code: 999},
		{name: "a trigger of another plan than in the path", method: "POST", path: trigger, body: `{"processPlanId":"p2"}`, code: 400},
		{name: "a trigger with a query", method: "POST", path: trigger + "?a=b", body: `{"processPlanId":"p1"}`, code: 400},
		{name: "a trigger as a form", method: "POST", path: trigger, body: `processPlanId=p1`, header: []string{"Content-Type", form}, code: 400},
		{name: "no body", method: "POST", path: trigger, code: 400},
		{name: "a list", method: "POST", path: trigger, body: `[{"processPlanId":"p1"}]`, code: 400},
		{name: "two objects", method: "POST", path: trigger, body: `{"processPlanId":"p1"}{}`, code: 400},
		{name: "an unknown field", method: "POST", path: trigger, body: `{"processPlanId":"p1","x":1}`, code: 400},
		{name: "a field in another case", method: "POST", path: trigger, body: `{"processplanid":"p1"}`, code: 400},
		{name: "a field twice", method: "POST", path: trigger, body: `{"processPlanId":"p1","processPlanId":"p1"}`, code: 400},
		{name: "an empty callback URL", method: "POST", path: trigger, body: `{"processPlanId":"p1","callbackUrl":""}`, code: 400},
		{name: "a relative callback URL", method: "POST", path: trigger, body: `{"processPlanId":"p1","callbackUrl":"/x"}`, code: 400},
		{name: "null parameters", method: "POST", path: trigger, body: `{"processPlanId":"p1","modelVarReq":null}`, code: 400},
		{name: "an object of parameters", method: "POST", path: trigger, body: `{"processPlanId":"p1","modelVarReq":{}}`, code: 400},
		{name: "a model that the plan has not", method: "POST", path: trigger, body: `{"processPlanId":"p1","modelVarReq":[{"modelId":"m2"}]}`, code: 400},
		{name: "a model twice", method: "POST", path: trigger, body: `{"processPlanId":"p1","modelVarReq":[{"modelId":"m1"},{"modelId":"m1"}]}`, code: 400},
		{name: "an undeclared parameter", method: "POST", path: trigger, body: `{"processPlanId":"p1","modelVarReq":[{"modelId":"m1","mapParam":{"dir":"x"}}]}`, code: 400},
		{name: "a parameter that is a number", method: "POST", path: trigger, body: `{"processPlanId":"p1","modelVarReq":[{"modelId":"m1","mapParam":{"DIR":1}}]}`, code: 400},
		{name: "an unknown field of a model", method: "POST", path: trigger, body: `{"processPlanId":"p1","modelVarReq":[{"modelId":"m1","x":{}}]}`, code: 400},

		{name: "outputs of an unknown instance", method: "GET", path: outputsPath + "?processPlanId=p1&planInstanceId=in1", code: 999},
		{name: "outputs without an instance", method: "GET", path: outputsPath + "?processPlanId=p1", code: 400},
		{name: "outputs with a parameter twice", method: "GET", path: outputsPath + "?processPlanId=p1&processPlanId=p1&planInstanceId=in1", code: 400},
		{name: "outputs with one slash", method: "GET", path: strings.Replace(outputsPath, "//", "/", 1) + "?processPlanId=p1&planInstanceId=in1", code: 404},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sim := start(t, platformtest.Options{})
			a := sim.call(test.method, test.path, test.body, test.header...)
			require.Equal(t, test.code, a.Code, a.Message)
			if test.code == 404 {
				require.Equal(t, 404, a.HTTP)
			} else {
				require.Equal(t, 200, a.HTTP)
			}
			executed := test.code == 200 && strings.HasPrefix(test.path, triggerPath)
			require.Equal(t, executed, len(sim.Executions()) == 1)

			requests := sim.Requests()
			last := requests[len(requests)-1]
			require.Equal(t, test.path, last.Path)
			require.Equal(t, test.code, last.Code)
		})
	}
}

func TestAnswersAreShapedLikeTheSamples(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{})
	instance := sim.trigger("p1", "http://127.0.0.1:1/")
	require.Equal(t, "in10000001", instance)
	body := `{"processPlanId":"p1","modelVarReq":[{"modelId":"m1","mapParam":{"DIR":"/opt"}}]}`
	require.JSONEq(t, `[{"processPlanId":"p1","planInstanceId":"in10000002"}]`,
		string(sim.call("POST", triggerPath+"p1", body).Data))
	execution := sim.delivered("in10000002")
	require.Equal(t, platformtest.Success, execution.Status)
	require.Equal(t, "/opt", execution.Params["m1"]["DIR"])

	require.JSONEq(t, `[{"modelName":"模型","processModelId":"m1","mapParam":[{"name":"DIR","type":"running"}]}]`,
		string(sim.call("POST", inputsPath, `{"processPlanId":"p1"}`).Data))
	require.JSONEq(t, `[{"modelName":"模型","processModelId":"m1","mapParam":[
		{"nodeName":"目录","result":"在 /opt"},{"nodeName":"状态","result":"正常"}]}]`,
		string(sim.call("GET", outputsPath+"?processPlanId=p1&planInstanceId=in10000002", "").Data))

	var plans []map[string]any
	require.NoError(t, json.Unmarshal(sim.call("GET", listPath, "").Data, &plans))
	require.Len(t, plans, 2)
	require.Equal(t, "SUCCESS", plans[0]["status"])
	require.Greater(t, plans[0]["updateTime"], plans[0]["createTime"])
	require.Equal(t, map[string]any{
		"processPlanId": "p2", "title": "预案二", "status": "DEFAULT", "stepNums": 1.0, "version": 0.0,
		"createTime": 1626944836628.0, "createUser": "U100000", "updateTime": 1626944836628.0, "updateUser": "",
	}, plans[1])
}

func TestOutputsComeWithTheEnd(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{})
	sim.SetScript("p1", platformtest.Script{Outputs: catalogue().Plans[0].Script.Outputs})
	instance := sim.trigger("p1", "http://127.0.0.1:1/")
	a := sim.call("GET", outputsPath+"?processPlanId=p1&planInstanceId="+instance, "")
	require.Equal(t, 200, a.Code)
	require.JSONEq(t, `[]`, string(a.Data))
	require.Equal(t, platformtest.Running, sim.Executions()[0].Status)
}

func TestAFlakyPlanFailsEverySecondTime(t *testing.T) {
	t.Parallel()
	c := start(t, platformtest.Options{})
	script := platformtest.Ends(platformtest.Success, 0)
	script.Flaky = true
	address := receive(t).URL
	c.SetScript("p1", script)
	var ends []string
	for range 4 {
		ends = append(ends, c.delivered(c.trigger("p1", address)).Status)
	}
	require.Equal(t, []string{"FAIL", "SUCCESS", "FAIL", "SUCCESS"}, ends)
}

func TestACodeBuysOneToken(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{})
	code := sim.code()
	require.Equal(t, 200, sim.call("POST", "/api/dp/auth/oauth/token", tokenBody(code)).Code)
	require.Equal(t, 403, sim.call("POST", "/api/dp/auth/oauth/token", tokenBody(code)).Code)
	require.Equal(t, 2, sim.Tokens())
	for _, request := range sim.Requests() {
		require.NotContains(t, request.Path+request.Body, platformtest.DefaultClientSecret)
	}
}

func TestOAuthRequestsAreChecked(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{})
	const authorize = "/api/dp/auth/oauth/authorize?client_id=demo&response_type=code&scope=all"
	for path, code := range map[string]int{
		authorize: 200,
		strings.Replace(authorize, "demo", "other", 1):      403,
		strings.Replace(authorize, "=code", "=token", 1):    400,
		strings.Replace(authorize, "=all", "=some", 1):      400,
		strings.Replace(authorize, "&scope=all", "", 1):     400,
		strings.Replace(authorize, "scope", "x=1&scope", 1): 400,
	} {
		require.Equal(t, code, sim.call("GET", path, "").Code, path)
	}
	for _, test := range []struct {
		old, new string
		code     int
	}{
		{`"demo-secret"`, `"wrong"`, 403},
		{`"demo"`, `"other"`, 403},
		{`"authorization_code"`, `"password"`, 400},
		{`"grant_type"`, `"user_id":"1","grant_type"`, 200},
		{`"grant_type"`, `"user_id":1,"grant_type"`, 400},
		{`"grant_type"`, `"scope":"all","grant_type"`, 400},
	} {
		body := strings.Replace(tokenBody(sim.code()), test.old, test.new, 1)
		require.Equal(t, test.code, sim.call("POST", "/api/dp/auth/oauth/token", body).Code, test.new)
	}
}

func TestTokensAreJWTsThatEnd(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{TokenLife: time.Hour})
	parts := strings.Split(sim.token, ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims struct {
		IssuedAt int64 `json:"orig_iat"`
		Expires  int64 `json:"exp"`
	}
	require.NoError(t, json.Unmarshal(raw, &claims))
	require.Equal(t, int64(3600), claims.Expires-claims.IssuedAt)

	require.Equal(t, 200, sim.call("GET", listPath, "").Code)
	require.Equal(t, 403, sim.call("GET", listPath, "", "Authorization", "Bearer  "+sim.token).Code, "two spaces")
	sim.RevokeTokens()
	require.Equal(t, 403, sim.call("GET", listPath, "").Code)
	sim.token = sim.login()
	require.Equal(t, 200, sim.call("GET", listPath, "").Code)

	short := start(t, platformtest.Options{TokenLife: time.Nanosecond, HTTP401: true})
	a := short.call("GET", listPath, "")
	require.Equal(t, 403, a.Code)
	require.Equal(t, 401, a.HTTP)
}

func TestAChangedSecretIsTheOneForNewTokens(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{})
	sim.ChangeClientSecret("changed")
	require.Equal(t, 200, sim.call("GET", listPath, "").Code, "a token from before")
	body := tokenBody(sim.code())
	require.Equal(t, 403, sim.call("POST", "/api/dp/auth/oauth/token", body).Code)
	body = strings.Replace(body, platformtest.DefaultClientSecret, "changed", 1)
	require.Equal(t, 200, sim.call("POST", "/api/dp/auth/oauth/token", body).Code)
}

func TestAnExecutionIsMovedByHandWithoutACallback(t *testing.T) {
	t.Parallel()
	sim := start(t, platformtest.Options{})
	sim.SetScript("p1", platformtest.Script{Outputs: catalogue().Plans[0].Script.Outputs})
	instance := sim.trigger("p1", "http://127.0.0.1:1/")
	sim.Move(instance, platformtest.Success)
	require.Equal(t, platformtest.Success, sim.Executions()[0].Status)
	require.Contains(t, string(sim.call("GET", listPath, "").Data), `"status":"SUCCESS"`)
	a := sim.call("GET", outputsPath+"?processPlanId=p1&planInstanceId="+instance, "")
	require.NotEqual(t, "[]", string(a.Data))
	require.Empty(t, sim.Callbacks())
	require.Panics(t, func() { sim.Move("in0", platformtest.Success) })
}
