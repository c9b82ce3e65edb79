package main

import (
	"regexp"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dpaflow/dpaflow/internal/report"
)

// wrap breaks a line into as many as it takes to be no wider than columns, 0 being no limit: at spaces, and between
// Chinese characters. Those after the first begin with the indent.
func wrap(line string, columns int, indent string) []string {
	line = report.Clean(line)
	if columns <= 0 || text.StringWidth(line) <= columns {
		return []string{line}
	}
	var lines []string
	start, width, space := 0, 0, -1 // of the line that is begun; space: after the last place to break at
	for i, r := range line {
		wide := text.StringWidth(string(r))
		if width+wide > columns && i > start {
			end := i
			if r != ' ' && space > start {
				end = space
			}
			lines = append(lines, strings.TrimRight(line[start:end], " "))
			return append(lines, wrapped(strings.TrimLeft(line[end:], " "), columns, indent)...)
		}
		width += wide
		if r == ' ' && strings.TrimSpace(line[start:i]) != "" || wide > 1 {
			space = i + len(string(r))
		}
	}
	return append(lines, line)
}

// wrapped are the lines after the first.
func wrapped(rest string, columns int, indent string) []string {
	if rest == "" {
		return nil
	}
	if text.StringWidth(indent) > columns/2 {
		indent = ""
	}
	return wrap(indent+rest, columns, indent)
}

// wrapCommand breaks a command at spaces, so that it can be copied as it is shown.
func wrapCommand(command string, columns int, indent string) []string {
	if columns <= 0 || text.StringWidth(indent+command) <= columns {
		return []string{indent + report.Clean(command)}
	}
	var lines []string
	line := indent
	for i, word := range shellWord.FindAllString(report.Clean(command), -1) {
		if i > 0 && text.StringWidth(line+" "+word) > columns-len(` \`) {
			lines, line = append(lines, line+` \`), indent+"  "+word
			continue
		}
		if i > 0 {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// shellWord is a word as a shell reads it, which must stay whole however long it is.
var shellWord = regexp.MustCompile(`(?:'[^']*'|\\.|[^\s'])+`)
