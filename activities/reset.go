package activities

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// A reset makes a workflow forget the triggers that came after the point it goes back to. The platform
// does not forget them, so the activity looks them up in the histories that the reset left behind.

// errTriggeredBefore: an earlier run, before its reset, sent this trigger, or may have.
var errTriggeredBefore = errors.New("the workflow was reset to before this trigger, which its earlier run has sent already or may have; find out on the platform what became of it")

// histories reads the events of a run; client.Client provides it.
type histories interface {
	GetWorkflowHistory(ctx context.Context, workflowID, runID string, isLongPoll bool, filter enumspb.HistoryEventFilterType) client.HistoryEventIterator
}

// pastRuns looks through what the earlier runs of a reset workflow did.
type pastRuns struct {
	histories  histories
	workflowID string
	// same tells whether an event schedules the trigger that is looked for.
	same func(*historypb.ActivityTaskScheduledEventAttributes) bool
	seen map[string]bool
}

// check returns errTriggeredBefore if any run that runID goes back to may have sent the trigger.
func (p *pastRuns) check(ctx context.Context, runID string) error {
	events, err := p.read(ctx, runID)
	if err != nil {
		return err
	}
	for _, event := range events {
		failed := event.GetWorkflowTaskFailedEventAttributes()
		if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW || failed.GetBaseRunId() == "" {
			continue
		}
		// Both runs share what came before this event; what the earlier one did after it is forgotten.
		if err := p.checkAfter(ctx, failed.GetBaseRunId(), event.GetEventId()); err != nil {
			return err
		}
	}
	return nil
}

func (p *pastRuns) checkAfter(ctx context.Context, runID string, from int64) error {
	if p.seen[runID] {
		return nil
	}
	p.seen[runID] = true
	events, err := p.read(ctx, runID)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return errTriggeredBefore // nobody can tell any more
	}
	if err != nil {
		return err
	}
	sent := map[int64]bool{}
	for _, event := range events {
		switch {
		case event.GetEventId() < from:
		case event.GetActivityTaskScheduledEventAttributes() != nil:
			sent[event.GetEventId()] = p.same(event.GetActivityTaskScheduledEventAttributes())
		case event.GetActivityTaskFailedEventAttributes() != nil:
			failed := event.GetActivityTaskFailedEventAttributes()
			if didNotRun(failed.GetFailure()) {
				delete(sent, failed.GetScheduledEventId())
			}
		case event.GetActivityTaskTimedOutEventAttributes() != nil:
			lost := event.GetActivityTaskTimedOutEventAttributes()
			if didNotRun(lost.GetFailure()) {
				delete(sent, lost.GetScheduledEventId())
			}
		}
	}
	for _, may := range sent {
		if may {
			return errTriggeredBefore
		}
	}
	return p.check(ctx, runID)
}

// didNotRun tells whether the failure of a trigger's activity shows that nothing runs.
func didNotRun(failure *failurepb.Failure) bool {
	switch failure.GetApplicationFailureInfo().GetType() {
	case ErrorInvalidInput, ErrorTriggerRejected, ErrorTriggerNotSent, ErrorPlatformAuth:
		return true
	}
	lost := failure.GetTimeoutFailureInfo()
	return lost != nil && len(lost.GetLastHeartbeatDetails().GetPayloads()) == 0
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
