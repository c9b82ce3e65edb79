package main

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/report"
)

// memoRun is the entry of a schedule's memo that says what it runs: a list tells nothing else of it.
const memoRun = "dpaflowRun"

// schedule is what is shown of a schedule; a list leaves out what only a description has.
type schedule struct {
	ID           string          `json:"id"`
	Run          string          `json:"run"` // such as "plan acf42dd3"
	WorkflowType string          `json:"workflowType"`
	Input        json.RawMessage `json:"input,omitempty"`
	Times        []string        `json:"times"`
	TimeZone     string          `json:"timeZone"`
	Paused       bool            `json:"paused"`
	Note         string          `json:"note,omitempty"`
	Overlap      string          `json:"overlap,omitempty"`
	CatchUp      string          `json:"catchUp,omitempty"`
	Remaining    *int            `json:"remaining,omitempty"` // nil: unlimited
	Counts       *scheduleCounts `json:"counts,omitempty"`
	Running      []string        `json:"running,omitempty"` // workflow ids
	Recent       []scheduledRun  `json:"recent"`            // the newest is the last
	Next         []time.Time     `json:"next"`
}

// scheduleCounts are how often a schedule started a run, and why it did not.
type scheduleCounts struct {
	Started        int `json:"started"`
	SkippedOverlap int `json:"skippedOverlap"`
	MissedCatchUp  int `json:"missedCatchUp"`
}

// scheduledRun is a run that a schedule has started.
type scheduledRun struct {
	ScheduledFor time.Time `json:"scheduledFor"`
	StartedAt    time.Time `json:"startedAt"`
	WorkflowID   string    `json:"workflowId"`
}

// schedules lists the namespace's schedules.
func schedules(ctx context.Context, c *connect.Client) (found []schedule, err error) {
	list, err := c.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, err
	}
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return nil, err
		}
		spec := entry.Spec
		if spec == nil {
			spec = &client.ScheduleSpec{} // the list is not up to date yet
		}
		found = append(found, schedule{
			ID: entry.ID, Run: runOf(entry.Memo, c.Converter), WorkflowType: entry.WorkflowType.Name,
			Times: describeTimes(spec), TimeZone: cmp.Or(spec.TimeZoneName, "UTC"),
			Paused: entry.Paused, Note: entry.Note,
			Recent: recentRuns(entry.RecentActions), Next: nonNil(entry.NextActionTimes),
		})
	}
	return found, nil
}

func describeSchedule(id string, d *client.ScheduleDescription, payloads converter.DataConverter) schedule {
	s := schedule{
		ID: id, Run: runOf(d.Memo, payloads),
		Times: describeTimes(d.Schedule.Spec), TimeZone: cmp.Or(d.Schedule.Spec.TimeZoneName, "UTC"),
		Paused: d.Schedule.State.Paused, Note: d.Schedule.State.Note,
		Overlap: overlapWord(d.Schedule.Policy.Overlap), CatchUp: d.Schedule.Policy.CatchupWindow.String(),
		Counts: &scheduleCounts{
			Started: d.Info.NumActions, SkippedOverlap: d.Info.NumActionsSkippedOverlap, MissedCatchUp: d.Info.NumActionsMissedCatchupWindow,
		},
		Recent: recentRuns(d.Info.RecentActions), Next: nonNil(d.Info.NextActionTimes),
	}
	if d.Schedule.State.LimitedActions {
		s.Remaining = &d.Schedule.State.RemainingActions
	}
	for _, run := range d.Info.RunningWorkflows {
		s.Running = append(s.Running, run.WorkflowID)
	}
	if action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction); ok {
		s.WorkflowType, _ = action.Workflow.(string)
		if len(action.Args) == 1 {
			// An input that cannot be read is not shown.
			var input json.RawMessage
			if payload, ok := action.Args[0].(*commonpb.Payload); ok && payloads.FromPayload(payload, &input) == nil {
				s.Input = input
			}
		}
	}
	return s
}

func runOf(memo *commonpb.Memo, payloads converter.DataConverter) (text string) {
	if payload := memo.GetFields()[memoRun]; payload != nil {
		// A memo that cannot be read leaves the workflow type to tell.
		_ = payloads.FromPayload(payload, &text)
	}
	return text
}

func recentRuns(actions []client.ScheduleActionResult) []scheduledRun {
	runs := []scheduledRun{}
	for _, action := range actions {
		run := scheduledRun{ScheduledFor: action.ScheduleTime, StartedAt: action.ActualTime}
		if action.StartWorkflowResult != nil {
			run.WorkflowID = action.StartWorkflowResult.WorkflowID
		}
		runs = append(runs, run)
	}
	return runs
}

func overlapWord(policy enums.ScheduleOverlapPolicy) string {
	for _, o := range overlaps {
		if o.policy == policy {
			return o.word
		}
	}
	return policy.String()
}

func fillSchedules(t table.Writer, found []schedule) {
	t.AppendHeader(table.Row{"Schedule", "Runs", "Times", "Zone", "State", "Last run", "Next"})
	for _, s := range found {
		last, next := "", ""
		if len(s.Recent) > 0 {
			last = s.Recent[len(s.Recent)-1].WorkflowID
		}
		if len(s.Next) > 0 {
			next = report.At(&s.Next[0])
		}
		t.AppendRow(table.Row{s.ID, cmp.Or(s.Run, s.WorkflowType), strings.Join(s.Times, "\n"), s.TimeZone, s.state(), last, next})
	}
}

func (s schedule) state() string {
	if s.Paused {
		return "paused"
	}
	return "active"
}

// shownTimes is how many of the next times people are shown.
const shownTimes = 3

func (s schedule) fill(t table.Writer) {
	remaining := "unlimited"
	if s.Remaining != nil {
		remaining = strconv.Itoa(*s.Remaining)
	}
	report.FillRows(t, [][2]string{
		{"Schedule", s.ID}, {"Runs", cmp.Or(s.Run, s.WorkflowType)}, {"Input", brief(string(s.Input))},
		{"Times", strings.Join(s.Times, "\n")}, {"Zone", s.TimeZone}, {"State", s.state()}, {"Note", s.Note},
		{"Overlap", s.Overlap}, {"Catch up", s.CatchUp}, {"Runs left", remaining},
		{"Started", strconv.Itoa(s.Counts.Started)}, {"Skipped, overlap", strconv.Itoa(s.Counts.SkippedOverlap)},
		{"Missed, too late", strconv.Itoa(s.Counts.MissedCatchUp)},
	})
	for _, run := range s.Running {
		t.AppendRow(table.Row{"Under way", run})
	}
	for _, run := range s.Recent {
		t.AppendRow(table.Row{"Started " + report.At(&run.StartedAt), run.WorkflowID})
	}
	for i, next := range s.Next {
		if i < shownTimes && !s.Paused {
			t.AppendRow(table.Row{"Next", report.At(&next)})
		}
	}
}

// brief shortens what is too long for a table's cell; -o json has all of it.
func brief(text string) string {
	const most = 300
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "… (-o json shows all of it)"
	}
	return text
}
