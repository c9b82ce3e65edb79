package runbook

import (
	"errors"
	"strings"
)

const (
	opening = "${{"
	closing = "}}"
)

// part is a piece of a text: as it stands, or an expression.
type part struct {
	text       string
	expression bool
}

var errUnclosed = errors.New("${{ is not closed by }}; a string with ${{ in it is written $${{")

// split takes a text apart. In it ${{ … }} is an expression and $${{ stands for ${{ itself. The
// expression ends at the first }} that is neither in a text of its own nor in an object.
func split(text string) ([]part, error) {
	var parts []part
	var plain strings.Builder
	for text != "" {
		before, after, found := strings.Cut(text, opening)
		if !found {
			plain.WriteString(text)
			break
		}
		if escaped, ok := strings.CutSuffix(before, "$"); ok {
			plain.WriteString(escaped + opening)
			text = after
			continue
		}
		plain.WriteString(before)
		end := endOf(after)
		if end < 0 {
			return nil, errUnclosed
		}
		if plain.Len() > 0 {
			parts = append(parts, part{text: plain.String()})
			plain.Reset()
		}
		parts = append(parts, part{text: strings.TrimSpace(after[:end]), expression: true})
		text = after[end+len(closing):]
	}
	if plain.Len() > 0 {
		parts = append(parts, part{text: plain.String()})
	}
	return parts, nil
}

// endOf finds the }} that ends an expression, -1 if there is none.
func endOf(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"', '\'':
			length := literal(text[i:], i > 0 && (text[i-1] == 'r' || text[i-1] == 'R'))
			if length < 0 {
				return -1
			}
			i += length - 1
		case '{':
			depth++
		case '}':
			if depth == 0 && strings.HasPrefix(text[i:], closing) {
				return i
			}
			depth--
		}
	}
	return -1
}

// literal is the length of the text in quotes that begins here, -1 if it does not end. In a raw one a
// backslash is a backslash.
func literal(text string, raw bool) int {
	quote := text[:1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(text, triple) {
		quote = triple
	}
	for i := len(quote); i < len(text); i++ {
		switch {
		case text[i] == '\\' && !raw:
			i++
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote)
		}
	}
	return -1
}
