package main

import (
	"bytes"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

func ringOf(t testing.TB, id string) keys.Ring {
	t.Helper()
	ring, err := keys.Parse(id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte(id), keys.Size)[:keys.Size]))
	require.NoError(t, err)
	return ring
}

// begin serves a console whose Temporal nobody has reached yet.
func begin(t *testing.T, change func(*config.Console)) (*console, *httptest.Server) {
	t.Helper()
	temporal, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	cfg := config.Console{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8092"}}
	if change != nil {
		change(&cfg)
	}
	c, err := newConsole(cfg, &connect.Client{Client: temporal, Namespace: "default"}, slog.New(slog.DiscardHandler), noop.NewMeterProvider())
	require.NoError(t, err)
	t.Cleanup(c.stop)
	server := httptest.NewServer(c.handler())
	t.Cleanup(server.Close)
	return c, server
}

func withSignIn(cfg *config.Console) {
	cfg.Issuer, cfg.Operators = "https://issuer.example", []string{"operators"}
	cfg.URL = &url.URL{Scheme: "https", Host: "console.example"}
}

type answer struct {
	*http.Response
	text string
}

// call sends a request with pairs of header names and values, and follows no redirects.
func call(t *testing.T, method, address, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
			continue
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return answer{response, string(text)}
}

func TestEveryAnswerForbidsWhatNoPageNeeds(t *testing.T) {
	t.Parallel()
	_, open := begin(t, nil)
	_, signed := begin(t, withSignIn)
	for _, at := range []struct{ address, host string }{
		{open.URL + "/start/form?kind=x", ""}, {open.URL + "/none", ""}, {open.URL + "/static/style.css", ""},
		{open.URL + "/run", ""}, {signed.URL + "/", "console.example"}, {signed.URL + "/", "evil.example"},
	} {
		var headers []string
		if at.host != "" {
			headers = []string{"Host", at.host}
		}
		got := call(t, "GET", at.address, "", headers...)
		policy := got.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'", at.address)
		require.NotContains(t, policy, "unsafe", at.address)
		for name, value := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			require.Equal(t, value, got.Header.Get(name), at.address)
		}
	}
	require.NotEmpty(t, call(t, "GET", signed.URL+"/", "", "Host", "console.example").Header.Get("Strict-Transport-Security"))
	require.Equal(t, http.StatusMisdirectedRequest, call(t, "GET", signed.URL+"/", "", "Host", "evil.example").StatusCode)
	require.Equal(t, http.StatusMisdirectedRequest, call(t, "GET", open.URL+"/", "", "Host", "rebound.example").StatusCode, "a name of somebody else's that leads to this machine")
}

func TestAFormOfAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	_, server := begin(t, nil)
	for _, headers := range [][]string{
		{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "cross-site", "Origin", server.URL},
	} {
		for _, path := range []string{"/run/act", "/start", "/sign-out"} {
			got := call(t, "POST", server.URL+path, "id=w&action=abort&by=li", headers...)
			require.Equal(t, http.StatusForbidden, got.StatusCode, "%v", headers)
			require.Contains(t, got.text, "another site")
		}
	}
	require.Equal(t, http.StatusBadRequest, call(t, "POST", server.URL+"/run/act", "action=none", "Sec-Fetch-Site", "same-origin").StatusCode)
	require.Equal(t, http.StatusNotFound, call(t, "PUT", server.URL+"/run/act", "").StatusCode)
	require.Equal(t, http.StatusNotFound, call(t, "GET", server.URL+"/sign-out", "").StatusCode)
}

