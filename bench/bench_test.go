package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/dpaflow/dpaflow/internal/devstack"
)

func TestMain(m *testing.M) {
	if err := enterRepository(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestQuantilesAreValuesThatWereMeasured(t *testing.T) {
	t.Parallel()
	var hundred []int
	for i := range 100 {
		hundred = append(hundred, 100-i) // not in order
	}
	require.Equal(t, 51, quantile(hundred, .5))
	require.Equal(t, 100, quantile(hundred, .99))
	require.Equal(t, 3, quantile([]int{3}, .99))
	require.Zero(t, quantile([]int{}, .5))
	require.Equal(t, 100, hundred[0], "the values stay in their order")
}

func TestTheMedianOfAnEvenNumberIsBetweenTheTwoInTheMiddle(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 2, median([]float64{9, 1, 2}), 0)
	require.InDelta(t, 2.5, median([]float64{9, 1, 2, 3}), 0)
	require.Zero(t, median([]time.Duration{}))
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	t.Parallel()
	// A machine that is twice as slow in the second round is no difference between the sides.
	ratio := ratios([]float64{100, 50, 90}, []float64{100, 50, 100})
	require.Equal(t, Spread{Median: 1, Min: .9, Max: 1, Rounds: []float64{1, 1, .9}}, ratio)
	require.Equal(t, Spread{}, ratios(nil, nil))
}

func TestSidesTakeTurnsInGoingFirst(t *testing.T) {
	t.Parallel()
	var order strings.Builder
	write := func(side string) func(int) error {
		return func(round int) error { _, err := fmt.Fprintf(&order, "%s%d ", side, round); return err }
	}
	require.NoError(t, alternate(3, write("A"), write("B")))
	require.Equal(t, "A0 B0 B1 A1 A2 B2 B3 A3 ", order.String())
}

func TestALoadHasSoManyAtATimeAndStopsAtAnError(t *testing.T) {
	t.Parallel()
	busy := make(chan struct{}, 3)
	took, _, err := load{3, 50}.do(t.Context(), func(context.Context, int) error {
		select {
		case busy <- struct{}{}:
		default:
			return fmt.Errorf("more than %d at a time", cap(busy))
		}
		<-busy
		return nil
	})
	require.NoError(t, err)
	require.Len(t, took, 50)
	_, _, err = load{3, 50}.do(t.Context(), func(_ context.Context, i int) error {
		if i == 7 {
			return os.ErrInvalid
		}
		return nil
	})
	require.ErrorIs(t, err, os.ErrInvalid)
}

func TestGrowthIsToldByItsExponent(t *testing.T) {
	t.Parallel()
	grows := func(power float64) float64 {
		return exponent([]float64{10, 100, 1000}, func(x float64) (float64, float64) { return x, 7 * math.Pow(x, power) })
	}
	require.InDelta(t, 1, grows(1), 1e-9)
	require.InDelta(t, 2, grows(2), 1e-9)
	require.InDelta(t, 1.5, fit([][2]float64{{1, 2}, {10, 2 * math.Pow(10, 1.5)}, {100, 2000}}), 1e-9)
	require.InDelta(t, 1, Waiting{Open: 1000, Tenths: []float64{1, 2, 3}}.Growth(), 1e-9)
	require.True(t, math.IsNaN(fit(nil)))
	costs := []RunbookCost{{Plans: 1, Events: 18}, {Plans: 10, Events: 126}, {Plans: 500, Events: 18 + 499*12}}
	require.InDelta(t, 12, slope(costs, func(c RunbookCost) float64 { return float64(c.Events) }), 1e-9)
}

func TestOnlySectionsThatThereAreCanBeChosen(t *testing.T) {
	t.Parallel()
	all, err := choose("")
	require.NoError(t, err)
	require.Len(t, all, len(sections))
	some, err := choose("spool,plan")
	require.NoError(t, err)
	require.Equal(t, "spool", some[0].name)
	_, err = choose("plans")
	require.ErrorContains(t, err, `no section "plans"`)
}

// A run of everything in small sizes, against a real Temporal server.
func TestTheHarnessMeasuresEverythingAndWritesItsReport(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "")
	folder := t.TempDir()
	require.NoError(t, run(t.Context(), options{quick: true, out: folder}))
	written, err := read(filepath.Join(folder, "performance.json"))
	require.NoError(t, err)
	require.Len(t, written.Goals(), 9)
	require.Len(t, written.Plan.Loads, len(small.loads))
	for _, c := range append(written.Plan.Loads, written.Bridge.Loads...) {
		require.Positive(t, c.SpeedRatio.Median)
		require.Positive(t, c.Ours.Latency.P50)
	}
	// What a run costs is the same on every machine, and must not creep up. A busy one adds workflow tasks that time
	// out and heartbeats of calls that take long: then it is counted again.
	cost := written.Plan.Ours
	for again := 0; again < 10 && (cost.Events > 18 || total(cost.RPCs) > 12 || cost.Actions > 7); again++ {
		t.Logf("counted again, after %.1f events and %v", cost.Events, cost.RPCs)
		report, err := measure(t.Context(), options{quick: true, only: "plan"})
		require.NoError(t, errors.Join(err, devstack.Cleanup()))
		cost = report.Plan.Ours
	}
	require.Equal(t, map[string]float64{"P3": 1, "P5": 1, "P6": 1}, cost.Calls)
	require.LessOrEqual(t, cost.Events, 18.0)
	require.LessOrEqual(t, total(cost.RPCs), 12.0, "%v", cost.RPCs)
	require.LessOrEqual(t, cost.Actions, 7.0, "docs/operations.md says so")
	steps := written.Runbook.Sequential
	t.Logf("a runbook's step costs %.1f billed actions", slope(steps, func(c RunbookCost) float64 { return float64(c.Actions) }))
	require.Positive(t, written.Runbook.Restart.Events)
	require.InDelta(t, 1, written.Token.Fetches.Max, 0)
	for _, waiting := range written.Waiting.Runs {
		require.Positive(t, waiting.Memory.RSS)
		require.Positive(t, waiting.Restart.Callbacks)
	}
	require.Len(t, written.Spool.Loads, len(small.spooled))

	page, err := os.ReadFile(filepath.Join(folder, "performance.md"))
	require.NoError(t, err)
	for name := range written.plots() {
		require.FileExists(t, filepath.Join(folder, "performance", name))
		require.Contains(t, string(page), "(performance/"+name+")")
	}
	require.NotContains(t, string(page), "NaN")
	require.NotContains(t, string(page), "<no value>")
}

