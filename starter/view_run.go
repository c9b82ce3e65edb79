package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/workflows"
)

// runView shows a plan's or a model's run in one line.
type runView workflows.Status

func (v runView) lines(now time.Time, columns, height int) []string {
	lines := wrap(fmt.Sprintf("%-7s %s", report.Took(&v.StartedAt, nil, now), v.describe()), columns, "        ")
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
	return strings.TrimSpace(fmt.Sprintf("%-10s %s", v.Phase, report.Joined(" ", v.InstanceID, v.Status, v.Reason)))
}
