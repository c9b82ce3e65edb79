package platform

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var scene = PlanScene{
	PlanID: "acf42dd3", SceneName: "夜间 切换", ExecuteStrategy: "cycle", Dimension: "hours", Intervals: "12", CallbackURL: testCallback,
}

func TestASceneIsSentAsAForm(t *testing.T) {
	t.Parallel()
	const plain = "callbackUrl=https%3A%2F%2Fbridge.example%2Fcallbacks%2Fplan%2Fc2VjcmV0LXRva2VuLW9mLXRoaXMtcnVu&dimension=hours&" +
		"executeStrategy=cycle&intervals=12&"
	const named = "processPlanId=acf42dd3&sceneName=%E5%A4%9C%E9%97%B4+%E5%88%87%E6%8D%A2"
	for name, row := range map[string]struct {
		params map[string]map[string]string
		body   string
	}{
		"without parameters": {nil, plain + named},
		"with parameters": {
			map[string]map[string]string{"md2": {"B": "2"}, "md1": {"Z": "a&b=c d", "A": ""}, "md3": nil},
			plain + "modelVarReq%5B0%5D.mapParam%5BA%5D=&modelVarReq%5B0%5D.mapParam%5BZ%5D=a%26b%3Dc+d&modelVarReq%5B0%5D.modelId=md1&" +
				"modelVarReq%5B1%5D.mapParam%5BB%5D=2&modelVarReq%5B1%5D.modelId=md2&modelVarReq%5B2%5D.modelId=md3&" + named,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, data("null"))
			s := scene
			s.Params = row.params
			_, err := withToken(newClient(t, server.URL)).SchedulePlan(t.Context(), s)
			require.NoError(t, err)
			sent := server.to("/")
			require.Len(t, sent, 1)
			require.Equal(t, []string{"POST", "/api/dpa/process/processPlan/saveTimingParam", row.body},
				[]string{sent[0].method, sent[0].uri, sent[0].body})
			require.Equal(t, "application/x-www-form-urlencoded", sent[0].header.Get("Content-Type"))
			require.Equal(t, "close", sent[0].header.Get("Connection"), "a trigger's connection serves nothing else")
		})
	}
}

func TestTheAnswerToASceneMayHaveAnyShape(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]SceneAnswer{
		`{"instanceId":"in1606749734084","modelId":"md1606743910508","status":"FAIL"}`: {"in1606749734084", "md1606743910508", "FAIL"},
		`[{"instanceId":17}]`:                     {InstanceID: "17"},
		`[{"instanceId":"a"},{"instanceId":"b"}]`: {},
		`{"instanceId":{},"status":1}`:            {Status: "1"},
		`null`:                                    {},
		`{}`:                                      {},
		`[]`:                                      {},
		`true`:                                    {},
		`"saved"`:                                 {},
		`["saved"]`:                               {},
	} {
		got, err := withToken(newClient(t, serve(t, data(text)).URL)).SchedulePlan(t.Context(), scene)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestWhatIsKnownOfASceneByItsAnswer(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		want   Outcome
	}{
		"code 200":                     {data("null"), Triggered},
		"no data":                      {says(200, `{"code":200}`), Triggered},
		"code 400":                     {says(200, envelope(400, "null")), Rejected},
		"code 403":                     {says(200, envelope(403, "null")), Rejected},
		"HTTP 401":                     {says(401, page), Rejected},
		"code 404":                     {says(404, envelope(404, "null")), Rejected},
		"code 998":                     {says(200, envelope(998, "null")), Rejected},
		"code 999":                     {says(200, envelope(999, "null")), Rejected},
		"code 999 and yet an instance": {says(200, envelope(999, `{"instanceId":"in1","modelId":"md1"}`)), Unknown},
		"code 500":                     {says(200, envelope(500, "null")), Unknown},
		"code 997":                     {says(200, envelope(997, "null")), Unknown},
		"code 503":                     {says(200, envelope(503, "null")), Unknown},
		"no code":                      {says(200, "{}"), Unknown},
		"HTTP 500 with code 200":       {says(500, envelope(200, "null")), Unknown},
		"HTTP 502":                     {says(502, page), Unknown},
		"HTTP 307":                     {redirects(http.StatusTemporaryRedirect), Unknown},
		"nothing":                      {says(200, ""), Unknown},
		"what it was sent":             {says(400, "bad url "+url.QueryEscape(testCallback)+" or "+testCallback), Unknown},
		"a reset":                      {hijacks(t, ""), Unknown},
		"an answer that is cut short":  {hijacks(t, "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n"+envelope(200, "null")), Unknown},
		"JSON that is cut short":       {says(200, `{"code":200,"data":`), Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, row.answer)
			_, err := withToken(newClient(t, server.URL)).SchedulePlan(t.Context(), scene)
			require.Equal(t, row.want, OutcomeOf(err), "%v", err)
			require.Len(t, server.to("/"), 1, "it is sent exactly once")
			if err != nil {
				requireDiscreet(t, err)
				require.True(t, strings.HasPrefix(err.Error(), "P4 schedule plan: "), "%v", err)
			}
		})
	}
}

