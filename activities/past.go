package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/dpaflow/dpaflow/execution"
)

// histories reads what the server still knows of a run; client.Client provides it.
type histories interface {
	GetWorkflowHistory(ctx context.Context, workflowID, runID string, isLongPoll bool, filter enumspb.HistoryEventFilterType) client.HistoryEventIterator
	DescribeWorkflow(ctx context.Context, workflowID, runID string) (*client.WorkflowExecutionDescription, error)
	ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
}

// judgePast looks, in a workflow that was reset, through what its earlier runs show of this trigger.
func (a *Activities) judgePast(ctx context.Context, r request) (execution.Past, error) {
	info := activity.GetInfo(ctx)
	if r.Origin == "" || r.Origin == info.WorkflowExecution.RunID {
		return execution.Past{}, nil
	}
	p := pastRuns{
		histories: a.histories(ctx), converter: a.converter, workflowID: info.WorkflowExecution.ID, runID: info.WorkflowExecution.RunID, seen: map[string]bool{},
		same: func(scheduled *historypb.ActivityTaskScheduledEventAttributes) (int, bool) {
			if scheduled.GetActivityType().GetName() != info.ActivityType.Name {
				return 0, false
			}
			return r.same(scheduled.GetInput())
		},
	}
	for _, run := range append([]string{info.WorkflowExecution.RunID}, r.Resets...) {
		p.seen[run] = true
		if err := p.follow(ctx, run); err != nil {
			return execution.Past{}, err
		}
	}
	if err := p.followSiblings(ctx); err != nil {
		return execution.Past{}, err
	}
	return execution.Judge(r.Number, p.found, time.Now().UTC(), a.platform.CallTimeout()+r.patience), nil
}

// pastRuns gathers the schedulings of one trigger in the runs that resets left behind.
type pastRuns struct {
	histories  histories
	converter  converter.DataConverter
	workflowID string
	runID      string // of this one
	// same tells whether an event schedules the trigger that is looked for, and under which number.
	same  func(*historypb.ActivityTaskScheduledEventAttributes) (number int, same bool)
	seen  map[string]bool
	reset bool // there was one
	found []execution.Scheduling
}

// follow goes through the runs that a run was reset from.
func (p *pastRuns) follow(ctx context.Context, runID string) error {
	events, err := p.read(ctx, runID)
	if gone(err) {
		p.found = append(p.found, execution.Scheduling{Unreadable: true})
		return nil
	}
	if err != nil {
		return err
	}
	return p.followBases(ctx, events)
}

func (p *pastRuns) followBases(ctx context.Context, events []*historypb.HistoryEvent) error {
	for _, event := range events {
		base := resetFrom(event)
		if base == "" || p.seen[base] {
			continue
		}
		p.seen[base], p.reset = true, true
		if err := p.gather(ctx, base, event.GetEventId()); err != nil {
			return err
		}
	}
	return nil
}

// resetFrom is the run that another was reset from; empty for an event that is no reset.
func resetFrom(event *historypb.HistoryEvent) string {
	failed := event.GetWorkflowTaskFailedEventAttributes()
	if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW {
		return ""
	}
	return failed.GetBaseRunId()
}

func gone(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}

// gather adds what a run had scheduled that the run which was reset from it does not know the end of: that came
// after the fork, or was under way there and is sent once more.
func (p *pastRuns) gather(ctx context.Context, runID string, fork int64) error {
	events, err := p.read(ctx, runID)
	if gone(err) {
		p.found = append(p.found, execution.Scheduling{Unreadable: true})
		return nil
	}
	if err != nil {
		return err
	}
	pending := map[int64]*execution.Scheduling{}
	activityIDs := map[int64]string{}
	next := "" // the run that it continued as
	for _, event := range events {
		next = cmp.Or(next, event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId())
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			if number, same := p.same(scheduled); same {
				pending[event.GetEventId()] = &execution.Scheduling{Number: number}
				activityIDs[event.GetEventId()] = scheduled.GetActivityId()
			}
			continue
		}
		id, end := p.end(event)
		if pending[id] == nil {
			continue
		}
		if event.GetEventId() >= fork {
			end.Number = pending[id].Number
			p.found = append(p.found, end)
		}
		delete(pending, id)
	}
	if err := p.addPending(ctx, runID, pending, activityIDs); err != nil {
		return err
	}
	if next != "" && !p.seen[next] {
		p.seen[next] = true
		if err := p.gather(ctx, next, 0); err != nil {
			return err
		}
	}
	return p.followBases(ctx, events)
}

