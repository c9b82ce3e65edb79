package signals

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	unsignedSecret = "shared-with-gateway"
	fixedPlan      = "/callbacks/plan?secret=" + unsignedSecret
	fixedModel     = "/callbacks/model?secret=" + unsignedSecret
)

func open(c *HandlerConfig) { c.Unsigned = &UnsignedConfig{Secret: unsignedSecret} }

func TestNewsWithoutATokenGoesToTheInboxOfItsInstance(t *testing.T) {
	t.Parallel()
	b := newBench(t, open)
	requireSuccess(t, b.do(http.MethodPost, fixedPlan, planBody))
	requireSuccess(t, b.do(http.MethodPost, fixedModel, `{"instanceId":"in1","modelId":"md1","status":"FINISH"}`))
	require.Equal(t, []news{
		{Target{Kind: KindPlan, Namespace: namespace, WorkflowID: "dpa-inbox:plan:in1"}, Callback{"in1", "SUCCESS"}},
		{Target{Kind: KindModel, Namespace: namespace, WorkflowID: "dpa-inbox:model:in1"}, Callback{"in1", "FINISH"}},
	}, b.inbox.delivered())
	require.Equal(t, map[string]int64{"plan/stored": 1, "model/stored": 1}, b.results())
	requireSuccess(t, b.post(planTarget(), planBody))
	require.Len(t, b.inbox.delivered(), 3, "tokens are served beside")
}

func TestOnlyTheFixedURLsThemselvesAreOpen(t *testing.T) {
	t.Parallel()
	const post = http.MethodPost
	for name, test := range map[string]struct {
		method, path, body string
		want               int
	}{
		"no secret":            {post, "/callbacks/plan", planBody, 404},
		"an unknown kind":      {post, "/callbacks/job", planBody, 404},
		"another case":         {post, "/callbacks/Plan", planBody, 404},
		"a forged token":       {post, "/callbacks/plan/x", planBody, 404},
		"the folder":           {post, "/callbacks", planBody, 404},
		"a malformed body":     {post, fixedPlan, "SUCCESS", 400},
		"no instance":          {post, fixedPlan, `{"status":"SUCCESS"}`, 400},
		"a body of other kind": {post, fixedModel, planBody, 400},
		"a body too large":     {post, fixedPlan, planBody + strings.Repeat(" ", 64<<10), 413},
		"GET":                  {http.MethodGet, fixedPlan, "", 405},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, open)
			requireRefused(t, test.want, b.do(test.method, test.path, test.body))
			require.Empty(t, b.inbox.delivered())
		})
	}
}

func TestTheFixedAddressesAreUnknownPathsUnlessOpened(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		requireRefused(t, http.StatusNotFound, b.do(method, fixedPlan, planBody))
	}
	require.Equal(t, map[string]int64{"none/unroutable": 2}, b.results())
}

func TestASecretOpensTheFixedURLs(t *testing.T) {
	t.Parallel()
	const secret = "p&q=shared with gateway"
	b := newBench(t, func(c *HandlerConfig) { c.Unsigned = &UnsignedConfig{Secret: secret} })
	right := url.Values{"secret": {secret}}.Encode()
	for _, query := range []string{"", "?secret=", "?secret=wrong", "?Secret=" + right[len("secret="):], "?" + right + "x", "?" + right + "&" + right} {
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/callbacks/plan"+query, untouchable{t}))
		requireRefused(t, http.StatusNotFound, w.Result())
	}
	require.Equal(t, map[string]int64{"plan/forged": 6}, b.results())
	requireSuccess(t, b.do(http.MethodPost, "/callbacks/plan?"+right, planBody))
	b.do(http.MethodPost, "/callbacks/plan?"+right, "malformed")
	require.NotContains(t, b.log.String(), "shared")
	require.NotContains(t, b.log.String(), right)
}

func TestOnlyPeersOnTheListUseTheFixedURLs(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *HandlerConfig) {
		c.Unsigned = &UnsignedConfig{From: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::1/128")}}
	})
	for peer, want := range map[string]int{
		"10.1.2.3:4711": 200, "[::ffff:10.1.2.3]:4711": 200, "[fd00::1%eth0]:4711": 200,
		"10.2.2.3:4711": 404, "[fd00::2]:4711": 404, "192.0.2.1:4711": 404, "": 404, "10.1.2.3": 404,
	} {
		request := httptest.NewRequest(http.MethodPost, "/callbacks/plan", strings.NewReader(planBody))
		request.RemoteAddr = peer
		request.Header.Set("X-Forwarded-For", "10.1.2.3") // anyone can write that
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, request)
		require.Equal(t, want, w.Code, peer)
		body, err := io.ReadAll(w.Body)
		require.NoError(t, err)
		require.Equal(t, want == 200, string(body) == "SUCCESS")
	}
	requireSuccess(t, b.post(planTarget(), planBody)) // the list is not for tokens
}

