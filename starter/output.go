package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/dpaflow/dpaflow/internal/report"
)

// print writes value as one JSON document, or for people what fill puts into a table.
func (a *app) print(value any, fill func(table.Writer)) error {
	if a.json {
		encoder := json.NewEncoder(a.out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	t := table.NewWriter()
	t.SetOutputMirror(a.out)
	t.SetStyle(table.StyleLight)
	fill(t)
	t.Render()
	return nil
}

// show prints the state of a run.
func (a *app) show(workflowID string, s report.State) error {
	if s.Runbook == nil || a.json {
		return a.print(s.Raw, s.Fill)
	}
	view := &bookView{id: workflowID, result: *s.Runbook}
	_, err := fmt.Fprintln(a.out, strings.Join(view.lines(time.Now(), columnsOf(a.out), 0), "\n"))
	return err
}
