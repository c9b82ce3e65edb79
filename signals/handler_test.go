package signals

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/dpaflow/dpaflow/internal/keys"
)

const planBody = `{"planInstanceId":"in1","processPlanId":"acf42dd3","status":"SUCCESS"}`

// bench is a handler with everything around it that a test looks at.
type bench struct {
	t       testing.TB
	keys    keys.Ring
	inbox   *inbox
	log     *bytes.Buffer
	metrics *sdkmetric.ManualReader
	handler http.Handler
}

func newBench(t testing.TB, change func(*HandlerConfig)) *bench {
	b := &bench{t: t, keys: keysOf(t, "a"), inbox: &inbox{}, log: &bytes.Buffer{}, metrics: sdkmetric.NewManualReader()}
	config := HandlerConfig{
		Keys: b.keys, Namespace: namespace, Deliverer: b.inbox,
		Logger:        slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(b.metrics)),
	}
	if change != nil {
		change(&config)
	}
	b.handler = NewHandler(config)
	return b
}

func (b *bench) do(method, path, body string) *http.Response {
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Result()
}

func (b *bench) post(t Target, body string) *http.Response {
	return b.do(http.MethodPost, CallbackURL("", Token(b.keys, t), t.Kind), body)
}

// results are the counts of dpaflow_callbacks that are not 0, by "kind/result".
func (b *bench) results() map[string]int64 {
	counts := b.counters()
	maps.DeleteFunc(counts, func(_ string, n int64) bool { return n == 0 })
	return counts
}

func (b *bench) counters() map[string]int64 {
	var all metricdata.ResourceMetrics
	require.NoError(b.t, b.metrics.Collect(context.Background(), &all))
	counts := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != "dpaflow_callbacks" {
				continue
			}
			for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
				kind, _ := point.Attributes.Value("kind")
				result, _ := point.Attributes.Value("result")
				counts[kind.AsString()+"/"+result.AsString()] = point.Value
			}
		}
	}
	return counts
}

func requireSuccess(t testing.TB, answer *http.Response) {
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "text/plain", answer.Header.Get("Content-Type"))
	require.Equal(t, "SUCCESS", string(body))
}

func requireRefused(t testing.TB, status int, answer *http.Response) {
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, status, answer.StatusCode)
	require.NotContains(t, strings.ToUpper(string(body)), "SUCCESS")
}

func TestACallbackIsDeliveredToItsTrigger(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	requireSuccess(t, b.post(planTarget(), planBody))
	model := Target{Kind: KindModel, Namespace: namespace, WorkflowID: "m", Key: "k"}
	requireSuccess(t, b.post(model, `{"instanceId":10,"modelId":"md1","status":"finish"}`))
	require.Equal(t, []news{{planTarget(), Callback{"in1", "SUCCESS"}}, {model, Callback{"10", "FINISH"}}}, b.inbox.delivered())
	require.Equal(t, map[string]int64{"plan/stored": 1, "model/stored": 1}, b.results())
}

