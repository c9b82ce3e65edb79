package platform

import (
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRequestsAreSentAsDocumented(t *testing.T) {
	t.Parallel()
	server := serve(t, data("[]"))
	c := newClient(t, server.URL, func(c *Config) { c.Scope, c.UserID = "all", "1" })

	_, err := c.Plans(t.Context())
	require.NoError(t, err)
	_, err = c.PlanInputs(t.Context(), "acf42dd3")
	require.NoError(t, err)
	_, err = c.PlanOutputs(t.Context(), "acf42dd3", "in 1&2")
	require.NoError(t, err)
	_, err = c.TriggerPlan(t.Context(), PlanTrigger{
		PlanID:      "a/b c%?#&预",
		CallbackURL: "https://bridge.example/cb?a=1&b=<2>",
		Params: map[string]map[string]string{
			"md2": nil,
			"md1": {"Z": "a && b > c", "A": `"quoted" <x> 预案`},
		},
	})
	require.Equal(t, Unknown, OutcomeOf(err))
	_, err = c.TriggerPlan(t.Context(), PlanTrigger{PlanID: "acf42dd3"})
	require.Equal(t, Unknown, OutcomeOf(err))

	const triggerURI = "/api/dpa/process//processPlan/opExecutePlanByApi/"
	want := []struct{ method, uri, contentType, body string }{
		{"GET", "/api/dp/auth/oauth/authorize?client_id=Cfjisl9AeNc066tkxSiKig%3D%3D&response_type=code&scope=all", "", ""},
		{"POST", "/api/dp/auth/oauth/token", "application/json", `{"code":"` + testCode + `","client_id":"Cfjisl9AeNc066tkxSiKig==",` +
			`"client_secret":"` + testSecret + `","grant_type":"authorization_code","user_id":"1"}`},
		{"GET", "/api/dpa/process/processPlan/queryPlanByUserId", "", ""},
		{"POST", "/api/dpa/process/processPlan/queryModelByPlanId", "application/json", `{"processPlanId":"acf42dd3"}`},
		{"GET", "/api/dpa/process//processPlan/queryPlanRunOutParam?planInstanceId=in+1%262&processPlanId=acf42dd3", "", ""},
		{"POST", triggerURI + "a%2Fb%20c%25%3F%23&%E9%A2%84", "application/json",
			`{"processPlanId":"a/b c%?#&预","callbackUrl":"https://bridge.example/cb?a=1&b=<2>","modelVarReq":[` +
				`{"modelId":"md1","mapParam":{"A":"\"quoted\" <x> 预案","Z":"a && b > c"}},{"modelId":"md2","mapParam":{}}]}`},
		{"POST", triggerURI + "acf42dd3", "application/json", `{"processPlanId":"acf42dd3"}`},
	}
	got := server.to("/")
	require.Len(t, got, len(want))
	for i, w := range want {
		g := got[i]
		require.Equal(t, []string{w.method, w.uri, w.body}, []string{g.method, g.uri, g.body})
		require.Equal(t, w.contentType, g.header.Get("Content-Type"), g.uri)
		authorization := "Bearer " + server.tokens[0]
		if strings.Contains(g.uri, "/oauth/") {
			authorization = ""
		}
		require.Equal(t, authorization, g.header.Get("Authorization"), g.uri)
	}
}

func TestTriggersAndReadsUseHTTP1OverTLS(t *testing.T) {
	t.Parallel()
	f := &fake{}
	f.Server = httptest.NewUnstartedServer(f.handler(t, data(oneInstance)))
	f.EnableHTTP2 = true
	f.StartTLS()
	t.Cleanup(f.Close)
	roots := x509.NewCertPool()
	roots.AddCert(f.Certificate())
	c := newClient(t, f.URL, func(c *Config) { c.TLS = trusting(roots) })

	_, err := c.TriggerPlan(t.Context(), trigger)
	require.NoError(t, err)
	_, err = c.Plans(t.Context())
	require.NoError(t, err)
	for _, r := range f.to("/") {
		require.Equal(t, "HTTP/1.1", r.proto)
		if strings.Contains(r.uri, "opExecutePlanByApi") {
			require.Equal(t, "close", r.header.Get("Connection"), "a trigger's connection serves nothing else")
		}
	}
}

func TestReadsReuseTheirConnection(t *testing.T) {
	t.Parallel()
	server := serve(t, inTurn(data("[]"), says(200, envelope(999, "null")), says(404, page), says(503, ""), data("[]")))
	c := withToken(newClient(t, server.URL))
	for range 4 { // errors among them, and a blip
		_, _ = c.Plans(t.Context())
	}
	sent := server.to("/")
	require.Len(t, sent, 5)
	for _, r := range sent {
		require.Equal(t, sent[0].peer, r.peer)
	}
}

func TestARedirectTakesTheTokenNowhere(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, data("[]"))
	server := serve(t, redirectsTo(elsewhere.URL))
	_, err := newClient(t, server.URL).Plans(t.Context())
	require.EqualError(t, err, "P2 list plans: HTTP 307 Temporary Redirect: redirects are not followed, "+
		"check the base URL: the answer is empty")
	require.Empty(t, elsewhere.to("/"))
}

