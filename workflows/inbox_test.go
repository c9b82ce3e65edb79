package workflows

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/signals"
)

func TestAnInboxHandsNewsToTheRunWhicheverComesFirst(t *testing.T) {
	t.Parallel()
	news := func(status string) signals.News {
		return signals.News{Callback: signals.Callback{InstanceID: "in1", Status: status}}
	}
	for name, test := range map[string]struct {
		registers time.Duration
		lost      error
		want      []string
		lasts     time.Duration
	}{
		"news first":            {registers: time.Hour, want: []string{"RUNNING", "SUCCESS"}, lasts: time.Hour},
		"the run first":         {registers: time.Second, want: []string{"RUNNING", "SUCCESS"}, lasts: 20 * time.Minute},
		"the run in between":    {registers: 15 * time.Minute, want: []string{"RUNNING", "SUCCESS"}, lasts: 20 * time.Minute},
		"a run that never came": {registers: 48 * time.Hour, lasts: 24 * time.Hour},
		"a run that has ended":  {registers: time.Second, lost: errors.New("not found"), want: []string{"RUNNING"}, lasts: 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			start := b.Now()
			var got []string
			b.OnSignalExternalWorkflow(mock.Anything, "run", "", "platform-callback:in1", mock.Anything).Return(
				func(_, _, _, _ string, arg any) error {
					got = append(got, arg.(signals.Callback).Status)
					return test.lost
				})
			b.RegisterDelayedCallback(func() {
				b.SignalWorkflow(signals.InboxRegister, signals.Registration{WorkflowID: "run", Until: b.Now().Add(time.Hour)})
			}, test.registers)
			b.RegisterDelayedCallback(func() { b.SignalWorkflow(signals.InboxNews, news("RUNNING")) }, 10*time.Minute)
			b.RegisterDelayedCallback(func() { b.SignalWorkflow(signals.InboxNews, news("RUNNING")) }, 11*time.Minute)
			b.RegisterDelayedCallback(func() { b.SignalWorkflow(signals.InboxNews, news("SUCCESS")) }, 20*time.Minute)
			b.ExecuteWorkflow(signals.InboxWorkflow, signals.InboxInput{Kind: signals.KindPlan, InstanceID: "in1", TTL: "24h"})
			require.True(t, b.IsWorkflowCompleted())
			require.NoError(t, b.GetWorkflowError())
			require.Equal(t, test.want, got)
			require.WithinDuration(t, start.Add(test.lasts), b.Now(), time.Minute)
		})
	}
}

func TestAnInboxHandsOverWhatCameToTheAddressOfTheRunThatTriggeredAlone(t *testing.T) {
	t.Parallel()
	for from, want := range map[string][]string{
		"":        {"by its id"},
		"first":   {"SUCCESS"},
		"another": {"FAIL"},
	} {
		b := newBench(t)
		var got []string
		b.OnSignalExternalWorkflow(mock.Anything, "run", "", "platform-callback:in1", mock.Anything).Return(
			func(_, _, _, _ string, arg any) error {
				got = append(got, arg.(signals.Callback).Status)
				return nil
			})
		b.RegisterDelayedCallback(func() {
			news := func(from, status string) {
				b.SignalWorkflow(signals.InboxNews, signals.News{Callback: signals.Callback{InstanceID: "in1", Status: status}, From: from})
			}
			news("another", "FAIL")
			b.SignalWorkflow(signals.InboxRegister, signals.Registration{WorkflowID: "run", From: from, Until: b.Now().Add(time.Hour)})
			news("first", "SUCCESS")
			news("", "by its id")
		}, time.Minute)
		b.ExecuteWorkflow(signals.InboxWorkflow, signals.InboxInput{Kind: signals.KindPlan, InstanceID: "in1", TTL: "24h"})
		require.NoError(t, b.GetWorkflowError())
		require.Equal(t, want, got, from)
	}
}

func TestAnInboxThatAStrangerFillsStillHandsOverTheEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var last string
	b.OnSignalExternalWorkflow(mock.Anything, "run", "", "platform-callback:in1", mock.Anything).Return(
		func(_, _, _, _ string, arg any) error {
			last = arg.(signals.Callback).Status
			return nil
		})
	b.RegisterDelayedCallback(func() {
		for i := range 100 {
			b.SignalWorkflow(signals.InboxNews, signals.News{Callback: signals.Callback{InstanceID: "in1", Status: fmt.Sprintf("NOISE_%d", i)}})
		}
		b.SignalWorkflow(signals.InboxNews, signals.News{Callback: signals.Callback{InstanceID: "in1", Status: "SUCCESS"}})
		b.SignalWorkflow(signals.InboxRegister, signals.Registration{WorkflowID: "run", Until: b.Now().Add(time.Hour)})
	}, time.Minute)
	b.ExecuteWorkflow(signals.InboxWorkflow, signals.InboxInput{Kind: signals.KindPlan, InstanceID: "in1", TTL: "24h"})
	require.NoError(t, b.GetWorkflowError())
	require.Equal(t, "SUCCESS", last)
}