func TestOnlyThoseWhoHaveSignedInSeeAnything(t *testing.T) {
	t.Parallel()
	c, server := begin(t, func(cfg *config.Console) { withSignIn(cfg); cfg.Keys = ringOf(t, "k") })
	cookie := func(s session, ring keys.Ring, purpose string) string {
		sealed, err := seal(ring, purpose, s)
		require.NoError(t, err)
		return c.cookies.name("session") + "=" + sealed
	}
	now := session{Subject: "sub", Name: "zhang", Until: time.Now().Add(time.Hour)}
	get := func(method, path, cookie string) answer {
		return call(t, method, server.URL+path, "", "Host", "console.example", "Cookie", cookie, "Sec-Fetch-Site", "same-origin")
	}
	past := now
	past.Until = time.Now().Add(-time.Second)
	good := cookie(now, c.cfg.Keys, "session")
	for name, is := range map[string]string{
		"no cookie": "", "nonsense": c.cookies.name("session") + "=x", "another's key": cookie(now, ringOf(t, "x"), "session"),
		"the same id, another key":       strings.Replace(cookie(now, ringOf(t, "x"), "session"), "=x.", "=k.", 1),
		"a sealed value of another kind": cookie(now, c.cfg.Keys, "pending"), "one that has ended": cookie(past, c.cfg.Keys, "session"),
		"one that was changed": good[:len(good)-2] + "AA", "without its prefix": strings.TrimPrefix(good, "__Host-"),
	} {
		for _, path := range []string{"/", "/run?id=w", "/run/graph.svg?id=w", "/run/live?id=w", "/live", "/run/report.md?id=w", "/start", "/start/form?kind=runbook&name=a.yaml", "/run/act?id=w&action=abort"} {
			got := get("GET", path, is)
			require.Equal(t, http.StatusUnauthorized, got.StatusCode, "%s: %s", name, path)
			require.Contains(t, got.text, "/sign-in?to="+url.QueryEscape(path))
		}
		require.Equal(t, http.StatusUnauthorized, get("POST", "/run/act", is).StatusCode)
	}
	require.Equal(t, http.StatusForbidden, get("GET", "/run/act?id=w&action=abort", good).StatusCode, "who may look only")
	require.Contains(t, get("GET", "/start/form?kind=runbook&name=a.yaml", good).text, "may look, and not act")
	require.Equal(t, http.StatusForbidden, get("POST", "/start", good).StatusCode)
	may := now
	may.MayAct = true
	require.Equal(t, http.StatusOK, get("GET", "/run/act?id=w&action=abort", cookie(may, c.cfg.Keys, "session")).StatusCode)
}

func TestACookieIsForTheConsoleAlone(t *testing.T) {
	t.Parallel()
	c, _ := begin(t, withSignIn)
	w := httptest.NewRecorder()
	require.NoError(t, c.cookies.set(w, "session", session{Name: "zhang"}, time.Hour))
	header := w.Header().Get("Set-Cookie")
	require.True(t, strings.HasPrefix(header, "__Host-dpa-session="))
	for _, word := range []string{"HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=3600"} {
		require.Contains(t, header, word)
	}
	require.NotContains(t, header, "zhang")
	require.NotContains(t, header, "Domain")
}

func TestASignInLeadsToAPageOfTheConsoleOnly(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"/run?id=a/b&step=c": "/run?id=a/b&step=c", "/": "/", "": "/", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/",
		"/\t/evil.example": "/", "javascript:alert(1)": "/", "evil": "/", `\\evil`: "/", "/\r\nSet-Cookie: a=b": "/", "http:/evil": "/", "/%2fevil.example": "/%2fevil.example",
	} {
		require.Equal(t, want, local(to), "%q", to)
	}
}

