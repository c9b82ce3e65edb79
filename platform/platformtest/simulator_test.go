package platformtest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

const (
	listPath    = "/api/dpa/process/processPlan/queryPlanByUserId"
	inputsPath  = "/api/dpa/process/processPlan/queryModelByPlanId"
	triggerPath = "/api/dpa/process//processPlan/opExecutePlanByApi/"
	outputsPath = "/api/dpa/process//processPlan/queryPlanRunOutParam"
	form        = "application/x-www-form-urlencoded"
)

// catalogue has a plan "p1" with one parameter, a plan "p2" without, and a model "m1".
func catalogue() platformtest.Catalogue {
	outputs := []platformtest.ModelOutputs{{ModelID: "m1", ModelName: "模型", Nodes: []platformtest.Node{
		{Name: "目录", Result: "在 {{DIR}}{{NONE}}", Designated: true}, {Name: "状态", Result: "正常"},
	}}}
	inputs := []platformtest.Input{{Name: "DIR", Type: "running"}}
	return platformtest.Catalogue{
		Plans: []platformtest.Plan{
			{
				ID: "p1", Title: "预案一",
				Inputs: []platformtest.ModelInputs{{ModelID: "m1", ModelName: "模型", Inputs: inputs}},
				Script: platformtest.Ends(platformtest.Success, 0, outputs...),
			},
			{ID: "p2", Title: "预案二", Script: platformtest.Script{Steps: []platformtest.Step{
				{Status: platformtest.Running}, {Status: platformtest.Fail},
			}}},
		},
		Models: []platformtest.Model{
			{ID: "m1", Name: "模型", Inputs: inputs, Script: platformtest.Ends(platformtest.Success, 0, outputs...)},
			{ID: "m2", Name: "无参模型", Script: platformtest.Script{}},
		},
	}
}

// caller calls a simulator as a client would, byte by byte as told.
type caller struct {
	*platformtest.Simulator
	t      *testing.T
	client *http.Client
	token  string
}

func start(t *testing.T, o platformtest.Options) *caller {
	t.Helper()
	if o.Catalogue.Plans == nil {
		o.Catalogue = catalogue()
	}
	if o.CallbackRetryDelay == 0 {
		o.CallbackRetryDelay = time.Millisecond
	}
	c := &caller{Simulator: platformtest.Start(t, o), t: t, client: &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.token = c.login()
	return c
}

// answer is an envelope and the HTTP status it came under.
type answer struct {
	HTTP    int `json:"-"`
	Code    int
	Message string
	Data    json.RawMessage
}

// do sends a request; header may replace "Authorization" and "Content-Type".
func (c *caller) do(method, path, body string, header ...string) (*http.Response, error) {
	return c.doWith(c.t.Context(), method, path, body, header...)
}

// doWith is do, until the context ends.
func (c *caller) doWith(ctx context.Context, method, path, body string, header ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.URL, strings.NewReader(body))
	require.NoError(c.t, err)
	before, query, _ := strings.Cut(path, "?")
	request.URL.Opaque, request.URL.RawQuery = before, query
	request.Header.Set("Authorization", "Bearer "+c.token)
	if method == "POST" {
		request.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	return c.client.Do(request)
}

func (c *caller) call(method, path, body string, header ...string) answer {
	c.t.Helper()
	response, err := c.do(method, path, body, header...)
	require.NoError(c.t, err)
	defer response.Body.Close()
	a := answer{HTTP: response.StatusCode}
	require.NoError(c.t, json.NewDecoder(response.Body).Decode(&a))
	return a
}

func (c *caller) code() string {
	c.t.Helper()
	a := c.call("GET", "/api/dp/auth/oauth/authorize?client_id=demo&response_type=code&scope=default", "")
	var data struct{ Code string }
	require.NoError(c.t, json.Unmarshal(a.Data, &data))
	return data.Code
}

func tokenBody(code string) string {
	return `{"code":"` + code + `","client_id":"demo","client_secret":"demo-secret","grant_type":"authorization_code"}`
}

func (c *caller) login() string {
	c.t.Helper()
	a := c.call("POST", "/api/dp/auth/oauth/token", tokenBody(c.code()))
	require.Equal(c.t, 200, a.Code, a.Message)
	var data struct {
		Type  string `json:"token_type"`
		Token string `json:"access_token"`
	}
	require.NoError(c.t, json.Unmarshal(a.Data, &data))
	require.Equal(c.t, "Bearer ", data.Type)
	return data.Token
}

// trigger triggers a plan, and returns its instance id.
func (c *caller) trigger(plan, callbackURL string) string {
	c.t.Helper()
	body := `{"processPlanId":"` + plan + `","callbackUrl":"` + callbackURL + `"}`
	a := c.call("POST", triggerPath+plan, body)
	require.Equal(c.t, 200, a.Code, a.Message)
	var data []struct{ ProcessPlanID, PlanInstanceID string }
	require.NoError(c.t, json.Unmarshal(a.Data, &data))
	require.Len(c.t, data, 1)
	return data[0].PlanInstanceID
}

func (c *caller) delivered(instance string) platformtest.Execution {
	c.t.Helper()
	e, err := c.WaitDelivered(wait.Context(c.t), instance)
	require.NoError(c.t, err)
	return e
}

// receiver takes callbacks, and answers each as told: in order, the last again and again.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

func receive(t *testing.T, answers ...http.HandlerFunc) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		r.bodies = append(r.bodies, string(body))
		answer := say(200, "SUCCESS")
		if len(answers) > 0 {
			answer = answers[min(len(r.bodies), len(answers))-1]
		}
		r.mu.Unlock()
		answer(w, request)
	}))
	t.Cleanup(r.Close)
	return r
}

func say(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func (r *receiver) received() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bodies)
}

func (r *receiver) statuses() []string {
	var list []string
	for _, body := range r.received() {
		var news struct{ Status string }
		_ = json.Unmarshal([]byte(body), &news)
		list = append(list, news.Status)
	}
	return list
}
