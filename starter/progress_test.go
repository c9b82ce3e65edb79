package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/workflows"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func waiting(status string) look {
	return look{view: runView{Phase: workflows.PhaseWaiting, InstanceID: "in1", Status: status, StartedAt: start}}
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
	p.tell(look{err: serviceerror.NewFailedPrecondition("no poller")})
	stopped := runs.Paused{WorkflowID: "dr-1", Info: &workflow.WorkflowExecutionPauseInfo{Identity: "op", Reason: "maintenance", PausedTime: timestamppb.New(start)}}
	p.tell(look{err: stopped})
	p.tell(look{err: stopped})
	p.tell(waiting("RUNNING"))
	p.end()
	require.Equal(t, "12:00:00 WAITING    in1\n12:00:00 WAITING    in1 RUNNING\n12:00:00 no worker answers\n"+
		"12:00:00 "+stopped.Error()+"\n12:00:00 the run answers again\n", out.String())
	require.Contains(t, stopped.Error(), "temporal workflow unpause --workflow-id dr-1")
}

func TestATerminalShowsLinesThatAreDrawnAgain(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := start.Add(time.Second)
	p := &progress{out: &out, size: func() (int, int) { return 40, 10 }, now: func() time.Time { return now }}
	p.draw()
	require.Empty(t, out.String(), "nothing is known yet")
	p.tell(waiting("RUNNING"))
	now = start.Add(65*time.Second + 300*time.Millisecond)
	p.draw()
	p.tell(look{err: serviceerror.NewDeadlineExceeded("late")})
	p.draw()
	p.end()
	const back, backTwo = "\r\x1b[J", "\r\x1b[1A\x1b[J"
	line := "1m5s    WAITING    in1 RUNNING"
	silent := line + "\nno worker answers"
	require.Equal(t, back+"1s      WAITING    in1 RUNNING"+back+line+back+silent+backTwo+silent+backTwo, out.String())
}

func TestALineIsNoWiderThanTheTerminalNorMovesTheCursor(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &progress{out: &out, size: func() (int, int) { return 30, 100 }, now: func() time.Time { return start.Add(time.Hour) }}
	seen := waiting("")
	run := seen.view.(runView)
	run.Reason = "平台没有回答\n\x1b[2J\r" + strings.Repeat("很长", 50)
	p.tell(look{view: run})
	drawn := strings.TrimPrefix(out.String(), "\r\x1b[J")
	require.NotContains(t, drawn, "\r")
	require.NotContains(t, drawn, "\x1b")
	require.True(t, strings.HasPrefix(drawn, "1h      WAITING"), drawn)
	require.Equal(t, 50, strings.Count(drawn, "很"), "nothing is cut")
	for line := range strings.SplitSeq(drawn, "\n") {
		require.Less(t, text.StringWidth(line), 30, line)
	}
}
