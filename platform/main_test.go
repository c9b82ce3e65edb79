package platform

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

const (
	testSecret   = "xB5hQnmlNnc+iab3RODs6yHlcHqFHAM2e4PawddAxtI="
	testCode     = "MDZMZTCZZJITMGNMNY0ZNTDLLTHMNMNTNJDMZTEYMGJJYMQW"
	testCallback = "https://bridge.example/callbacks/plan/c2VjcmV0LXRva2VuLW9mLXRoaXMtcnVu"
)

// brief is a Timeout for calls that shall run into it: a busy machine gets them to the platform before.
const brief = 5 * time.Second

// seen is one request as it arrived.
type seen struct {
	method, uri, proto, peer, body string
	header                         http.Header
}

// fake is a platform that grants tokens and leaves all other calls to a test.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []seen
	tokens   []string
}

// serve starts a fake platform on 127.0.0.1.
func serve(t *testing.T, answer http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewServer(f.handler(t, answer))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) handler(t *testing.T, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the request: %v", err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		f.mu.Lock()
		f.requests = append(f.requests, seen{r.Method, r.RequestURI, r.Proto, r.RemoteAddr, string(body), r.Header.Clone()})
		f.mu.Unlock()
		switch r.URL.Path {
		case "/api/dp/auth/oauth/authorize":
			_, _ = io.WriteString(w, `{"code":200,"message":"","data":{"code":"`+testCode+`"}}`)
		case "/api/dp/auth/oauth/token":
			_, _ = io.WriteString(w, `{"code":200,"message":"","data":{"token_type":"Bearer ","access_token":"`+f.newToken(t)+`"}}`)
		default:
			answer(w, r)
		}
	}
}

func (f *fake) newToken(t *testing.T) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	value := testToken(t, map[string]any{"exp": time.Now().Add(time.Hour).Unix(), "jti": len(f.tokens)})
	f.tokens = append(f.tokens, value)
	return value
}

// to returns the requests whose URI contains part.
func (f *fake) to(part string) []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []seen
	for _, r := range f.requests {
		if strings.Contains(r.uri, part) {
			found = append(found, r)
		}
	}
	return found
}

func testToken(t *testing.T, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(payload) + "." + encode([]byte("nobody verifies this"))
}

func newClient(t *testing.T, baseURL string, change ...func(*Config)) *Client {
	t.Helper()
	config := Config{
		BaseURL:  baseURL,
		ClientID: "Cfjisl9AeNc066tkxSiKig==",
		Secret:   func() (string, error) { return testSecret, nil },
	}
	for _, f := range change {
		f(&config)
	}
	c, err := New(config)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	connections := c.sends.transport() // a busy machine may take longer than these limits to answer itself
	connections.DialContext, connections.TLSHandshakeTimeout = new(net.Dialer).DialContext, 0
	return c
}

// withToken gives a client a token that it need not fetch.
func withToken(c *Client) *Client {
	c.tokens.current = token{"a-token-at-hand", time.Now().Add(time.Hour)}
	return c
}

// says answers every call with a status and a body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// hijacks answers on the bare connection and closes it, with a reset if the answer is empty.
func hijacks(t *testing.T, answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("hijack: %v", err)
			return
		}
		if answer == "" {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
	}
}

// hangs answers when the caller has gone.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func data(text string) http.HandlerFunc {
	if !json.Valid([]byte(text)) {
		panic("not JSON: " + text)
	}
	return says(http.StatusOK, `{"code":200,"message":"success","data":`+text+`}`)
}
