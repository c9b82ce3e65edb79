package activities

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/dpaflow/dpaflow/platform"
)

// leastRedacted is the length in bytes from which a secret is looked for within outputs. A shorter one is found by
// chance too often: it is taken out only where it is all that a node says.
const leastRedacted = 6

// leastLine is the same for a single line of a secret of several lines, such as a key in PEM.
const leastLine = 16

// redact takes the values of secrets out of outputs: a node that prints what it was given would bring them into the
// history.
func (s *Secrets) redact(outputs []ModelOutputs) {
	if s == nil {
		return
	}
	known := s.known()
	take := platform.Redactor(long(known)...)
	redact := func(text *string) {
		if slices.Contains(known, strings.TrimSpace(*text)) {
			*text = "[redacted]"
		} else {
			*text = take(*text)
		}
	}
	for i := range outputs {
		redact(&outputs[i].ModelName)
		for j := range outputs[i].Nodes {
			redact(&outputs[i].Nodes[j].Name)
			redact(&outputs[i].Nodes[j].Result)
		}
	}
}

// Private are the values that must not be shown, wherever they stand: for the platform's client, whose errors repeat what
// the platform says.
func (s *Secrets) Private() []string { return long(s.known()) }

// known are the values in the folder, and those that were given out since the worker started.
func (s *Secrets) known() []string {
	values := s.sent.Keys()
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil { // a folder that is gone: what was given out is known all the same
		return values
	}
	for _, entry := range entries {
		// What cannot be read as a secret cannot have been sent as one.
		if info, err := s.root.Stat(entry.Name()); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if value, err := s.read(entry.Name()); err == nil {
			values = append(values, value)
		}
	}
	return values
}

// long are the values that are taken out wherever they stand.
func long(values []string) (found []string) {
	for _, value := range values {
		if len(value) >= leastRedacted {
			found = append(found, value)
		}
		if !strings.Contains(value, "\n") {
			continue
		}
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= leastLine && !strings.HasPrefix(line, "-----") {
				found = append(found, line)
			}
		}
	}
	return found
}
