package platform

import (
	"encoding/json"
	"errors"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/ids"
)

// FuzzEnvelope: whatever comes, success is only what HTTP, the envelope and an
// instance id together say, and errors stay short and discreet.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		envelope(200, oneInstance), envelope(`"200"`, `{"planInstanceId":1}`), envelope(2e2, "null"), envelope(999, "{}"),
		envelope(403, oneInstance), `{"code":200,"code":500}`, `{"CODE":200}`, `{"code":null}`, `{"code":1e99}`, `{"code":-200}`,
		`null`, `[]`, `""`, ``, ` `, page, `{"code":200,"data":[`, envelope(200, oneInstance) + "{}", "\xff\xfe", testSecret,
		`{"code":500,"message":"` + testSecret + `"}`, `{"code":500,"message":["\u2028",{"a":1e400}]}`,
	} {
		f.Add(200, []byte(seed))
		f.Add(403, []byte(seed))
		f.Add(502, []byte(seed))
	}
	private := newRedactor(testSecret)
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		got, err := parseAnswer("P5 trigger plan", status, body, private)
		for _, instance := range planInstance.find("acf42dd3", got.data) {
			require.NotEmpty(t, ids.Parse(instance["planInstanceId"]))
		}
		if err == nil {
			require.True(t, json.Valid(body) && got.code == 200 && status/100 == 2)
			return
		}
		var e *Error
		require.ErrorAs(t, err, &e)
		text := err.Error()
		require.NotContains(t, text, testSecret)
		require.True(t, utf8.ValidString(text))
		require.LessOrEqual(t, max(len(e.Message), len(e.Body)), maxPiece)
		for _, c := range text {
			require.False(t, unicode.IsControl(c), "%q", text)
		}
		outcome := OutcomeOf(err)
		require.NotContains(t, []Outcome{Triggered, NotSent}, outcome)
		if outcome == Rejected && status != 401 && status != 403 {
			require.Contains(t, didNotRun, e.Code)
			require.NotEqual(t, 5, status/100)
		}
	})
}

func TestOnlyWhatIsPrivateIsRedacted(t *testing.T) {
	t.Parallel()
	private := newRedactor("", testSecret)
	cause := errors.New("nothing to hide")
	require.Equal(t, cause, private.err(cause))
	require.Equal(t, "[redacted]!", newRedactor("top", "topsecret").text("topsecret!"))
	require.EqualError(t, private.err(errors.New("bad "+testSecret+"\n")), "bad [redacted]")
}

func TestAReadShowsNoSecretThatAnotherCallWasGiven(t *testing.T) {
	t.Parallel()
	server := serve(t, says(200, `{"code":999,"message":"model failed with password planted-elsewhere","data":null}`))
	c := withToken(newClient(t, server.URL, func(c *Config) { c.Private = func() []string { return []string{"planted-elsewhere"} } }))
	_, err := c.PlanOutputs(t.Context(), "p", "in1")
	require.ErrorContains(t, err, "password [redacted]")
	require.NotContains(t, err.Error(), "planted-elsewhere")
}

func TestASecretIsRedactedHoweverTheAnswerWritesIt(t *testing.T) {
	t.Parallel()
	const secret = `a"b\c<d>&e/f 预 secret`
	inJSON, err := json.Marshal(map[string]string{"PASSWORD": secret})
	require.NoError(t, err)
	twice, err := json.Marshal(string(inJSON))
	require.NoError(t, err)
	for _, written := range []string{
		secret, string(inJSON), string(twice), `{"PASSWORD":"a\"b\\c<d>&e\/f 预 secret"}`,
		url.QueryEscape(secret), html.EscapeString(secret), strings.ReplaceAll(html.EscapeString(secret), "&#34;", "&quot;"),
	} {
		require.NotContains(t, newRedactor(secret).text("before "+written+" after"), "secret", written)
	}
}