func TestWhatIsNoCallbackIsRefused(t *testing.T) {
	t.Parallel()
	ring := keysOf(t, "a")
	token := Token(ring, planTarget())
	forged := Token(keysOf(t, "b"), planTarget())
	elsewhere := planTarget()
	elsewhere.Namespace = "other"
	const post = http.MethodPost
	tests := map[string]struct {
		method, path, body string
		want               int
		result             string // counted as
	}{
		"a malformed body":               {post, "/callbacks/plan/" + token, "SUCCESS", 400, "plan/malformed"},
		"an empty body":                  {post, "/callbacks/plan/" + token, "", 400, "plan/malformed"},
		"a known field twice":            {post, "/callbacks/plan/" + token, planBody[:len(planBody)-1] + `,"status":"FAIL"}`, 400, "plan/malformed"},
		"a forged token":                 {post, "/callbacks/plan/" + forged, planBody, 404, "plan/forged"},
		"a token of the other kind":      {post, "/callbacks/model/" + token, `{"instanceId":"1","status":"FAIL"}`, 404, "model/forged"},
		"a token of another namespace":   {post, "/callbacks/plan/" + Token(ring, elsewhere), planBody, 404, "plan/forged"},
		"a forged token, malformed body": {post, "/callbacks/plan/" + forged, "SUCCESS", 404, "plan/forged"},
		"a body too large":               {post, "/callbacks/plan/" + token, planBody + strings.Repeat(" ", 64<<10), 413, "plan/too_large"},
		"GET":                            {http.MethodGet, "/callbacks/plan/" + token, "", 405, "none/unroutable"},
		"PUT":                            {http.MethodPut, "/callbacks/plan/" + token, planBody, 405, "none/unroutable"},
		"no token":                       {post, "/callbacks/plan", planBody, 404, "none/unroutable"},
		"an empty token":                 {post, "/callbacks/plan/", planBody, 404, "none/unroutable"},
		"an unknown kind":                {post, "/callbacks/job/" + token, planBody, 404, "none/unroutable"},
		"the kind in upper case":         {post, "/callbacks/PLAN/" + token, planBody, 404, "none/unroutable"},
		"something behind the token":     {post, "/callbacks/plan/" + token + "/x", planBody, 404, "none/unroutable"},
		"a path to be cleaned":           {post, "/callbacks/x/../plan/" + token, planBody, 404, "none/unroutable"},
		"another folder":                 {post, "/xcallbacks/plan/" + token, planBody, 404, "none/unroutable"},
		"a folder alone":                 {post, "/callbacks/", planBody, 404, "none/unroutable"},
		"a token in another place":       {post, "/callbacks/plan/callbacks/" + token, planBody, 404, "none/unroutable"},
		"the root":                       {post, "/", planBody, 404, "none/unroutable"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			answer := b.do(test.method, test.path, test.body)
			requireRefused(t, test.want, answer)
			require.Empty(t, answer.Header.Get("Location"))
			require.Equal(t, test.want == 405, answer.Header.Get("Allow") == post)
			require.Empty(t, b.inbox.delivered())
			require.Equal(t, map[string]int64{test.result: 1}, b.results())
			require.NotContains(t, b.log.String(), token[:20])
		})
	}
}

// A gateway may put a path before ours, which DPA_CALLBACK_URL names then, and write paths in its own way.
func TestACallbackIsFoundBehindWhatAGatewayMakesOfItsPath(t *testing.T) {
	t.Parallel()
	token := Token(keysOf(t, "a"), planTarget())
	escaped := strings.NewReplacer("-", "%2D", "_", "%5f").Replace(token)
	for name, path := range map[string]string{
		"a path before it":           "/dpa/callbacks/plan/" + token,
		"a path of ours before it":   "/callbacks/plan/x/callbacks/plan/" + token,
		"a double slash":             "//callbacks/plan/" + token,
		"double slashes within":      "/callbacks//plan//" + token,
		"a slash at the end":         "/callbacks/plan/" + token + "/",
		"an escaped slash":           "/callbacks/plan%2F" + token,
		"an escaped word":            "/c%61llbacks/pl%61n/" + token,
		"a token with escapes":       "/callbacks/plan/" + escaped,
		"a first letter with escape": "/callbacks/plan/%" + fmt.Sprintf("%X", token[0]) + token[1:],
		"a query":                    "/callbacks/plan/" + token + "?from=gateway",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			requireSuccess(t, b.do(http.MethodPost, path, planBody))
			require.Equal(t, []news{{planTarget(), Callback{"in1", "SUCCESS"}}}, b.inbox.delivered())
		})
	}
}

func TestAForgedTokenLooksLikeAnUnknownPath(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var answers []string
	for _, path := range []string{"/nothing", "/callbacks/plan/x", "/callbacks/model/" + Token(b.keys, planTarget()),
		"/callbacks/plan/" + Token(keysOf(t, "b"), planTarget())} {
		answer := b.do(http.MethodPost, path, planBody)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		header, err := json.Marshal(answer.Header)
		require.NoError(t, err)
		answers = append(answers, answer.Status+string(header)+string(body))
	}
	for _, answer := range answers {
		require.Equal(t, answers[0], answer)
	}
}

