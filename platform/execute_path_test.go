package platform

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/endpoint"
)

func TestAModelIsNotRunByABadPath(t *testing.T) {
	t.Parallel()
	server := serve(t, data(oneModelInstance))
	for name, row := range map[string]struct{ configured, given, model, want string }{
		"no path": {"", "", "m1",
			"executePath is missing: set DPA_MODEL_EXECUTE_PATH, or give the run a path of its own"},
		"a path elsewhere": {"/run/{modelId}", "//evil.example/{modelId}", "m1",
			"executePath must begin with a single /: // would name another host"},
		"a model id that leads elsewhere": {"/run/{modelId}", "", "..",
			`executePath for model ".." must not contain . or .. as a segment, encoded or not`},
		"a model id that completes dots": {"", "/run/.{modelId}/x", ".",
			`executePath for model "." must not contain . or .. as a segment, encoded or not`},
		"a model id with slashes and dots": {"/run/{modelId}", "", "a/../../b",
			`executePath for model "a/../../b" must not contain . or .. as a segment, encoded or not`},
		"a model id that is encoded": {"/run/{modelId}", "", "%2e%2e",
			`executePath for model "%2e%2e" must not contain . or .. as a segment, encoded or not`},
		"a model id that completes an encoding": {"", "/run/%25{modelId}", "2e",
			`executePath for model "2e" must not contain . or .. as a segment, encoded or not`},
		"the path of another endpoint": {"", "/api/dpa/process/processPlan/saveTimingParam", "m1",
			"executePath must not be the path of another endpoint of the platform, /api/dpa/process/processPlan/saveTimingParam"},
		"a model id that makes it one": {"/api/dpa/process/processPlan/{modelId}", "", "savetimingparam",
			`executePath for model "savetimingparam" must not be the path of another endpoint of the platform, /api/dpa/process/processPlan/saveTimingParam`},
		"a model id of two lines": {"/run/{modelId}", "", "a\r\nb",
			`executePath for model "a\r\nb" must not contain control characters or anything but text, encoded or not`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, server.URL, func(c *Config) { c.ModelExecutePath = row.configured })
			_, err := c.TriggerModel(t.Context(), ModelTrigger{ModelID: row.model, ExecutePath: row.given})
			require.EqualError(t, err, "W3 trigger model: invalid input: "+row.want)
			require.ErrorIs(t, err, ErrInput)
			require.Equal(t, Rejected, OutcomeOf(err))
			require.Empty(t, server.to("/"), "not even a token is asked for")
		})
	}
}

func TestNoPathOfTheClientCanBeThatOfAModelsExecution(t *testing.T) {
	t.Parallel()
	server := serve(t, data("null"))
	c := newClient(t, server.URL)
	ctx := t.Context()
	_, _ = c.Plans(ctx)
	_, _ = c.PlanInputs(ctx, "p")
	_, _ = c.SchedulePlan(ctx, scene)
	_, _ = c.TriggerPlan(ctx, trigger)
	_, _ = c.PlanOutputs(ctx, "p", "i")
	_, _ = c.ModelInputs(ctx, "m")
	_, _ = c.ModelStatus(ctx, "m", "i")
	_, _ = c.Models(ctx)
	_, _ = c.ModelOutputs(ctx, "m", "i", false)
	sent := server.to("/")
	require.Len(t, sent, 2+9)
	for _, request := range sent {
		path, _, _ := strings.Cut(request.uri, "?")
		require.ErrorContains(t, endpoint.CheckExecutePath(path), "of another endpoint", path)
	}
}

// FuzzExecutePath: whatever is accepted is sent as it is, to the platform's own
// host, to a place under the template's.
func FuzzExecutePath(f *testing.F) {
	for _, id := range []string{"md1606743910508", "..", "%2e%2e", "a/../b", "a b?#;预", "@evil.example", `\`, "2e", ";", "{modelId}"} {
		for _, template := range []string{
			"/api/dpa//run/{modelId}", "/{modelId}", "/a/.{modelId}/b", "/%25{modelId}", "//{modelId}", "/a/../{modelId}", "/a;{modelId}",
			"https://evil.example/{modelId}", "@evil.example/{modelId}", "/a?{modelId}", "/%2fb/{modelId}", "/a/%2e%2e%2f{modelId}", "/run",
		} {
			f.Add(template, id)
		}
	}
	const base = "https://platform.example:8443"
	client, err := New(Config{BaseURL: base, ClientID: "c", Secret: func() (string, error) { return testSecret, nil }})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, template, id string) {
		trigger := ModelTrigger{ModelID: id, ExecutePath: template}
		if len(trigger.faults()) > 0 {
			return
		}
		sent := endpoint.ExecutePath(template, id)
		req, err := client.newRequest(t.Context(), request{method: http.MethodPost, path: sent}, "")
		require.NoError(t, err)
		require.Equal(t, "platform.example:8443", req.URL.Host)
		require.Equal(t, "https", req.URL.Scheme)
		require.Nil(t, req.URL.User)
		require.Empty(t, req.URL.RawQuery+req.URL.Fragment+req.URL.Opaque)
		require.Equal(t, sent, req.URL.RequestURI())

		before, _, _ := strings.Cut(template, endpoint.ModelPlaceholder)
		require.True(t, strings.HasPrefix(sent, before))
		require.Equal(t, strings.Count(template, "/"), strings.Count(sent, "/"))
		folder, err := url.PathUnescape(before[:strings.LastIndex(before, "/")+1])
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(path.Clean(req.URL.Path)+"/", strings.TrimSuffix(path.Clean(folder), "/")+"/"), sent)
	})
}