func TestProxiesAreForHTTPSAlone(t *testing.T) {
	t.Parallel()
	plain := &http.Request{URL: &url.URL{Scheme: "http", Host: "platform.example"}}
	secure := &http.Request{URL: &url.URL{Scheme: "https", Host: "platform.example"}}
	corporate := &url.URL{Scheme: "http", Host: "proxy.example"}
	proxy := httpsOnly(http.ProxyURL(corporate))

	address, err := proxy(plain)
	require.NoError(t, err)
	require.Nil(t, address)
	address, err = proxy(secure)
	require.NoError(t, err)
	require.Equal(t, corporate, address)
	_, err = httpsOnly(func(*http.Request) (*url.URL, error) { return nil, errors.New(testSecret) })(secure)
	require.EqualError(t, err, "the address in HTTPS_PROXY is malformed")
}

func TestErrorsKeepWhatThePlatformSaid(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("界", 4000)
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		want   Error
		text   string
	}{
		"an envelope": {
			says(404, `{"code":999,"message":"plan\r\nis   disabled","data":null}`),
			Error{HTTPStatus: 404, Code: 999, Message: "plan is disabled"},
			"P5 trigger plan: HTTP 404 Not Found: code 999 (business error): plan is disabled",
		},
		"an envelope with HTTP 200": {
			says(200, `{"code":500,"message":{"why":[1, 2]}}`),
			Error{HTTPStatus: 200, Code: 500, Message: `{"why":[1,2]}`},
			`P5 trigger plan: code 500 (server error): {"why":[1,2]}`,
		},
		"a page": {
			says(502, page),
			Error{HTTPStatus: 502, Body: "<html> <body>Bad Gateway</body></html>"},
			"P5 trigger plan: HTTP 502 Bad Gateway: the answer is not the documented JSON object: " +
				"invalid character '<' looking for beginning of value: it begins \"<html> <body>Bad Gateway</body></html>\"",
		},
		"a long message": {
			says(200, `{"code":999,"message":"`+long+`"}`),
			Error{HTTPStatus: 200, Code: 999, Message: long[:3*84] + "…"},
			"P5 trigger plan: code 999 (business error): " + long[:3*84] + "…",
		},
		"what it was sent": {
			func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				says(400, "A"+r.Header.Get("Authorization")+" "+string(body)+"\x00\xff.")(w, r)
			},
			Error{HTTPStatus: 400, Body: `ABearer [redacted] {"processPlanId":"acf42dd3","callbackUrl":"[redacted]",` +
				`"modelVarReq":[{"modelId":"md1","mapParam":{"PASSWORD":"[redacted]"}}]} ` + "\uFFFD."},
			"",
		},
		"the callback as a script would print it": {
			says(400, strings.ReplaceAll(testCallback, "/", `\/`)+" https%3A%2F%2Fbridge.example%2Fcallbacks%2Fplan%2Fc2VjcmV0LXRva2VuLW9mLXRoaXMtcnVu "+
				"/plan/c2VjcmV0LXRva2VuLW9mLXRoaXMtcnVu"),
			Error{HTTPStatus: 400, Body: "[redacted] [redacted] /plan/[redacted]"},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := withToken(newClient(t, serve(t, row.answer).URL))
			_, err := c.TriggerPlan(t.Context(), PlanTrigger{
				PlanID: "acf42dd3", CallbackURL: testCallback,
				Params:  map[string]map[string]string{"md1": {"PASSWORD": "s3cr3t & more"}},
				Private: []string{"s3cr3t & more"},
			})
			var e *Error
			require.ErrorAs(t, err, &e)
			if row.text != "" {
				require.EqualError(t, err, row.text)
			}
			row.want.Endpoint, row.want.Sent, row.want.Err = "P5 trigger plan", true, e.Err
			require.Equal(t, row.want, *e)
			require.LessOrEqual(t, len(e.Message), maxPiece)
		})
	}
}

func TestATriggerPrintsWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	require.Equal(t, "plan acf42dd3 with parameters of 1 models", trigger.String())
	require.Equal(t, trigger.String(), trigger.GoString())
	require.Equal(t, trigger.String(), trigger.LogValue().String())
}
