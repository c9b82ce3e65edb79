package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var trigger = PlanTrigger{
	PlanID:      "acf42dd3",
	Params:      map[string]map[string]string{"md1606743910508": {"DPA_MODEL_WORKDIR": "/opt"}},
	CallbackURL: testCallback,
}

const (
	oneInstance = `[{"processPlanId":"acf42dd3","planInstanceId":"in10000001"}]`
	page        = "<html>\n<body>Bad\tGateway</body></html>"
)

func envelope(code any, data string) string {
	return fmt.Sprintf(`{"code":%v,"message":"m","data":%s}`, code, data)
}

func TestWhatIsKnownOfATriggerByItsAnswer(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		want   Outcome
		auth   bool
	}{
		"code 200 and an instance":          {says(200, envelope(200, oneInstance)), Triggered, false},
		"code as text":                      {says(200, envelope(`"200"`, oneInstance)), Triggered, false},
		"code as 200.0":                     {says(200, envelope("200.0", oneInstance)), Triggered, false},
		"HTTP 201":                          {says(201, envelope(200, oneInstance)), Triggered, false},
		"an object in place of the list":    {says(200, envelope(200, `{"planInstanceId":"in10000001"}`)), Triggered, false},
		"an id as a number":                 {says(200, envelope(200, `[{"planInstanceId":10000001}]`)), Triggered, false},
		"unknown fields":                    {says(200, `{"code":200,"x":[1],"data":[{"planInstanceId":"in1","y":{}}]}`), Triggered, false},
		"an empty element beside it":        {says(200, envelope(200, `[null,{"planInstanceId":"in1"},{"planInstanceId":null}]`)), Triggered, false},
		"code 400":                          {says(200, envelope(400, "null")), Rejected, false},
		"code 403":                          {says(200, envelope(403, "null")), Rejected, true},
		"code 404":                          {says(200, envelope(404, "null")), Rejected, false},
		"code 998":                          {says(200, envelope(998, "null")), Rejected, false},
		"code 999":                          {says(200, envelope(999, "null")), Rejected, false},
		"code 999 as text":                  {says(200, envelope(`"999"`, "null")), Rejected, false},
		"HTTP 400 with code 400":            {says(400, envelope(400, "null")), Rejected, false},
		"HTTP 404 with code 404":            {says(404, envelope(404, "null")), Rejected, false},
		"HTTP 422 with code 999":            {says(422, envelope(999, "null")), Rejected, false},
		"HTTP 400 with code 403":            {says(400, envelope(403, "null")), Rejected, true},
		"HTTP 401 with a page":              {says(401, page), Rejected, true},
		"HTTP 403 with a page":              {says(403, page), Rejected, true},
		"HTTP 401 with code 401":            {says(401, envelope(401, "null")), Rejected, true},
		"HTTP 401 with code 403":            {says(401, envelope(403, "null")), Rejected, true},
		"code 401, which is not documented": {says(200, envelope(401, "null")), Unknown, false},
		"code 500":                          {says(200, envelope(500, "null")), Unknown, false},
		"code 503":                          {says(200, envelope(503, "null")), Unknown, false},
		"code 997":                          {says(200, envelope(997, "null")), Unknown, false},
		"code 1":                            {says(200, envelope(1, "null")), Unknown, false},
		"code 0":                            {says(200, envelope(0, oneInstance)), Unknown, false},
		"no code":                           {says(200, `{"data":`+oneInstance+`}`), Unknown, false},
		"a code that is no number":          {says(200, envelope(`"OK"`, oneInstance)), Unknown, false},
		"the code in another case":          {says(200, `{"CODE":200,"data":`+oneInstance+`}`), Unknown, false},
		"HTTP 401 with code 200":            {says(401, envelope(200, oneInstance)), Unknown, false},
		"HTTP 403 with code 500":            {says(403, envelope(500, "null")), Unknown, false},
		"HTTP 500 with code 999":            {says(500, envelope(999, "null")), Unknown, false},
		"HTTP 500 with code 403":            {says(500, envelope(403, "null")), Unknown, false},
		"HTTP 500 with code 200":            {says(500, envelope(200, oneInstance)), Unknown, false},
		"HTTP 302 with code 999":            {says(302, envelope(999, "null")), Unknown, false},
		"code 999 and yet an instance":      {says(200, envelope(999, oneInstance)), Unknown, false},
		"code 403 and yet an instance":      {says(200, envelope(403, oneInstance)), Unknown, false},
		"HTTP 307":                          {redirects(http.StatusTemporaryRedirect), Unknown, false},
		"HTTP 302":                          {redirects(http.StatusFound), Unknown, false},
		"HTTP 307 to nowhere":               {redirectsTo("http://%zz/" + testSecret), Unknown, false},
		"HTTP 400":                          {says(400, page), Unknown, false},
		"HTTP 404":                          {says(404, page), Unknown, false},
		"HTTP 404 of another framework":     {says(404, `{"status":404,"error":"Not Found"}`), Unknown, false},
		"HTTP 405":                          {says(405, ""), Unknown, false},
		"HTTP 408":                          {says(408, ""), Unknown, false},
		"HTTP 429":                          {says(429, ""), Unknown, false},
		"HTTP 500":                          {says(500, page), Unknown, false},
		"HTTP 502":                          {says(502, page), Unknown, false},
		"HTTP 503":                          {says(503, page), Unknown, false},
		"HTTP 504":                          {says(504, page), Unknown, false},
		"a page":                            {says(200, page), Unknown, false},
		"nothing":                           {says(200, ""), Unknown, false},
		"HTTP 204":                          {says(204, ""), Unknown, false},
		"a bare list":                       {says(200, oneInstance), Unknown, false},
		"null":                              {says(200, "null"), Unknown, false},
		"JSON that is cut short":            {says(200, `{"code":200,"data":[{"planInstanceId":"in1"}`), Unknown, false},
		"garbage behind JSON":               {says(200, envelope(200, oneInstance)+"x"), Unknown, false},
		"two envelopes":                     {says(200, envelope(200, oneInstance)+envelope(200, oneInstance)), Unknown, false},
		"longer than is read":               {says(200, envelope(200, oneInstance)+strings.Repeat(" ", maxAnswer)), Unknown, false},
		"data null":                         {says(200, envelope(200, "null")), Unknown, false},
		"no data":                           {says(200, `{"code":200}`), Unknown, false},
		"an empty list":                     {says(200, envelope(200, "[]")), Unknown, false},
		"an empty object":                   {says(200, envelope(200, "{}")), Unknown, false},
		"data as text":                      {says(200, envelope(200, `"in10000001"`)), Unknown, false},
		"no instance id":                    {says(200, envelope(200, `[{"processPlanId":"acf42dd3"}]`)), Unknown, false},
		"an instance id null":               {says(200, envelope(200, `[{"planInstanceId":null}]`)), Unknown, false},
		"an instance id of blanks":          {says(200, envelope(200, `[{"planInstanceId":"  "}]`)), Unknown, false},
		"an instance id of two lines":       {says(200, envelope(200, `[{"planInstanceId":"in\n1"}]`)), Unknown, false},
		"an instance id without end":        {says(200, envelope(200, `[{"planInstanceId":"`+strings.Repeat("1", 257)+`"}]`)), Unknown, false},
		"an instance id that is an object":  {says(200, envelope(200, `[{"planInstanceId":{"id":"in1"}}]`)), Unknown, false},
		"an instance id that is a bool":     {says(200, envelope(200, `[{"planInstanceId":true}]`)), Unknown, false},
		"two instances":                     {says(200, envelope(200, `[{"planInstanceId":"in1"},{"planInstanceId":"in2"}]`)), Unknown, false},
		"the same instance twice":           {says(200, envelope(200, `[{"planInstanceId":"in1"},{"planInstanceId":" in1"}]`)), Triggered, false},
		"an id with an exponent":            {says(200, envelope(200, `[{"planInstanceId":1.0000001E7}]`)), Triggered, false},
		"an id of which digits are lost":    {says(200, envelope(200, `[{"planInstanceId":1.2345678901234567E20}]`)), Unknown, false},
		"an instance of another plan":       {says(200, envelope(200, `[{"processPlanId":"other","planInstanceId":"in1"}]`)), Unknown, false},
		"a reset":                           {hijacks(t, ""), Unknown, false},
		"no HTTP":                           {hijacks(t, "SSH-2.0-OpenSSH\r\n"), Unknown, false},
		"a header only":                     {hijacks(t, "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n"), Unknown, false},
		"a body that is cut short":          {hijacks(t, "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n"+envelope(200, oneInstance)), Unknown, false},
		"a chunk that is cut short":         {hijacks(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n"+envelope(200, oneInstance)), Unknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, row.answer)
			instance, err := newClient(t, server.URL).TriggerPlan(t.Context(), trigger)
			require.Equal(t, row.want, OutcomeOf(err), "%v", err)
			require.Equal(t, row.want == Triggered, instance != "", instance)
			require.Equal(t, row.auth, IsAuth(err))
			require.Len(t, server.to("opExecutePlanByApi"), 1, "it is sent exactly once")
			if err != nil {
				requireDiscreet(t, err)
				var e *Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, "P5 trigger plan", e.Endpoint)
				require.True(t, e.Sent)
			}
		})
	}
}

