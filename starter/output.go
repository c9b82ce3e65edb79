package main

import (
	"encoding/json"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
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

// fillRows adds a row for every value that is there.
func fillRows(t table.Writer, rows [][2]string) {
	for _, row := range rows {
		if row[1] != "" {
			t.AppendRow(table.Row{row[0], row[1]})
		}
	}
}

// at writes a time for people, in their own zone.
func at(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
