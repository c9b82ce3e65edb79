package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// runView shows a plan's or a model's run in one line.
type runView workflows.Status

func (v runView) lines(now time.Time, columns, height int) []string {
	lines := wrap(fmt.Sprintf("%-7s %s", took(&v.StartedAt, nil, now), v.describe()), columns, "        ")
	if height > 0 && len(lines) > height {
		lines = lines[:height]
	}
	return lines
}

func (v runView) news(before view) []string {
	if last, ok := before.(runView); ok && last.describe() == v.describe() {
		return nil
	}
	return []string{v.describe()}
}

func (v runView) describe() string {
	return strings.TrimSpace(fmt.Sprintf("%-10s %s", v.Phase, joined(" ", v.InstanceID, v.Status, v.Reason)))
}

// joined are the texts that are not empty.
func joined(separator string, texts ...string) string {
	var there []string
	for _, text := range texts {
		if text != "" {
			there = append(there, text)
		}
	}
	return strings.Join(there, separator)
}

// took is how long something took, or has taken until now where it has not ended; empty if it has not begun.
func took(start, end *time.Time, now time.Time) string {
	switch {
	case start == nil || start.IsZero():
		return ""
	case end != nil:
		now = *end
	}
	return span(now.Sub(*start))
}

// span writes a duration for people, in whole seconds.
func span(d time.Duration) string {
	return runbook.Duration(max(d, 0).Truncate(time.Second)).String()
}
