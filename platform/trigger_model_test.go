package platform

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	oneModelInstance = `{"instanceId":"in1606749734084","modelId":"md1","status":"RUNNING"}`
	modelPath        = "/api/dpa/process/processModel/execute/{modelId}"
)

var modelTrigger = ModelTrigger{ModelID: "md1", CallbackURL: testCallback, Params: map[string]string{"DPA_MODEL_WORKDIR": "/opt"}}

func newModelClient(t *testing.T, baseURL string, change ...func(*Config)) *Client {
	t.Helper()
	change = append(change, func(c *Config) { c.ModelExecutePath = modelPath })
	return withToken(newClient(t, baseURL, change...))
}

func TestATriggerOfAModelIsSentAsDocumented(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		trigger   ModelTrigger
		uri, body string
	}{
		"the sample": {
			ModelTrigger{
				ModelID: "mddaebe8b163", Params: map[string]string{"DPA_MODEL_WORKDIR": "/opt"},
				CallbackURL: "http://localhost:8081/test/sec", SyncTimeout: 3 * time.Second,
			},
			"/api/dpa/process/processModel/execute/mddaebe8b163",
			`{"sync":"false","mapParam":{"DPA_MODEL_WORKDIR":"/opt"},"paramFlag":"false","callbackUrl":"http://localhost:8081/test/sec","second":"3"}`,
		},
		"the least": {
			ModelTrigger{ModelID: "a/b c%?预"},
			"/api/dpa/process/processModel/execute/a%2Fb%20c%25%3F%E9%A2%84",
			`{"sync":"false","paramFlag":"false"}`,
		},
		"synchronous, of a part of a second, by a path of its own": {
			ModelTrigger{
				ModelID: "md1", Sync: true, SyncTimeout: 1001 * time.Millisecond, DesignatedOutputsOnly: true,
				ExecutePath: "/open//api/{modelId}/run", Params: map[string]string{"Z": "a && b > c", "A": `"<预案>"`},
			},
			"/open//api/md1/run",
			`{"sync":"true","mapParam":{"A":"\"<预案>\"","Z":"a && b > c"},"paramFlag":"true","second":"2"}`,
		},
		"synchronous, for as long as is assumed, by a path that names the model": {
			ModelTrigger{ModelID: "md1", Sync: true, ExecutePath: "/open/card/17"},
			"/open/card/17",
			`{"sync":"true","paramFlag":"false","second":"30"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, data(`{"instanceId":"in1"}`))
			_, err := newModelClient(t, server.URL).TriggerModel(t.Context(), row.trigger)
			require.NoError(t, err)
			sent := server.to("/")
			require.Len(t, sent, 1)
			require.Equal(t, []string{"POST", row.uri, row.body}, []string{sent[0].method, sent[0].uri, sent[0].body})
			require.Equal(t, "application/json", sent[0].header.Get("Content-Type"))
			require.Equal(t, "Bearer a-token-at-hand", sent[0].header.Get("Authorization"))
			require.Equal(t, "close", sent[0].header.Get("Connection"), "a trigger's connection serves nothing else")
		})
	}
}

func TestTheAnswerToATriggerOfAModelIsReadHoweverItWobbles(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		sync bool
		data string
		want ModelAnswer
	}{
		"as W4":           {false, oneModelInstance, ModelAnswer{InstanceID: "in1606749734084", Status: "RUNNING"}},
		"an id alone":     {false, `{"instanceId":"in1"}`, ModelAnswer{InstanceID: "in1"}},
		"a number":        {false, `{"instanceId":17,"status":null}`, ModelAnswer{InstanceID: "17"}},
		"a list":          {false, `[{"instanceId":"in1","modelId":"md1"}]`, ModelAnswer{InstanceID: "in1"}},
		"unknown fields":  {false, `{"instanceId":"in1","x":{"y":[]},"status":"finish"}`, ModelAnswer{InstanceID: "in1", Status: "finish"}},
		"no time to wait": {false, `{"instanceId":"in1","mapParam":[{"nodeName":"a","result":"1"}]}`, ModelAnswer{InstanceID: "in1"}},
		"outputs": {true, `{"instanceId":"in1","status":"FINISH","mapParam":[{"nodeName":"a","result":1},null]}`,
			ModelAnswer{InstanceID: "in1", Status: "FINISH", Outputs: []NodeOutput{{"a", "1"}}}},
		"one output": {true, `{"instanceId":"in1","mapParam":{"nodeName":"a","result":"1"}}`, ModelAnswer{InstanceID: "in1", Outputs: []NodeOutput{{"a", "1"}}}},
		"no output":  {true, `{"instanceId":"in1","mapParam":[]}`, ModelAnswer{InstanceID: "in1", Outputs: []NodeOutput{}}},
		"null":       {true, `{"instanceId":"in1","mapParam":null}`, ModelAnswer{InstanceID: "in1"}},
		"not yet":    {true, `{"instanceId":"in1","status":"RUNNING"}`, ModelAnswer{InstanceID: "in1", Status: "RUNNING"}},
		"no list":    {true, `{"instanceId":"in1","mapParam":"a=1"}`, ModelAnswer{InstanceID: "in1"}},
		"twice": {true, `[{"instanceId":"in1","status":null},{"instanceId":"in1","status":"FINISH","mapParam":[{"nodeName":"a","result":1}]}]`,
			ModelAnswer{InstanceID: "in1", Status: "FINISH", Outputs: []NodeOutput{{"a", "1"}}}},
		"a bare id":   {true, `"in1606749734084"`, ModelAnswer{InstanceID: "in1606749734084"}},
		"a float":     {false, `{"instanceId":1.606749734084E12}`, ModelAnswer{InstanceID: "1606749734084"}},
		"a list of 1": {true, `{"instanceId":"in1","mapParam":["a"]}`, ModelAnswer{InstanceID: "in1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trigger := modelTrigger
			trigger.Sync = row.sync
			got, err := newModelClient(t, serve(t, data(row.data)).URL).TriggerModel(t.Context(), trigger)
			require.NoError(t, err)
			require.Equal(t, row.want, got)
		})
	}
}

func TestWhatIsKnownOfAModelsTriggerByItsAnswer(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		want   Outcome
	}{
		"code 200 and an instance":         {data(oneModelInstance), Triggered},
		"HTTP 201":                         {says(201, envelope(200, oneModelInstance)), Triggered},
		"code 400":                         {says(200, envelope(400, "null")), Rejected},
		"code 403":                         {says(200, envelope(403, "null")), Rejected},
		"HTTP 401":                         {says(401, page), Rejected},
		"code 404":                         {says(404, envelope(404, "null")), Rejected},
		"code 998":                         {says(200, envelope(998, "null")), Rejected},
		"code 999: the model is busy":      {says(200, envelope(999, "null")), Rejected},
		"code 999 and yet an instance":     {says(200, envelope(999, oneModelInstance)), Unknown},
		"code 403 and yet an instance":     {says(200, envelope(403, oneModelInstance)), Unknown},
		"code 500":                         {says(200, envelope(500, "null")), Unknown},
		"code 503":                         {says(200, envelope(503, "null")), Unknown},
		"code 997":                         {says(200, envelope(997, "null")), Unknown},
		"HTTP 500 with code 999":           {says(500, envelope(999, "null")), Unknown},
		"HTTP 404, as of another path":     {says(404, page), Unknown},
		"HTTP 502":                         {says(502, page), Unknown},
		"HTTP 307":                         {redirects(http.StatusTemporaryRedirect), Unknown},
		"nothing":                          {says(200, ""), Unknown},
		"a page":                           {says(200, page), Unknown},
		"a reset":                          {hijacks(t, ""), Unknown},
		"an answer that is cut short":      {hijacks(t, "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n"+envelope(200, oneModelInstance)), Unknown},
		"data null":                        {data("null"), Unknown},
		"an empty object":                  {data("{}"), Unknown},
		"a status and no instance":         {data(`{"modelId":"md1","status":"RUNNING"}`), Unknown},
		"an instance id null":              {data(`{"instanceId":null}`), Unknown},
		"an instance id that is an object": {data(`{"instanceId":{}}`), Unknown},
		"an instance id in another case":   {data(`{"INSTANCEID":"in1"}`), Unknown},
		"outputs and no instance":          {data(`[{"nodeName":"a","result":"1"}]`), Unknown},
		"a word":                           {data(`"success"`), Unknown},
		"a sentence":                       {data(`"操作成功 1"`), Unknown},
		"a count":                          {data(`1`), Unknown},
		"code 999 and a bare word":         {says(200, envelope(999, `"E1001"`)), Rejected},
		"a bare id":                        {data(`"in1606749734084"`), Triggered},
		"a bare id as a number":            {data(`1606749734084`), Triggered},
		"a bare id as a list":              {data(`[" 22c8367158454a44 "]`), Triggered},
		"the same instance twice":          {data(`[{"instanceId":"in1"},{"instanceId":" in1 ","modelId":"md1606743910508"}]`), Triggered},
		"two bare ids":                     {data(`["in1","in2"]`), Unknown},
		"a bare id and another instance":   {data(`["in1",{"instanceId":"in2"}]`), Unknown},
		"two instances":                    {data(`[{"instanceId":"in1"},{"instanceId":"in2"}]`), Unknown},
		"an instance of another model":     {data(`{"instanceId":"in1","modelId":"md2"}`), Unknown},
	} {
		for _, sync := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, sync %v", name, sync), func(t *testing.T) {
				t.Parallel()
				server := serve(t, row.answer)
				trigger := modelTrigger
				trigger.Sync = sync
				got, err := newModelClient(t, server.URL).TriggerModel(t.Context(), trigger)
				require.Equal(t, row.want, OutcomeOf(err), "%v", err)
				require.Equal(t, row.want == Triggered, got.InstanceID != "")
				require.Len(t, server.to("/"), 1, "it is sent exactly once")
				if err != nil {
					requireDiscreet(t, err)
					require.True(t, strings.HasPrefix(err.Error(), "W3 trigger model: "), "%v", err)
				}
			})
		}
	}
}

func TestASynchronousTriggerHasTimeToWait(t *testing.T) {
	t.Parallel()
	waiting, gone := make(chan struct{}), make(chan struct{})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"sync":"true"`) {
			hangs(w, r)
			return
		}
		close(waiting)
		<-gone
		data(`{"instanceId":"in1","status":"FINISH"}`)(w, r)
	})
	c := newModelClient(t, server.URL, func(c *Config) { c.Timeout = brief })
	synchronous := make(chan error, 1)
	go func() {
		_, err := c.TriggerModel(t.Context(), ModelTrigger{ModelID: "md1", Sync: true, SyncTimeout: time.Hour})
		synchronous <- err
	}()
	<-waiting
	_, err := c.TriggerModel(t.Context(), ModelTrigger{ModelID: "md1", SyncTimeout: time.Hour})
	require.Equal(t, Unknown, OutcomeOf(err), "the time is for synchronous triggers only: %v", err)
	close(gone)
	require.NoError(t, <-synchronous)
	require.Equal(t, brief, c.CallTimeout(), "others wait no longer than before")
}

func TestASynchronousTriggerDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	server := serve(t, hangs)
	c := newModelClient(t, server.URL, func(c *Config) { c.Timeout = brief })
	_, err := c.TriggerModel(t.Context(), ModelTrigger{ModelID: "md1", Sync: true, SyncTimeout: time.Millisecond})
	require.Equal(t, Unknown, OutcomeOf(err), "%v", err)
	require.Len(t, server.to("/"), 1)
}

func TestATriggerOfAModelThatCannotArriveAsGivenIsRejectedUnsent(t *testing.T) {
	t.Parallel()
	server := serve(t, data(oneModelInstance))
	c := newModelClient(t, server.URL)
	_, err := c.TriggerModel(t.Context(), ModelTrigger{
		CallbackURL: "\xff", SyncTimeout: -1, ExecutePath: "https://u:secret@evil.example/",
		Params: map[string]string{"": "1", "PASSWORD": "top\xffsecret"},
	})
	require.Equal(t, Rejected, OutcomeOf(err))
	require.EqualError(t, err, `W3 trigger model: invalid input: "" is no model id; model : "" is no name of a parameter; `+
		`model : the value of parameter "PASSWORD" is not UTF-8; the callback URL is not UTF-8; `+
		`syncTimeout must be from 0 to 24h0m0s; executePath must be a path that begins with /, on the platform's own host`)
	_, err = c.TriggerModel(t.Context(), ModelTrigger{ModelID: "md1", Sync: true, SyncTimeout: 25 * time.Hour})
	require.ErrorIs(t, err, ErrInput)
	require.Empty(t, server.to("/"))
}

func TestATriggerOfAModelPrintsWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	require.Equal(t, "model md1 with 1 parameters", modelTrigger.String())
	require.Equal(t, modelTrigger.String(), fmt.Sprintf("%#v", modelTrigger))
	require.Equal(t, modelTrigger.String(), modelTrigger.LogValue().String())
}