func TestASignInThatThisBrowserDidNotBeginIsRefused(t *testing.T) {
	t.Parallel()
	c, server := begin(t, func(cfg *config.Console) { withSignIn(cfg); cfg.Keys = ringOf(t, "k") })
	sealed, err := seal(c.cfg.Keys, "pending", pending{State: "right", Until: time.Now().Add(time.Minute)})
	require.NoError(t, err)
	late, err := seal(c.cfg.Keys, "pending", pending{State: "right", Until: time.Now().Add(-time.Minute)})
	require.NoError(t, err)
	for name, is := range map[string][2]string{
		"without a cookie": {"", "right"}, "another state": {sealed, "wrong"}, "no state": {sealed, ""}, "too late": {late, "right"},
	} {
		got := call(t, "GET", server.URL+"/signed-in?code=c&state="+is[1], "", "Host", "console.example", "Cookie", c.cookies.name("pending")+"="+is[0])
		require.Equal(t, http.StatusForbidden, got.StatusCode, name)
		require.NotContains(t, strings.Join(got.Header.Values("Set-Cookie"), ";"), "session=", name)
	}
	refused := call(t, "GET", server.URL+"/signed-in?state=right&error=%3Cscript%3E", "", "Host", "console.example", "Cookie", c.cookies.name("pending")+"="+sealed)
	require.NotContains(t, refused.text, "<script>x")
	require.Contains(t, refused.text, "&lt;script&gt;")
}

func TestOnlyRunbooksBelowTheirFolderAreRead(t *testing.T) {
	t.Parallel()
	around := t.TempDir()
	folder := filepath.Join(around, "books")
	const document = "name: planted\nsteps: [{id: a, plan: p}]"
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "below"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(around, "secret.yaml"), []byte(document), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "below", "good.yaml"), []byte(document), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "key"), []byte(document), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "outer.yaml"), []byte("name: outer\nsteps: [{id: a, runbook: below/good.yaml}]"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "escapes.yaml"), []byte("name: escapes\nsteps: [{id: a, runbook: ../secret.yaml}]"), 0o600))
	require.NoError(t, os.Symlink("../secret.yaml", filepath.Join(folder, "link.yaml")))
	_, server := begin(t, func(cfg *config.Console) { cfg.RunbooksDir = folder })
	get := func(name string) answer {
		return call(t, "GET", server.URL+"/start/form?kind=runbook&name="+url.QueryEscape(name), "")
	}
	require.Contains(t, get("below/good.yaml").text, "planted")
	require.Equal(t, http.StatusOK, get("outer.yaml").StatusCode)
	escapes := get("escapes.yaml")
	require.Equal(t, http.StatusUnprocessableEntity, escapes.StatusCode)
	require.Contains(t, escapes.text, "below DPA_RUNBOOKS_DIR")
	for _, name := range []string{"../secret.yaml", "link.yaml", "below/../../secret.yaml", filepath.Join(around, "secret.yaml"), "key", "", "below", "..%2fsecret.yaml", "below/good.yaml\x00"} {
		got := get(name)
		require.Equal(t, http.StatusNotFound, got.StatusCode, name)
		require.NotContains(t, got.text, "planted", name)
	}
	for _, path := range []string{"/static/", "/static/../chinese.json", "/static/%2e%2e/chinese.json", "/static/..%5cchinese.json"} {
		require.NotEqual(t, http.StatusOK, call(t, "GET", server.URL+path, "").StatusCode, path)
	}
}

func TestWithoutSignInEveryPageSaysThatNamesAreNotChecked(t *testing.T) {
	t.Parallel()
	_, server := begin(t, nil)
	for _, path := range []string{"/none", "/run", "/run/act?id=w&action=abort", "/start/form?kind=x"} {
		require.Contains(t, call(t, "GET", server.URL+path, "").text, "names are not checked", path)
		require.Contains(t, call(t, "GET", server.URL+path, "", "Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8").text, "姓名未经核实", path)
	}
	require.Contains(t, call(t, "GET", server.URL+"/none", "", "Accept-Language", "fr, en;q=0.5").text, `lang="en"`)
}

func TestPagesArePackedForThoseWhoTakeIt(t *testing.T) {
	t.Parallel()
	_, server := begin(t, nil)
	require.Equal(t, "gzip", call(t, "GET", server.URL+"/none", "", "Accept-Encoding", "gzip").Header.Get("Content-Encoding"))
	require.Empty(t, call(t, "GET", server.URL+"/none", "").Header.Get("Content-Encoding"))
}
