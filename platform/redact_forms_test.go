package platform

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSecretsAreTakenOutHoweverJSONAndURLsEscapeThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ secret, written string }{
		"JSON in ASCII, as Python's json.dumps and many Java programs write it": {"密码-4711", `{"p":"\u5bc6\u7801-4711"}`},
		"the same in capitals, as fastjson writes it":                           {"密码-4711", `{"p":"\u5BC6\u7801-4711"}`},
		"JSON as Gson writes it":                                                {"a=b'c-4711", `{"p":"a\u003db\u0027c-4711"}`},
		"a URL, as curl --data-urlencode and encodeURIComponent write it":       {"pass word-4711", `https://db.example/?p=pass%20word-4711`},
		"a URL in small letters":                                                {"pass/word-4711", `https://db.example/?p=pass%2fword-4711`},
	} {
		require.NotContains(t, Redactor(c.secret)(c.written), "4711", name)
	}
}
