package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/notify"
)

// message is an event in words.
type message struct {
	title   string
	lines   []string
	command string
	links   [][2]string // name and address
}

func newMessage(e notify.Event) (m message) {
	d := e.Data
	subject := e.Subject
	if d.Run != nil && d.Run.What != "" {
		subject += " (" + d.Run.What + ")"
	}
	add := func(format string, args ...any) { m.lines = append(m.lines, fmt.Sprintf(format, args...)) }
	m.title, m.command = subject+": "+strings.TrimPrefix(e.Type, notify.TypePrefix), d.Command
	switch {
	case d.Waits != nil:
		w := d.Waits
		m.title = subject + " waits: " + strings.TrimSpace(w.Kind+" "+w.Step)
		if w.Reason != "" {
			add("%s", w.Reason)
		}
		if len(w.Who) > 0 {
			add("Who may answer: %s (%d of %d have)", strings.Join(w.Who, ", "), w.Have, w.Need)
		}
		if w.Until != nil {
			add("Until: %s", clock(*w.Until))
		}
	case d.Ended != nil:
		m.title = subject + " ended " + d.Ended.Status
		if e.Type == notify.TypeRolledBack {
			m.title += ", and was rolled back"
		}
		add("%s", strings.TrimSpace(d.Ended.Error+" "+d.Ended.Reason))
	case d.Schedule != nil:
		m.title = fmt.Sprintf("schedule %s did not start %d of its runs", d.Schedule.ID, d.Schedule.Missed)
		add("Reason: %s", d.Schedule.Reason)
	}
	add("Time: %s", clock(e.Time))
	if d.Links != nil {
		for _, link := range [][2]string{{"Console", d.Links.Console}, {"Temporal", d.Links.Temporal}} {
			if link[1] != "" {
				m.links = append(m.links, link)
			}
		}
	}
	return m
}

func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

// plain is the message without any mark-up.
func (m message) plain() string {
	lines := append([]string{m.title}, m.lines...)
	lines = append(lines, "$ "+m.command)
	for _, link := range m.links {
		lines = append(lines, link[0]+": "+link[1])
	}
	return strings.Join(lines, "\n  ")
}

// markdown is the message as the robots of DingTalk and WeCom show it.
func (m message) markdown() string {
	lines := append([]string{"**" + escape(m.title) + "**"}, m.lines...)
	for i := range m.lines {
		lines[i+1] = escape(lines[i+1])
	}
	lines = append(lines, escape("$ "+m.command))
	for _, link := range m.links {
		lines = append(lines, "["+link[0]+"]("+link[1]+")")
	}
	return strings.Join(lines, "\n\n")
}

// escape keeps what comes from elsewhere from being mark-up, a link for one.
var escape = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "`", "\\`").Replace
