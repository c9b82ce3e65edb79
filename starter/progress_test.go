package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/dpaflow/dpaflow/workflows"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func waiting(status string) look {
	return look{status: workflows.Status{Phase: workflows.PhaseWaiting, InstanceID: "in1", Status: status, StartedAt: start}}
}

func TestElsewhereEveryChangeIsALineOfItsOwn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&out)
	p.now = func() time.Time { return start }
	p.tell(waiting(""))
	p.tell(waiting(""))
	p.draw()
	p.tell(waiting("RUNNING"))
	p.tell(look{err: errors.New("the run has not started yet")})
	p.tell(look{err: serviceerror.NewDeadlineExceeded("late")})
	p.tell(waiting("RUNNING"))
	p.end()
	require.Equal(t, "12:00:00 WAITING    in1\n12:00:00 WAITING    in1 RUNNING\n12:00:00 no worker answers\n12:00:00 WAITING    in1 RUNNING\n", out.String())
}

func TestATerminalShowsOneLineThatIsDrawnAgain(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := start.Add(time.Second)
	p := &progress{out: &out, width: func() int { return 40 }, now: func() time.Time { return now }}
	p.draw()
	require.Empty(t, out.String(), "nothing is known yet")
	p.tell(waiting("RUNNING"))
	now = start.Add(65*time.Second + 300*time.Millisecond)
	p.draw()
	p.end()
	require.Equal(t, back+"WAITING    in1 RUNNING  1s"+back+"WAITING    in1 RUNNING  1m5s"+back, out.String())
	require.NotContains(t, out.String(), "\n")
}

func TestALineNeverWrapsNorMovesTheCursor(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &progress{out: &out, width: func() int { return 30 }, now: func() time.Time { return start.Add(time.Hour) }}
	seen := waiting("")
	seen.status.Reason = "平台没有回答\n\x1b[2J\r" + strings.Repeat("很长", 50)
	p.tell(seen)
	line := strings.TrimPrefix(out.String(), back)
	require.NotContains(t, line, "\n")
	require.NotContains(t, line, "\r")
	require.NotContains(t, line, "\x1b")
	require.True(t, strings.HasSuffix(line, "  1h0m0s"), line)
	columns := 0
	for _, r := range line {
		columns++
		if r > 0x2e80 {
			columns++
		}
	}
	require.Less(t, columns, 30)
}