func TestFixedAddressesWithoutSecretAndListLetNobodyIn(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *HandlerConfig) { c.Unsigned = &UnsignedConfig{} })
	requireRefused(t, http.StatusNotFound, b.do(http.MethodPost, "/callbacks/plan", planBody))
	require.Empty(t, b.inbox.delivered())
}

// A page that somebody on a machine of the list has open can send what looks like a callback.
func TestABrowserDoesNotUseTheFixedAddresses(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *HandlerConfig) {
		c.Unsigned = &UnsignedConfig{From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	})
	post := func(name, value string) *http.Response {
		request := httptest.NewRequest(http.MethodPost, "/callbacks/plan", strings.NewReader(planBody))
		request.RemoteAddr = "192.0.2.1:4711"
		request.Header.Set("Content-Type", "text/plain")
		if name != "" {
			request.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, request)
		return w.Result()
	}
	for _, header := range [][2]string{{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", ""}, {"Sec-Fetch-Site", "same-origin"}} {
		requireRefused(t, http.StatusNotFound, post(header[0], header[1]))
	}
	require.Empty(t, b.inbox.delivered())
	requireSuccess(t, post("", ""))
}

func TestOnlyPeersOnTheListUseSignedAddresses(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *HandlerConfig) { c.From = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")} })
	for peer, want := range map[string]int{"10.1.2.3:4711": 200, "10.2.2.3:4711": 404, "[::ffff:10.1.2.3]:4711": 200, "": 404} {
		request := httptest.NewRequest(http.MethodPost, CallbackURL("", Token(b.keys, planTarget()), KindPlan), strings.NewReader(planBody))
		request.RemoteAddr = peer
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, request)
		require.Equal(t, want, w.Code, peer)
	}
	require.Contains(t, b.log.String(), "DPA_BRIDGE_FROM")
	require.Regexp(t, `msg="callback taken".* peer=10\.1\.2\.3 `, b.log.String())
}

func TestStrangersUseUpNothingOfThoseWithAToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, open)
		for n := range strangersPerSecond {
			requireSuccess(t, b.do(http.MethodPost, fixedPlan, instance(n)))
		}
		requireRefused(t, http.StatusTooManyRequests, b.do(http.MethodPost, fixedPlan, planBody))
		for n := range 2 * strangersPerSecond {
			other := planTarget()
			other.Key = instance(n)
			requireSuccess(t, b.post(other, planBody))
		}
		time.Sleep(time.Second)
		requireSuccess(t, b.do(http.MethodPost, fixedPlan, planBody))
	})
}

func TestOneInstanceCannotBeFlooded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, open)
		status := func(n int) string {
			return `{"planInstanceId":"in1","status":"` + strings.Repeat("X", n%30+1) + strings.Repeat("_", n/30) + `"}`
		}
		for n := range triggerBurst {
			requireSuccess(t, b.do(http.MethodPost, fixedPlan, status(n)))
			time.Sleep(100 * time.Millisecond)
		}
		requireRefused(t, http.StatusTooManyRequests, b.do(http.MethodPost, fixedPlan, status(triggerBurst)))
		requireSuccess(t, b.do(http.MethodPost, fixedPlan, strings.Replace(status(0), "in1", "in2", 1)))
	})
}

func TestNewsWithoutATokenIsKeptInOrderToo(t *testing.T) {
	t.Parallel()
	next := &faulty{away: true}
	s := openSpool(t, t.TempDir(), next)
	b := newBench(t, func(c *HandlerConfig) { c.Deliverer = s; open(c) })
	for _, status := range []string{"RUNNING", "SUCCESS"} {
		requireSuccess(t, b.do(http.MethodPost, fixedPlan, `{"planInstanceId":"in1","status":"`+status+`"}`))
	}
	next.set(false, nil)
	forwarding(t, s)
	requireEmpty(t, s)
	require.Equal(t, []string{"RUNNING", "SUCCESS"}, next.delivered(InboxID(KindPlan, "in1")))
}
