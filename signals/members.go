package signals

import (
	"bytes"
	"encoding/json"
	"iter"
)

// space is what JSON allows between its parts.
const space = " \t\r\n"

// members yields the names and values of a JSON object as they are spelled, those that occur twice too. The object is
// valid and in UTF-8, as encoding/json has found: that leaves little to look for, and encoding/json's own tokens take
// five times as long.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		rest := bytes.TrimLeft(object[1:], space)
		for rest[0] == '"' {
			name := rest[:stringEnd(rest)]
			rest = bytes.TrimLeft(rest[len(name):], space+":")
			value := rest[:valueEnd(rest)]
			rest = bytes.TrimLeft(rest[len(value):], space+",")
			if !yield(name, value) {
				return
			}
		}
	}
}

// stringEnd returns where the string ends that b begins with.
func stringEnd(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// valueEnd returns where the value ends that b begins with: at what may stand behind it.
func valueEnd(b []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch b[i] {
		case '"':
			i += stringEnd(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
}

// unquote returns the text that a JSON value stands for; not ok if it is no text.
func unquote(value []byte) (text string, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), true
	}
	err := json.Unmarshal(value, &text)
	return text, err == nil
}
