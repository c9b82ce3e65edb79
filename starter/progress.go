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

	"github.com/dpaflow/dpaflow/workflows"
)

// progress shows where a run stands: on a terminal as one line that is drawn again and again, and
// elsewhere as a line for every change.
type progress struct {
	out   io.Writer
	width func() int // columns of the terminal; nil: out is none
	now   func() time.Time

	line  string
	since time.Time // the run's start; zero until it is known
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, now: time.Now}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
		p.width = func() int {
			const usual = 80
			width, _, err := term.GetSize(int(file.Fd()))
			if err != nil || width <= 0 {
				return usual
			}
			return width
		}
	}
	return p
}

// tell shows what a run has answered.
func (p *progress) tell(now look) {
	line := p.line
	switch {
	case now.err == nil:
		line, p.since = describe(now.status), now.status.StartedAt
	case unanswered(now.err):
		line = "no worker answers"
	}
	changed := line != p.line
	p.line = line
	if p.width != nil {
		p.draw()
	} else if changed {
		fmt.Fprintln(p.out, p.now().Format("15:04:05"), line)
	}
}

// back returns to the start of the terminal's line and clears it.
const back = "\r\x1b[K"

// draw draws the line of a terminal anew, for the time that has passed.
func (p *progress) draw() {
	if p.width == nil || p.line == "" {
		return
	}
	elapsed := ""
	if !p.since.IsZero() {
		elapsed = "  " + max(p.now().Sub(p.since), 0).Truncate(time.Second).String()
	}
	// A line that wraps could not be drawn over, so what is too long loses its end.
	room := p.width() - 1 - text.StringWidth(elapsed)
	fmt.Fprint(p.out, back, text.Trim(p.line, max(room, 0)), elapsed)
}

// end clears the terminal's line for what comes next.
func (p *progress) end() {
	if p.width != nil && p.line != "" {
		fmt.Fprint(p.out, back)
	}
}

// describe is a status in one line.
func describe(s workflows.Status) string {
	line := fmt.Sprintf("%-10s", s.Phase)
	for _, part := range []string{s.InstanceID, s.Status, s.Reason} {
		if part != "" {
			line += " " + part
		}
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' ' // what comes from the platform must not move the cursor
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