func TestASceneThatCannotArriveAsGivenIsRejectedUnsent(t *testing.T) {
	t.Parallel()
	server := serve(t, data("null"))
	c := newClient(t, server.URL)
	_, err := c.SchedulePlan(t.Context(), PlanScene{
		ExecuteStrategy: "Single", Dimension: "days", Intervals: "0",
		Params: map[string]map[string]string{"md1": {"A[0]": "secret", "B": "\xff"}},
	})
	require.EqualError(t, err, `P4 schedule plan: invalid input: "" is no plan id; "" is no name of a scene; `+
		`executeStrategy "Single" must be one of single, cycle, 1.single, 2.cycle; `+
		`dimension "days" must be one of seconds, minutes, hours, day, weeks, month; `+
		`intervals "0" must be a whole number from 1 up, or for single a time such as 2026-01-02 15:04:05; the callback URL is missing, or not UTF-8; `+
		`model md1: the value of parameter "B" is not UTF-8; model md1: a form cannot carry a parameter named "A[0]"`)
	require.ErrorIs(t, err, ErrInput)
	require.Equal(t, Rejected, OutcomeOf(err))
	for _, intervals := range []string{"", "-1", "+1", "01", "1.5", "1e3", "one", " 1", "99999999999999999999"} {
		s := scene
		s.Intervals = intervals
		_, err := c.SchedulePlan(t.Context(), s)
		require.ErrorIs(t, err, ErrInput, intervals)
	}
	require.Empty(t, server.to("/"))
}

func TestASceneMayBeWrittenAsTheDocumentsNumberIt(t *testing.T) {
	t.Parallel()
	for _, given := range []struct {
		strategy, intervals string
		fine                bool
	}{
		{"1.single", "5", true}, {"2.cycle", "5", true}, {"single", "2026-01-02 15:04:05", true}, {"1.single", "2026-01-02 15:04:05", true},
		{"cycle", "2026-01-02 15:04:05", false}, {"single", "2026-13-02 15:04:05", false}, {"3.single", "5", false}, {"1. single", "5", false},
	} {
		server := serve(t, data("null"))
		s := scene
		s.ExecuteStrategy, s.Intervals = given.strategy, given.intervals
		_, err := withToken(newClient(t, server.URL)).SchedulePlan(t.Context(), s)
		require.Equal(t, given.fine, err == nil, "%v: %v", given, err)
		if given.fine {
			form, err := url.ParseQuery(server.to("/")[0].body)
			require.NoError(t, err)
			require.Equal(t, []string{given.strategy, given.intervals}, []string{form.Get("executeStrategy"), form.Get("intervals")})
		}
	}
}

func TestAScenePrintsWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	require.Equal(t, "scene 夜间 切换 of plan acf42dd3 with parameters of 0 models", scene.String())
	require.Equal(t, scene.String(), fmt.Sprintf("%#v", scene))
	require.Equal(t, scene.String(), scene.LogValue().String())
}
