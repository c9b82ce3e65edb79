package runbook

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// given is what an expression gives, as the JSON of Vars.
func given(t *testing.T, expression string) (string, error) {
	t.Helper()
	l, err := theLanguage()
	require.NoError(t, err)
	e := l.compile(source{text: expression})
	require.Empty(t, e.problems, expression)
	value, err := e.evaluate(Scope{Vars: Vars{"site": "beijing"}})
	if err != nil {
		return "", err
	}
	plain, err := native(value)
	if err != nil {
		return "", err
	}
	return show(plain), nil
}

// The list of functions in the documentation has every function and no other, and each example gives what stands there.
func TestTheFunctionsInTheDocumentsAreThoseOfTheLanguage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/runbooks.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n| function | example | gives |\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n\n")
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Za-z_]+)` \\|(?: `(.+)` \\| `(.+)`)").FindAllStringSubmatch(section, -1) {
		listed = append(listed, row[1])
		require.Contains(t, row[2], row[1], row[0])
		got, err := given(t, row[2])
		require.NoError(t, err, row[0])
		require.Equal(t, row[3], got, row[0])
	}
	l, err := theLanguage()
	require.NoError(t, err)
	known := map[string]bool{}
	for name, function := range l.plain.Functions() {
		if regexp.MustCompile(`^[A-Za-z]+$`).MatchString(name) && !function.IsDeclarationDisabled() {
			known[name] = true
		}
	}
	for _, macro := range l.plain.Macros() {
		known[macro.Function()] = true
	}
	require.Equal(t, slices.Sorted(maps.Keys(known)), slices.Compact(slices.Sorted(slices.Values(listed))))
}

func TestTextsAreReadAsJSONAndAsLines(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`lines("a\r\nb\n\nc")`: `["a","b","","c"]`,
		`lines("a\n")`:         `["a"]`,
		`lines("")`:            `[]`,
		`lines("\n")`:          `[""]`,
		`lines("\n\n")`:        `["",""]`,
		`json('{"b": [1, 2.5, 12345678901], "a": null}')`: `{"a":null,"b":[1,2.5,12345678901]}`,
		`json('[{"n": "x"}]').map(h, h.n)`:                `["x"]`,
		`json('"x"') + "y"`:                               `"xy"`,
		`json('2') + 1`:                                   `3`,
		`json('null') == null`:                            `true`,
		`json('{"z": 1, "a": 2, "m": 3}').map(k, k)`:      `["a","m","z"]`,
	} {
		got, err := given(t, expression)
		require.NoError(t, err, expression)
		require.Equal(t, want, got, expression)
	}
	for expression, because := range map[string]string{
		`json('{')`:                       `json: "{" is not JSON`,
		`json('')`:                        `is not JSON`,
		`json('1 2')`:                     `is not JSON`,
		`json('{"a": 1, "a": 2}')`:        "a: is given twice",
		`json('[123456789012345678901]')`: "has more digits than a number can keep",
		`json('{"a": 1}').b`:              "no such key: b",
	} {
		_, err := given(t, expression)
		require.ErrorContains(t, err, because, clip(expression))
	}
	large := "json('[' + vars.site.replace('beijing', '" + strings.Repeat("1,", 1000) + "').replace('1,', '" + strings.Repeat("1,", 200) + "') + '1]')"
	_, err := given(t, large)
	require.ErrorContains(t, err, "longer than 262144 bytes")
	for _, each := range []int{20, 100} {
		many := "json('[' + vars.site.replace('beijing', '" + strings.Repeat("1,", 1000) + "').replace('1,', '" + strings.Repeat("1,", each) + "') + '1]')"
		_, err = given(t, many)
		require.ErrorContains(t, err, "more than 10000 parts")
	}
}
