package report

import (
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/dpaflow/dpaflow/runbook"
)

// Joined are the texts that are not empty.
func Joined(separator string, texts ...string) string {
	var there []string
	for _, text := range texts {
		if text != "" {
			there = append(there, text)
		}
	}
	return strings.Join(there, separator)
}

// Took is how long something took, or has taken until now where it has not ended; empty if it has not begun.
func Took(start, end *time.Time, now time.Time) string {
	switch {
	case start == nil || start.IsZero():
		return ""
	case end != nil:
		now = *end
	}
	return Span(now.Sub(*start))
}

// Span writes a duration for people, in whole seconds.
func Span(d time.Duration) string {
	return runbook.Duration(max(d, 0).Truncate(time.Second)).String()
}

// FillRows adds a row for every value that is there.
func FillRows(t table.Writer, rows [][2]string) {
	for _, row := range rows {
		if row[1] != "" {
			t.AppendRow(table.Row{row[0], row[1]})
		}
	}
}

// At writes a time for people, in their own zone.
func At(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// Clean keeps what comes from the platform from moving the cursor.
func Clean(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line)
}

// Clip shortens a name to what ids and summaries have room for.
func Clip(name string) string {
	const limit = 40
	runes := []rune(strings.Join(strings.Fields(name), "-"))
	return string(runes[:min(len(runes), limit)])
}

// Written is the value of a variable for people: a string as it is, anything else as JSON.
func Written(value any) string {
	data, err := runbook.FormatValue(value)
	if text, isString := value.(string); isString || err != nil {
		return text
	}
	return string(data)
}