func TestThePageIsWrittenFromItsFigures(t *testing.T) {
	t.Parallel()
	for _, page := range []struct{ figures, text string }{
		{"bench/testdata/performance.json", "bench/testdata/performance.golden"},
		{"docs/performance.json", "docs/performance.md"},
		{"docs/performance-postgresql.json", "docs/performance-postgresql.md"},
	} {
		report, err := read(page.figures)
		if os.IsNotExist(errors.Unwrap(err)) && strings.HasPrefix(page.figures, "docs/") {
			continue // before everything was measured for the first time
		}
		require.NoError(t, err)
		want, err := os.ReadFile(page.text)
		require.NoError(t, err)
		var got strings.Builder
		require.NoError(t, report.markdown(&got))
		require.Equal(t, string(want), got.String(), "write %s again: go -C bench run . -from ../%s > ../%s", page.text, page.figures, page.text)
	}
}

func TestActionsAreCountedAsTemporalCloudBillsThem(t *testing.T) {
	t.Parallel()
	event := func(kind enums.EventType) *historypb.HistoryEvent { return &historypb.HistoryEvent{EventType: kind} }
	retried := event(enums.EVENT_TYPE_ACTIVITY_TASK_STARTED)
	retried.Attributes = &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
		ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{Attempt: 3},
	}
	task, marker := event(enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED), event(enums.EVENT_TYPE_MARKER_RECORDED)
	for _, test := range []struct {
		name   string
		events []*historypb.HistoryEvent
		want   int
	}{
		{"workflow tasks are free", []*historypb.HistoryEvent{event(enums.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED), task}, 0},
		{"a start, a signal, a timer", []*historypb.HistoryEvent{
			event(enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED), event(enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED), event(enums.EVENT_TYPE_TIMER_STARTED),
		}, 3},
		{"an activity and its two retries", []*historypb.HistoryEvent{event(enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED), retried}, 3},
		{"the markers of one task are one action", []*historypb.HistoryEvent{task, marker, marker, task, marker}, 2},
		{"a child costs two", []*historypb.HistoryEvent{event(enums.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED)}, 2},
	} {
		require.Equal(t, test.want, billed(test.events), test.name)
	}
}
