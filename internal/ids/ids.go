// Package ids reads the ids of the platform, which it writes as strings or as numbers, with spaces around them or
// without: what a trigger's answer names and what a callback names must compare equal.
package ids

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Max is far above any id of the platform's, in bytes.
const Max = 256

// javaFloat is how Java writes a whole number of more than seven digits that it took for a float.
var javaFloat = regexp.MustCompile(`^[1-9]\.[0-9]+E[0-9]+$`)

// Parse returns the id that a JSON value is: a string without the spaces around it, or a whole number in digits. It is
// empty where the value is no id, such as an object, or a number of which an exponent may have hidden digits.
func Parse(value json.RawMessage) string {
	value = bytes.TrimSpace(value)
	var id string
	switch {
	case len(value) == 0:
		return ""
	case value[0] >= '0' && value[0] <= '9':
		id = number(string(value))
	case json.Unmarshal(value, &id) != nil:
		return ""
	}
	id = strings.TrimSpace(id)
	if javaFloat.MatchString(id) {
		id = number(id)
	}
	if len(id) > Max || strings.ContainsFunc(id, func(c rune) bool { return c == utf8.RuneError || !unicode.IsPrint(c) }) {
		return ""
	}
	return id
}

// number writes a number in digits alone, empty where it is not whole or not exact.
func number(text string) string {
	if strings.Trim(text, "0123456789") == "" {
		return text
	}
	const exact = 1 << 53 // from here on, a float skips numbers
	float, err := strconv.ParseFloat(text, 64)
	if err != nil || float >= exact || float != float64(int64(float)) {
		return ""
	}
	return strconv.FormatInt(int64(float), 10)
}