// end reads how a scheduling ended; the id is 0 for an event that ends none.
func (p *pastRuns) end(event *historypb.HistoryEvent) (scheduledID int64, end execution.Scheduling) {
	end.Ended = true
	switch {
	case event.GetActivityTaskCompletedEventAttributes() != nil:
		completed := event.GetActivityTaskCompletedEventAttributes()
		var triggered Triggered
		if p.converter.FromPayloads(completed.GetResult(), &triggered) == nil {
			end.InstanceID = triggered.InstanceID
		}
		return completed.GetScheduledEventId(), end
	case event.GetActivityTaskFailedEventAttributes() != nil:
		failed := event.GetActivityTaskFailedEventAttributes()
		application := failed.GetFailure().GetApplicationFailureInfo()
		end.ErrorType = application.GetType()
		var fault Fault
		if p.converter.FromPayloads(application.GetDetails(), &fault) == nil && !fault.OnItsWayUntil.IsZero() {
			end.Intent = &execution.Intent{OnItsWayUntil: fault.OnItsWayUntil}
		}
		return failed.GetScheduledEventId(), end
	case event.GetActivityTaskTimedOutEventAttributes() != nil:
		lost := event.GetActivityTaskTimedOutEventAttributes()
		end.ErrorType = execution.ErrorLost
		end.Intent = p.intent(lost.GetFailure().GetTimeoutFailureInfo().GetLastHeartbeatDetails())
		return lost.GetScheduledEventId(), end
	case event.GetActivityTaskCanceledEventAttributes() != nil:
		cancelled := event.GetActivityTaskCanceledEventAttributes()
		end.ErrorType = execution.ErrorLost
		end.Intent = p.intent(cancelled.GetDetails())
		return cancelled.GetScheduledEventId(), end
	}
	return 0, end
}

// intent reads heartbeat details. What cannot be read is an intent all the same.
func (p *pastRuns) intent(details *commonpb.Payloads) *execution.Intent {
	if len(details.GetPayloads()) == 0 {
		return nil
	}
	var intent execution.Intent
	_ = p.converter.FromPayloads(details, &intent)
	return &intent
}

// addPending adds what was under way when the run was closed: the server still lists it, with its intent.
func (p *pastRuns) addPending(ctx context.Context, runID string, pending map[int64]*execution.Scheduling, activityIDs map[int64]string) error {
	if len(pending) == 0 {
		return nil
	}
	described, err := p.histories.DescribeWorkflow(ctx, p.workflowID, runID)
	if err != nil && !gone(err) {
		return fmt.Errorf("describe run %s: %w", runID, err)
	}
	var still []*workflowpb.PendingActivityInfo
	if described != nil {
		still = described.RawResponse.GetPendingActivities()
	}
	for id, scheduling := range pending {
		scheduling.Unreadable = true
		for _, listed := range still {
			if listed.GetActivityId() == activityIDs[id] {
				scheduling.Unreadable, scheduling.Intent = false, p.intent(listed.GetHeartbeatDetails())
			}
		}
		p.found = append(p.found, *scheduling)
	}
	return nil
}

func (p *pastRuns) read(ctx context.Context, runID string) (events []*historypb.HistoryEvent, err error) {
	iterator := p.histories.GetWorkflowHistory(ctx, p.workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		if err != nil {
			return nil, fmt.Errorf("read the history of run %s: %w", runID, err)
		}
		events = append(events, event)
	}
	return events, nil
}