func redirects(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path+"/again", status)
	}
}

func redirectsTo(location string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

func requireDiscreet(t *testing.T, err error) {
	t.Helper()
	for _, private := range []string{testSecret, testCode, "bridge.example", "c2VjcmV0LXRva2", "eyJ", "Bearer "} {
		require.NotContains(t, err.Error(), private)
	}
	require.NotContains(t, err.Error(), "\n")
	require.Less(t, len(err.Error()), 1000)
}

func TestATriggerThatGotNoConnectionWasNotSent(t *testing.T) {
	t.Parallel()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	mute, err := net.Listen("tcp", "127.0.0.1:0") // the kernel connects, nobody shakes hands
	require.NoError(t, err)
	t.Cleanup(func() { _ = mute.Close() })

	for name, base := range map[string]string{
		"connection refused":       "http://127.0.0.1:1",
		"no such host":             "https://nosuchhost.invalid",
		"an untrusted certificate": untrusted.URL,
		"a handshake without end":  "https://" + mute.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := withToken(newClient(t, base, func(c *Config) { c.Timeout = 300 * time.Millisecond }))
			_, err := c.TriggerPlan(t.Context(), trigger)
			require.Equal(t, NotSent, OutcomeOf(err), "%v", err)
			require.False(t, IsAuth(err))
			requireDiscreet(t, err)
		})
	}
	t.Run("given up before", func(t *testing.T) {
		t.Parallel()
		server := serve(t, data(oneInstance))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := withToken(newClient(t, server.URL)).TriggerPlan(ctx, trigger)
		require.Equal(t, NotSent, OutcomeOf(err))
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, server.to("/"))
	})
	t.Run("given up while it waits for the ceiling of requests", func(t *testing.T) {
		t.Parallel()
		server := serve(t, data(oneInstance))
		c := withToken(newClient(t, server.URL, func(c *Config) { c.RequestsPerSecond = 0.001 }))
		require.True(t, c.limiter.Allow())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.TriggerPlan(ctx, trigger)
		require.Equal(t, NotSent, OutcomeOf(err))
		require.Empty(t, server.to("/"))
	})
}

func TestATriggerWithoutAnAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	timesOut := func(t *testing.T, handler http.HandlerFunc) {
		server := serve(t, handler)
		for timeout := brief; len(server.to("/")) == 0; timeout *= 2 { // where the machine is busy it may be over before anything arrives
			c := withToken(newClient(t, server.URL, func(c *Config) { c.Timeout = timeout }))
			_, err := c.TriggerPlan(t.Context(), trigger)
			require.Equal(t, Unknown, OutcomeOf(err), "%v", err)
		}
		require.Len(t, server.to("/"), 1)
	}
	t.Run("timeout", func(t *testing.T) {
		t.Parallel()
		timesOut(t, hangs)
	})
	t.Run("timeout within the body", func(t *testing.T) {
		t.Parallel()
		timesOut(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"code":200,`)
			_ = http.NewResponseController(w).Flush()
			hangs(w, r)
		})
	})
	t.Run("given up while it runs", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		server := serve(t, func(w http.ResponseWriter, r *http.Request) { cancel(); hangs(w, r) })
		_, err := withToken(newClient(t, server.URL)).TriggerPlan(ctx, trigger)
		require.Equal(t, Unknown, OutcomeOf(err), "%v", err)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestATriggerWithoutATokenIsNotSent(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		endpoint string
		answer   http.HandlerFunc
		want     Outcome
		auth     bool
	}{
		"no code, HTTP 500":          {"authorize", says(500, page), NotSent, false},
		"no code, code 500":          {"authorize", says(200, envelope(500, "null")), NotSent, false},
		"no code, HTTP 404":          {"authorize", says(404, page), NotSent, false},
		"no code, code 404":          {"authorize", says(200, envelope(404, "null")), NotSent, false},
		"no code, and yet code 200":  {"authorize", data(`{"code":""}`), NotSent, false},
		"no code, a timeout":         {"authorize", hangs, NotSent, false},
		"an unknown client":          {"authorize", says(200, envelope(998, "null")), Rejected, true},
		"no token, a reset":          {"token", hijacks(t, ""), NotSent, false},
		"no token, data null":        {"token", data("null"), NotSent, false},
		"a token of two lines":       {"token", data(`{"access_token":"a\nb"}`), NotSent, false},
		"a token of another type":    {"token", data(`{"access_token":"abc","token_type":"mac"}`), NotSent, false},
		"a wrong secret":             {"token", says(200, envelope(999, "null")), Rejected, true},
		"a wrong secret, HTTP 401":   {"token", says(401, page), Rejected, true},
		"a secret repeated in reply": {"token", says(400, `{"code":400,"message":"bad `+testSecret+` for `+testCode+`"}`), Rejected, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			triggers := make(chan struct{}, 1)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, row.endpoint):
					_, _ = io.Copy(io.Discard, r.Body)
					row.answer(w, r)
				case strings.HasSuffix(r.URL.Path, "/authorize"):
					data(`{"code":"`+testCode+`"}`)(w, r)
				default:
					triggers <- struct{}{}
				}
			}))
			t.Cleanup(server.Close)
			c := newClient(t, server.URL, func(c *Config) {
				if strings.Contains(name, "timeout") {
					c.Timeout = brief
				}
			})
			_, err := c.TriggerPlan(t.Context(), trigger)
			require.Equal(t, row.want, OutcomeOf(err), "%v", err)
			require.Equal(t, row.auth, IsAuth(err), "%v", err)
			require.Empty(t, triggers)
			requireDiscreet(t, err)
		})
	}
	t.Run("the secret cannot be read", func(t *testing.T) {
		t.Parallel()
		gone := errors.New("no such file")
		c := newClient(t, "http://127.0.0.1:1", func(c *Config) { c.Secret = func() (string, error) { return "", gone } })
		_, err := c.TriggerPlan(t.Context(), trigger)
		require.Equal(t, NotSent, OutcomeOf(err))
		require.ErrorIs(t, err, gone)
	})
}

func TestTheOutcomeOfOtherErrors(t *testing.T) {
	t.Parallel()
	require.Equal(t, Triggered, OutcomeOf(nil))
	require.Equal(t, Unknown, OutcomeOf(errors.New("whatever")))
	require.Equal(t, Unknown, OutcomeOf(context.DeadlineExceeded))
	require.Equal(t, Rejected, OutcomeOf(fmt.Errorf("wrapped: %w", &Error{HTTPStatus: 200, Code: 999, Sent: true})))
	require.Equal(t, Unknown, Outcome(0), "the zero value claims nothing")
	for outcome, name := range map[Outcome]string{Unknown: "unknown", Triggered: "triggered", Rejected: "rejected", NotSent: "not sent"} {
		require.Equal(t, name, outcome.String())
	}
}

func TestATriggerThatCannotArriveAsGivenIsRejectedUnsent(t *testing.T) {
	t.Parallel()
	server := serve(t, data(oneInstance))
	_, err := newClient(t, server.URL).TriggerPlan(t.Context(), PlanTrigger{
		PlanID: "..",
		Params: map[string]map[string]string{"": {"A": "1"}, "md1": {"": "1", "PASSWORD": "top\xffsecret"}},
	})
	require.Equal(t, Rejected, OutcomeOf(err))
	require.ErrorIs(t, err, ErrInput)
	require.EqualError(t, err, `P5 trigger plan: invalid input: ".." is no plan id; "" is no model id; `+
		`model md1: "" is no name of a parameter; model md1: the value of parameter "PASSWORD" is not UTF-8`)
	require.Empty(t, server.to("/"))
}
