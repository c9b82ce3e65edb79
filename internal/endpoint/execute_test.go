package endpoint

import (
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

func TestNoModelIsExecutedByThePathOfAnotherEndpoint(t *testing.T) {
	t.Parallel()
	ways := map[string]func(path string) string{
		"as documented":         func(path string) string { return path },
		"with a slash behind":   func(path string) string { return path + "/" },
		"with more behind":      func(path string) string { return path + "/acf42dd3" },
		"with an id behind":     func(path string) string { return path + "/{modelId}" },
		"with a suffix":         func(path string) string { return path + ".json" },
		"with a parameter":      func(path string) string { return path + ";jsessionid=1" },
		"a parameter in front":  func(path string) string { return strings.Replace(path, "/oauth/", "/oauth;a=b/", 1) + ";x" },
		"an encoded parameter":  func(path string) string { return path + "%3bx=1%2f2" },
		"a parameter with more": func(path string) string { return before(path) + ";x%2Fy/" + last(path) },
		"an encoded query":      func(path string) string { return path + "%3Fx=1" },
		"an encoded fragment":   func(path string) string { return path + "%23x" },
		"in upper case":         strings.ToUpper,
		"in lower case":         strings.ToLower,
		"more slashes":          func(path string) string { return "/" + strings.ReplaceAll(path[1:], "/", "///") },
		"single slashes":        func(path string) string { return strings.ReplaceAll(path, "//", "/") },
		"a gateway in front":    func(path string) string { return "/gateway/v2" + path },
		"without its front":     func(path string) string { return "/" + last(before(path)) + "/" + last(path) },
		"an encoded letter":     func(path string) string { return before(path) + "/%" + hex(last(path)[0]) + last(path)[1:] },
		"encoded twice":         func(path string) string { return before(path) + "/%25" + hex(last(path)[0]) + last(path)[1:] },
		"encoded beside a broken one": func(path string) string {
			return "/x%25zz" + before(path) + "/%25" + hex(last(path)[0]) + last(path)[1:]
		},
		"an encoded slash":     func(path string) string { return before(path) + "%2F" + last(path) },
		"all of it encoded":    func(path string) string { return "/x" + strings.ReplaceAll(path, "/", "%2f") },
		"a space at the end":   func(path string) string { return path + "%20" },
		"as the id of a model": func(path string) string { return before(path) + "/{modelId}" },
	}
	for _, known := range all {
		for name, write := range ways {
			template := write(known)
			t.Run(name+" "+known, func(t *testing.T) {
				t.Parallel()
				require.EqualError(t, CheckExecution(template, last(known)), "must not be the path of another endpoint of the platform, "+known)
				if !strings.Contains(template, ModelPlaceholder) {
					require.Error(t, CheckExecutePath(template))
				}
			})
		}
	}
	for _, allowed := range []string{
		"/api/dpa/process/processModel/execute/{modelId}", "/api/dpa/process/processModel/{modelId}/listAll",
		"/api/dpa/process/processPlan/saveTimingParams", "/api/dpa/process/processModels/listAll", "/api/dpa/process/{modelId}",
	} {
		require.NoError(t, CheckExecutePath(allowed), allowed)
	}
}

func before(path string) string { return path[:strings.LastIndex(path, "/")] }
func last(path string) string   { return path[strings.LastIndex(path, "/")+1:] }

func hex(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

func TestTheIDOfAPlanLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"acf42dd3", "预案 1", "a/b", "a.b", "...", "a%b"} {
		require.NoError(t, CheckPlan(id), id)
	}
	for _, id := range []string{".", "..", "../saveTimingParam", "x/../../saveTimingParam", "%2e%2e", "..%2fsaveTimingParam", "..;/x", `..\x`, "a\nb", "a/./b"} {
		require.ErrorContains(t, CheckPlan(id), "is no plan id", id)
	}
}
