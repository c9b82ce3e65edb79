// Package shell writes commands that people copy.
package shell

import (
	"regexp"
	"strings"
)

var bare = regexp.MustCompile(`^[\p{L}\p{N}_./:@%+=,][\p{L}\p{N}_./:@%+=,-]*$`)

// Quote writes a word as a shell takes it.
func Quote(word string) string {
	if bare.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
