package activities

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// past is what the server still knows: run id → events.
type past map[string][]*historypb.HistoryEvent

func (p past) GetWorkflowHistory(_ context.Context, _, runID string, _ bool, _ enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	events, known := p[runID]
	return &iterator{events: events, missing: !known}
}

type iterator struct {
	events  []*historypb.HistoryEvent
	missing bool
}

func (i *iterator) HasNext() bool { return i.missing || len(i.events) > 0 }
func (i *iterator) Next() (*historypb.HistoryEvent, error) {
	if i.missing {
		return nil, serviceerror.NewNotFound("no such run")
	}
	event := i.events[0]
	i.events = i.events[1:]
	return event, nil
}

func reset(id int64, base string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventId: id, Attributes: &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{
		WorkflowTaskFailedEventAttributes: &historypb.WorkflowTaskFailedEventAttributes{
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW, BaseRunId: base,
		},
	}}
}

func scheduled(t *testing.T, id int64, in PlanTrigger) *historypb.HistoryEvent {
	t.Helper()
	input, err := converter.GetDefaultDataConverter().ToPayloads(in)
	require.NoError(t, err)
	return &historypb.HistoryEvent{EventId: id, Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
		ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
			ActivityType: &commonpb.ActivityType{Name: "TriggerPlan"}, Input: input,
		},
	}}
}

func failed(id, scheduled int64, errorType string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventId: id, Attributes: &historypb.HistoryEvent_ActivityTaskFailedEventAttributes{
		ActivityTaskFailedEventAttributes: &historypb.ActivityTaskFailedEventAttributes{
			ScheduledEventId: scheduled, Failure: &failurepb.Failure{FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
				ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: errorType},
			}},
		},
	}}
}

func timedOut(id, scheduled int64, mark *commonpb.Payloads) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventId: id, Attributes: &historypb.HistoryEvent_ActivityTaskTimedOutEventAttributes{
		ActivityTaskTimedOutEventAttributes: &historypb.ActivityTaskTimedOutEventAttributes{
			ScheduledEventId: scheduled, Failure: &failurepb.Failure{FailureInfo: &failurepb.Failure_TimeoutFailureInfo{
				TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{LastHeartbeatDetails: mark},
			}},
		},
	}}
}

func TestAResetRunSendsOnlyWhatNoEarlierRunMayHaveSent(t *testing.T) {
	t.Parallel()
	const self = "default-test-run-id"
	plan := PlanTrigger{PlanID: "p", Trigger: Trigger{Step: "switch"}}
	mark, err := converter.GetDefaultDataConverter().ToPayloads("mark")
	require.NoError(t, err)
	for name, test := range map[string]struct {
		past past
		want string // error type; "" where the trigger is sent
	}{
		"sent by the run before":                {past{self: {reset(5, "a")}, "a": {scheduled(t, 6, plan)}}, ErrorTriggerOutcomeUnknown},
		"sent two resets ago":                   {past{self: {reset(5, "b")}, "b": {reset(4, "a")}, "a": {scheduled(t, 6, plan)}}, ErrorTriggerOutcomeUnknown},
		"lost after its mark":                   {past{self: {reset(5, "a")}, "a": {scheduled(t, 6, plan), timedOut(7, 6, mark)}}, ErrorTriggerOutcomeUnknown},
		"in doubt before":                       {past{self: {reset(5, "a")}, "a": {scheduled(t, 6, plan), failed(7, 6, ErrorTriggerOutcomeUnknown)}}, ErrorTriggerOutcomeUnknown},
		"not sent at first, and then sent":      {past{self: {reset(5, "a")}, "a": {scheduled(t, 6, plan), failed(7, 6, ErrorTriggerNotSent), scheduled(t, 8, plan)}}, ErrorTriggerOutcomeUnknown},
		"of a run that the server has deleted":  {past{self: {reset(5, "a")}}, ErrorTriggerOutcomeUnknown},
		"lost before its mark":                  {past{self: {reset(5, "a")}, "a": {scheduled(t, 6, plan), timedOut(7, 6, nil)}}, ""},
		"rejected":                              {past{self: {reset(5, "a")}, "a": {scheduled(t, 6, plan), failed(7, 6, ErrorTriggerRejected)}}, ""},
		"of another step":                       {past{self: {reset(5, "a")}, "a": {scheduled(t, 6, PlanTrigger{PlanID: "p", Trigger: Trigger{Step: "freeze"}})}}, ""},
		"of another plan":                       {past{self: {reset(5, "a")}, "a": {scheduled(t, 6, PlanTrigger{PlanID: "q", Trigger: Trigger{Step: "switch"}})}}, ""},
		"before the point that was reset to":    {past{self: {reset(9, "a")}, "a": {scheduled(t, 6, plan)}}, ""},
		"by nobody: the earlier run never came": {past{self: {reset(5, "a")}, "a": nil}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.activities.histories = func(context.Context) histories { return test.past }
			in := plan
			in.Origin = "the-first-run"
			_, err := b.trigger(in)
			if test.want == "" {
				require.NoError(t, err)
				require.Len(t, b.sent, 1)
				return
			}
			failed, _ := failure(t, err)
			require.Equal(t, test.want, failed.Type())
			require.Empty(t, b.sent)
		})
	}
}

type unreadable struct{}

func (unreadable) GetWorkflowHistory(context.Context, string, string, bool, enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	return &refusing{}
}

type refusing struct{}

func (*refusing) HasNext() bool                          { return true }
func (*refusing) Next() (*historypb.HistoryEvent, error) { return nil, errors.New("no answer") }

func TestAResetRunWhosePastCannotBeReadNowSendsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.activities.histories = func(context.Context) histories { return unreadable{} }
	_, err := b.trigger(PlanTrigger{PlanID: "p", Trigger: Trigger{Origin: "the-first-run"}})
	failed, _ := failure(t, err)
	require.Equal(t, ErrorTriggerNotSent, failed.Type())
	require.Empty(t, b.sent)
}
