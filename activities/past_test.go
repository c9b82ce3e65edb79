package activities

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/dpaflow/dpaflow/execution"
)

// server is what the server still knows: run id → events, and run id → what was under way when it was closed.
type server struct {
	events  map[string][]*historypb.HistoryEvent
	pending map[string][]*workflowpb.PendingActivityInfo
}

func (s server) GetWorkflowHistory(_ context.Context, _, runID string, _ bool, _ enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	events, known := s.events[runID]
	return &iterator{events: events, missing: !known}
}

func (s server) DescribeWorkflow(_ context.Context, _, runID string) (*client.WorkflowExecutionDescription, error) {
	if _, known := s.events[runID]; !known {
		return nil, serviceerror.NewNotFound("no such run")
	}
	return &client.WorkflowExecutionDescription{
		RawResponse: &workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: s.pending[runID]},
	}, nil
}

func (s server) ListWorkflow(context.Context, *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	listed := &workflowservice.ListWorkflowExecutionsResponse{}
	for run := range s.events {
		listed.Executions = append(listed.Executions, &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{RunId: run}})
	}
	return listed, nil
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
			ActivityId: fmt.Sprint(id), ActivityType: &commonpb.ActivityType{Name: "DpaTriggerPlan"}, Input: input,
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

func timedOut(id, scheduled int64, intent *commonpb.Payloads) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventId: id, Attributes: &historypb.HistoryEvent_ActivityTaskTimedOutEventAttributes{
		ActivityTaskTimedOutEventAttributes: &historypb.ActivityTaskTimedOutEventAttributes{
			ScheduledEventId: scheduled, Failure: &failurepb.Failure{FailureInfo: &failurepb.Failure_TimeoutFailureInfo{
				TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{LastHeartbeatDetails: intent},
			}},
		},
	}}
}

func completed(t *testing.T, id, scheduled int64, instance string) *historypb.HistoryEvent {
	t.Helper()
	result, err := converter.GetDefaultDataConverter().ToPayloads(Triggered{InstanceID: instance})
	require.NoError(t, err)
	return &historypb.HistoryEvent{EventId: id, Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
		ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{ScheduledEventId: scheduled, Result: result},
	}}
}

func cancelled(id, scheduled int64) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventId: id, Attributes: &historypb.HistoryEvent_ActivityTaskCanceledEventAttributes{
		ActivityTaskCanceledEventAttributes: &historypb.ActivityTaskCanceledEventAttributes{ScheduledEventId: scheduled},
	}}
}

