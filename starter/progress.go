package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
	"go.temporal.io/api/serviceerror"
	"golang.org/x/term"
)

// view is how a run is shown at one time.
type view interface {
	// lines are for a terminal, where they are drawn again and again: at most so many, if that is not 0.
	lines(now time.Time, height int) []string
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
	silent bool // nobody answers
	drawn  int  // lines that are on the terminal
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, now: time.Now}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
		p.size = func() (int, int) {
			columns, lines, err := term.GetSize(int(file.Fd()))
			if err != nil || columns <= 0 || lines <= 0 {
				return 80, 24
			}
			return columns, lines
		}
	}
	return p
}

const noAnswer = "no worker answers"

// tell shows what a run has answered.
func (p *progress) tell(now look) {
	var news []string
	switch {
	case now.err == nil:
		news = now.view.news(p.shown)
		if p.silent && len(news) == 0 {
			news = []string{"a worker answers again"}
		}
		p.shown, p.silent = now.view, false
	case unanswered(now.err):
		if !p.silent {
			news = []string{noAnswer}
		}
		p.silent = true
	}
	if p.size != nil {
		p.draw()
		return
	}
	for _, line := range news {
		fmt.Fprintln(p.out, p.now().Format("15:04:05"), clean(line))
	}
}

// draw draws a terminal's lines anew, for the time that has passed.
func (p *progress) draw() {
	if p.size == nil || p.shown == nil && !p.silent {
		return
	}
	columns, height := p.size()
	var lines []string
	if p.silent {
		lines = []string{noAnswer}
		height--
	}
	if p.shown != nil {
		lines = append(p.shown.lines(p.now(), max(height, 1)), lines...)
	}
	for i := range lines {
		// A line that wraps could not be drawn over, so what is too long loses its end.
		lines[i] = text.Trim(clean(lines[i]), columns-1)
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

// clean keeps what comes from the platform from moving the cursor.
func clean(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line)
}

// unanswered tells whether nobody was there to answer: a run that has not begun yet answers with an error too.
func unanswered(err error) bool {
	var late *serviceerror.DeadlineExceeded
	var nobody *serviceerror.FailedPrecondition
	return errors.As(err, &late) || errors.As(err, &nobody)
}
