package platform

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnExecutePathStaysOnThePlatform(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/api/run/{modelId}":               "",
		"/api//run/{modelId}/now":          "",
		"/{modelId}":                       "",
		"/api/m-{modelId}.do":              "",
		"/api/{modelId}/{modelId}":         "must not contain {modelId} more than once",
		"/api/run/md1606743910508":         "",
		"/api/%E9%A2%84/{modelId}":         "",
		"/api/...;v=1/run@2/a:b/{modelId}": "",

		"":                                   "must be a path that begins with /, on the platform's own host",
		"api/{modelId}":                      "must be a path that begins with /, on the platform's own host",
		"{modelId}":                          "must be a path that begins with /, on the platform's own host",
		".evil.example/{modelId}":            "must be a path that begins with /, on the platform's own host",
		":443/{modelId}":                     "must be a path that begins with /, on the platform's own host",
		"@evil.example/{modelId}":            "must be a path that begins with /, on the platform's own host",
		"user:pass@evil.example/{modelId}":   "must be a path that begins with /, on the platform's own host",
		"https://evil.example/{modelId}":     "must be a path that begins with /, on the platform's own host",
		"javascript:/{modelId}":              "must be a path that begins with /, on the platform's own host",
		" /api/{modelId}":                    "must be a path that begins with /, on the platform's own host",
		"//evil.example/{modelId}":           "must begin with a single /: // would name another host",
		"//user@evil.example/{modelId}":      "must begin with a single /: // would name another host",
		"///evil.example/{modelId}":          "must begin with a single /: // would name another host",
		"/%2fevil.example/{modelId}":         "must begin with a single /: // would name another host",
		"/%252Fevil.example/{modelId}":       "must begin with a single /: // would name another host",
		`/\evil.example/{modelId}`:           `must not contain '\\'`,
		`/api\..\{modelId}`:                  `must not contain '\\'`,
		"/%5cevil.example/{modelId}":         `must not contain \, encoded or not`,
		"/api/%255c../{modelId}":             `must not contain \, encoded or not`,
		"/../{modelId}":                      "must not contain . or .. as a segment, encoded or not",
		"/api/./{modelId}":                   "must not contain . or .. as a segment, encoded or not",
		"/api/{modelId}/..":                  "must not contain . or .. as a segment, encoded or not",
		"/api/%2e%2E/{modelId}":              "must not contain . or .. as a segment, encoded or not",
		"/api/.%2e/{modelId}":                "must not contain . or .. as a segment, encoded or not",
		"/api/%2e/{modelId}":                 "must not contain . or .. as a segment, encoded or not",
		"/api/%252e%252e/{modelId}":          "must not contain . or .. as a segment, encoded or not",
		"/api/x%2f..%2f..%2f{modelId}":       "must not contain . or .. as a segment, encoded or not",
		"/api/..;/{modelId}":                 "must not contain . or .. as a segment, encoded or not",
		"/api/..%3bx=1/{modelId}":            "must not contain . or .. as a segment, encoded or not",
		"/api/{modelId}?x=1":                 `must not contain '?'`,
		"/api/{modelId}#x":                   `must not contain '#'`,
		"/api/{modelId}/{other}":             `must not contain '{'`,
		"/api/{modelid}":                     `must not contain '{'`,
		"/a b/{modelId}":                     `must not contain ' '`,
		"/api/{modelId}\n":                   `must not contain '\n'`,
		"/api/{modelId} HTTP/1.1\r\nHost: x": `must not contain ' '`,
		"/api/\x00{modelId}":                 `must not contain '\x00'`,
		"/预案/{modelId}":                      `must not contain '预'`,
		"/api/%0d%0aHost:%20x/{modelId}":     "must not contain control characters or anything but text, encoded or not",
		"/api/%00/{modelId}":                 "must not contain control characters or anything but text, encoded or not",
		"/api/%c0%ae%c0%ae/{modelId}":        "must not contain control characters or anything but text, encoded or not",
		"/api/%zz/{modelId}":                 "has a % that two hexadecimal digits do not follow",
		"/api/%{modelId}":                    "has a % that two hexadecimal digits do not follow",
		"/api/%2{modelId}":                   "has a % that two hexadecimal digits do not follow",
		"/" + strings.Repeat("a", 1024):      "must not be longer than 1024 bytes",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			err := CheckExecutePath(path)
			if want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, want)
		})
	}
}

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
		sent := executePath(template, id)
		req, err := client.newRequest(t.Context(), request{method: http.MethodPost, path: sent}, "")
		require.NoError(t, err)
		require.Equal(t, "platform.example:8443", req.URL.Host)
		require.Equal(t, "https", req.URL.Scheme)
		require.Nil(t, req.URL.User)
		require.Empty(t, req.URL.RawQuery+req.URL.Fragment+req.URL.Opaque)
		require.Equal(t, sent, req.URL.RequestURI())

		before, _, _ := strings.Cut(template, modelPlaceholder)
		require.True(t, strings.HasPrefix(sent, before))
		require.Equal(t, strings.Count(template, "/"), strings.Count(sent, "/"))
		folder, err := url.PathUnescape(before[:strings.LastIndex(before, "/")+1])
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(path.Clean(req.URL.Path)+"/", strings.TrimSuffix(path.Clean(folder), "/")+"/"), sent)
	})
}
