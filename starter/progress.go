package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/runs"
)

// view is how a run is shown at one time.
type view interface {
	// lines are for a terminal, where they are drawn again and again: none wider than columns, and at most height, where
	// these are not 0.
	lines(now time.Time, columns, height int) []string
	// news are lines for what has changed since another view; that is nil at first.
	news(before view) []string
}

// progress shows where a run stands: on a terminal as lines that are drawn again and again, and
// elsewhere as a line for every change.
type progress struct {
	out  io.Writer
	size func() (columns, lines int) // of the terminal; nil: out is none
	now  func() time.Time

	shown  view
	silent string // why the run does not answer; empty while it does
	drawn  int    // lines that are on the terminal
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, now: time.Now}
	if file, ok := terminal(out); ok && os.Getenv("TERM") != "dumb" {
		p.size = func() (int, int) { return sizeOf(file) }
	}
	return p
}

// terminal returns the file that a terminal is.
func terminal(out io.Writer) (*os.File, bool) {
	file, ok := out.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

func sizeOf(file *os.File) (columns, lines int) {
	columns, lines, err := term.GetSize(int(file.Fd()))
	if err != nil || columns <= 0 || lines <= 0 {
		return 80, 24
	}
	return columns, lines
}

// columnsOf is how wide a terminal is; 0 for everything else.
func columnsOf(out io.Writer) int {
	file, ok := terminal(out)
	if !ok {
		return 0
	}
	columns, _ := sizeOf(file)
	return columns
}

// tell shows what a run has answered.
func (p *progress) tell(now look) {
	var news []string
	switch {
	case now.err == nil:
		news = now.view.news(p.shown)
		if p.silent != "" && len(news) == 0 {
			news = []string{"the run answers again"}
		}
		p.shown, p.silent = now.view, ""
	default:
		if why := runs.Unanswered(now.err); why != "" && why != p.silent {
			news, p.silent = []string{why}, why
		}
	}
	if p.size != nil {
		p.draw()
		return
	}
	for _, line := range news {
		fmt.Fprintln(p.out, p.now().Format("15:04:05"), report.Clean(line))
	}
}

// draw draws a terminal's lines anew, for the time that has passed.
func (p *progress) draw() {
	if p.size == nil || p.shown == nil && p.silent == "" {
		return
	}
	columns, height := p.size()
	var lines []string
	if p.silent != "" {
		lines = wrap(p.silent, columns-1, "")
		height -= len(lines)
	}
	if p.shown != nil {
		// A line that the terminal wraps by itself could not be drawn over.
		lines = append(p.shown.lines(p.now(), columns-1, max(height, 1)), lines...)
	}
	fmt.Fprint(p.out, p.back(), strings.Join(lines, "\n"))
	p.drawn = len(lines)
}

// end clears the terminal's lines for what comes next.
func (p *progress) end() {
	if p.drawn > 0 {
		fmt.Fprint(p.out, p.back())
	}
	p.drawn = 0
}

// back returns to the start of what is on the terminal and clears it.
func (p *progress) back() string {
	if p.drawn > 1 {
		return fmt.Sprintf("\r\x1b[%dA\x1b[J", p.drawn-1)
	}
	return "\r\x1b[J"
}