type untouchable struct{ t *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestABodyIsNotReadForThoseWithoutAToken(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/callbacks/plan/forged", untouchable{t}))
	requireRefused(t, http.StatusNotFound, w.Result())
}

func TestABodyOfExactlyTheLimitIsRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *HandlerConfig) { c.MaxBody = int64(len(planBody)) })
	requireSuccess(t, b.post(planTarget(), planBody))
	requireRefused(t, http.StatusRequestEntityTooLarge, b.post(planTarget(), planBody+" "))
}

func TestNewsThatIsNotDurableIsRefusedAndTakenWhenItComesAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.inbox.err = errors.New("no connection")
	requireRefused(t, http.StatusServiceUnavailable, b.post(planTarget(), planBody))
	requireRefused(t, http.StatusServiceUnavailable, b.post(planTarget(), planBody))
	b.inbox.err = nil
	requireSuccess(t, b.post(planTarget(), planBody))
	require.Len(t, b.inbox.delivered(), 3)
	require.Equal(t, map[string]int64{"plan/not_durable": 2, "plan/stored": 1}, b.results())
}

func TestNewsForARunThatHasEndedIsAnsweredSuccess(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.inbox.outcome = OutcomeEnded
	requireSuccess(t, b.post(planTarget(), planBody))
	requireSuccess(t, b.post(planTarget(), planBody))
	require.Equal(t, map[string]int64{"plan/ended": 2}, b.results())
	require.Len(t, b.inbox.delivered(), 2, "a reset may have opened the run again")
}

func TestAPlatformThatHangsUpHasStillBroughtItsNews(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	ctx, hangUp := context.WithCancel(t.Context())
	b.inbox.hook = func(ctx context.Context) {
		hangUp()
		require.NoError(t, ctx.Err())
		_, limited := ctx.Deadline()
		require.True(t, limited, "a delivery has a deadline")
	}
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, CallbackURL("", Token(b.keys, planTarget()), KindPlan), strings.NewReader(planBody))
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, request)
	requireSuccess(t, w.Result())
}

func TestLogsNameTheRunAndNeverTheAddressOrTheBody(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	token := Token(b.keys, planTarget())
	body := `{"planInstanceId":"in1","status":"SUCCESS","password":"hunter2"}`
	b.do(http.MethodPost, "/callbacks/plan/"+token, body)
	b.do(http.MethodPost, "/callbacks/plan/"+token, body+"x")
	b.do(http.MethodPost, "/callbacks/plan/"+token, body+strings.Repeat(" ", 64<<10))
	b.do(http.MethodPost, "/callbacks/model/"+token, body)
	b.inbox.err = errors.New("no connection")
	b.do(http.MethodPost, "/callbacks/plan/"+token, strings.Replace(body, "in1", "in2", 1))
	logged := b.log.String()
	require.NotContains(t, logged, token[:20])
	require.NotContains(t, logged, "hunter2")
	require.NotContains(t, logged, "/callbacks")
	for _, want := range []string{`workflowId="switch over/预案 7"`, "key=step-2/1", "instanceId=in1", "status=SUCCESS", "no connection", "malformed"} {
		require.Contains(t, logged, want)
	}
}

// An alert on the increase of a counter cannot see the first event of a series that begins with it.
func TestCallbacksAreCountedFromZero(t *testing.T) {
	t.Parallel()
	counts := newBench(t, nil).counters()
	require.Len(t, counts, 2*10+1)
	for _, series := range []string{"plan/stored", "plan/forged", "model/not_durable", "none/unroutable"} {
		require.Contains(t, counts, series)
		require.Zero(t, counts[series])
	}
}

// outcome is a deliverer that has a word of its own for what became of news.
type outcome Outcome

func (o outcome) Deliver(context.Context, Arrival) (Outcome, error) { return Outcome(o), nil }

func TestAnOutcomeThatOnlyADelivererKnowsIsCountedToo(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *HandlerConfig) { c.Deliverer = outcome("queued") })
	require.Equal(t, http.StatusOK, b.post(planTarget(), planBody).StatusCode)
	require.EqualValues(t, 1, b.counters()["plan/queued"])
}