func TestAResetRunSendsOnlyWhatIsShownToHaveBeenWithoutEffect(t *testing.T) {
	t.Parallel()
	const self = "default-test-run-id"
	plan := PlanTrigger{PlanID: "p", Trigger: Trigger{Origin: "the-first-run", Label: "switch.1", Number: 2, Step: "switch"}}
	first, third := plan, plan
	first.Number, third.Number = 1, 3
	freeze, other := plan, plan
	freeze.Step, freeze.Label = "freeze", "freeze.1"
	other.PlanID = "q"
	intent, err := converter.GetDefaultDataConverter().ToPayloads(execution.Intent{OnItsWayUntil: time.Now()})
	require.NoError(t, err)
	listed := func(details *commonpb.Payloads) []*workflowpb.PendingActivityInfo {
		return []*workflowpb.PendingActivityInfo{{ActivityId: "6", HeartbeatDetails: details}}
	}
	once := func(fork int64, earlier ...*historypb.HistoryEvent) map[string][]*historypb.HistoryEvent {
		return map[string][]*historypb.HistoryEvent{self: {reset(fork, "a")}, "a": earlier}
	}
	for name, test := range map[string]struct {
		events  map[string][]*historypb.HistoryEvent
		pending []*workflowpb.PendingActivityInfo
		want    string // error type; "" where the trigger is sent
		says    string
	}{
		"triggered by the run before":             {events: once(5, scheduled(t, 6, plan), completed(t, 7, 6, "in7")), want: ErrorTriggerOutcomeUnknown, says: "instance in7"},
		"triggered two resets ago":                {events: map[string][]*historypb.HistoryEvent{self: {reset(5, "b")}, "b": {reset(4, "a")}, "a": {scheduled(t, 6, plan), completed(t, 7, 6, "in7")}}, want: ErrorTriggerOutcomeUnknown},
		"lost after its intent":                   {events: once(5, scheduled(t, 6, plan), timedOut(7, 6, intent)), want: ErrorTriggerOutcomeUnknown},
		"in doubt before":                         {events: once(5, scheduled(t, 6, plan), failed(7, 6, ErrorTriggerOutcomeUnknown)), want: ErrorTriggerOutcomeUnknown},
		"not sent at first, and then sent":        {events: once(5, scheduled(t, 6, plan), failed(7, 6, ErrorTriggerNotSent), scheduled(t, 8, plan), completed(t, 9, 8, "in7")), want: ErrorTriggerOutcomeUnknown},
		"sent once more by an operator":           {events: once(5, scheduled(t, 6, third), completed(t, 7, 6, "in7")), want: ErrorTriggerOutcomeUnknown},
		"of a run that the server has deleted":    {events: map[string][]*historypb.HistoryEvent{self: {reset(5, "a")}}, want: ErrorTriggerOutcomeUnknown},
		"under way after the fork":                {events: once(5, scheduled(t, 6, plan)), pending: listed(intent), want: ErrorTriggerOutcomeUnknown},
		"under way across the fork":               {events: once(8, scheduled(t, 6, plan)), pending: listed(intent), want: ErrorTriggerOutcomeUnknown},
		"under way, and no longer listed":         {events: once(8, scheduled(t, 6, plan)), want: ErrorTriggerOutcomeUnknown},
		"under way across the fork and then sent": {events: once(8, scheduled(t, 6, plan), completed(t, 9, 6, "in7")), want: ErrorTriggerOutcomeUnknown},
		"scheduled, and not taken by a worker":    {events: once(8, scheduled(t, 6, plan)), pending: listed(nil)},
		"cancelled before a worker took it":       {events: once(5, scheduled(t, 6, plan), cancelled(7, 6))},
		"lost before its intent":                  {events: once(5, scheduled(t, 6, plan), timedOut(7, 6, nil))},
		"rejected":                                {events: once(5, scheduled(t, 6, plan), failed(7, 6, ErrorTriggerRejected))},
		"settled by an operator in this run":      {events: once(9, scheduled(t, 6, first), completed(t, 10, 6, "in7"))},
		"of another step":                         {events: once(5, scheduled(t, 6, freeze), completed(t, 7, 6, "in7"))},
		"of another plan":                         {events: once(5, scheduled(t, 6, other), completed(t, 7, 6, "in7"))},
		"ended before the fork":                   {events: once(9, scheduled(t, 6, plan), failed(7, 6, ErrorTriggerOutcomeUnknown))},
		"by nobody: the earlier run never came":   {events: once(5)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			known := server{events: test.events, pending: map[string][]*workflowpb.PendingActivityInfo{"a": test.pending}}
			b.activities.histories = func(context.Context) histories { return known }

			_, err := b.trigger(plan)
			if test.want == "" {
				require.NoError(t, err)
				require.Len(t, b.sent, 1)
				return
			}
			failed, _ := failure(t, err)
			require.Equal(t, test.want, failed.Type())
			require.Contains(t, failed.Message(), test.says)
			require.Empty(t, b.sent)
			require.Empty(t, b.intents)
		})
	}
}

func TestAResetRunLearnsHowFarItsEarlierRunsHadTriggered(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	intent, err := converter.GetDefaultDataConverter().ToPayloads(execution.Intent{OnItsWayUntil: until})
	require.NoError(t, err)
	trigger := PlanTrigger{PlanID: "p", Trigger: Trigger{Origin: "the-first-run", Label: "p.1", Number: 1}}
	again := trigger
	again.Number = 2
	b := newBench(t, nil)
	b.activities.histories = func(context.Context) histories {
		return server{events: map[string][]*historypb.HistoryEvent{
			"default-test-run-id": {reset(5, "a")},
			"a":                   {scheduled(t, 6, trigger), failed(7, 6, ErrorTriggerOutcomeUnknown), scheduled(t, 9, again), timedOut(10, 9, intent)},
		}}
	}
	_, err = b.trigger(trigger)
	_, fault := failure(t, err)
	require.Equal(t, 2, fault.Earlier)
	require.WithinDuration(t, until, fault.OnItsWayUntil, 0)
}

// late does not list the run that asks yet.
type late struct{ server }

func (late) ListWorkflow(context.Context, *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	return &workflowservice.ListWorkflowExecutionsResponse{Executions: []*workflowpb.WorkflowExecutionInfo{{Execution: &commonpb.WorkflowExecution{RunId: "a"}}}}, nil
}

func TestAResetRunSendsNothingWhileTheListOfRunsIsNotComplete(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.activities.histories = func(context.Context) histories {
		return late{server{events: map[string][]*historypb.HistoryEvent{"default-test-run-id": {reset(5, "a")}, "a": {}}}}
	}
	_, err := b.trigger(PlanTrigger{PlanID: "p", Trigger: Trigger{Origin: "a", Label: "p.1", Number: 1}})
	failed, _ := failure(t, err)
	require.Equal(t, ErrorTriggerNotSent, failed.Type())
	require.Contains(t, failed.Message(), "others may be missing too")
	require.Empty(t, b.sent)
}

type unreadable struct{}

func (unreadable) GetWorkflowHistory(context.Context, string, string, bool, enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	return &refusing{}
}

func (unreadable) DescribeWorkflow(context.Context, string, string) (*client.WorkflowExecutionDescription, error) {
	return nil, errors.New("no answer")
}

func (unreadable) ListWorkflow(context.Context, *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	return nil, errors.New("no answer")
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
