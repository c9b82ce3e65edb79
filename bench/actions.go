package main

import (
	"context"
	"fmt"

	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// heartbeats are the RPCs that Temporal Cloud bills although no history shows them.
const heartbeats = "RecordActivityTaskHeartbeat"

// billed counts what Temporal Cloud bills of a history as actions, by the list at
// https://docs.temporal.io/evaluate/cloud/actions. Heartbeats, queries and updates that were refused are in no history.
func billed(events []*historypb.HistoryEvent) (actions int) {
	marked := false // the markers of one workflow task are one action
	for _, event := range events {
		switch event.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
			enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
			enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
			enums.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
			enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
			enums.EVENT_TYPE_TIMER_STARTED,
			enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
			enums.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED,
			enums.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED:
			actions++
		case enums.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
			actions += 2
		case enums.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			actions += int(event.GetActivityTaskStartedEventAttributes().GetAttempt()) - 1
		case enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			marked = false
		case enums.EVENT_TYPE_MARKER_RECORDED:
			if !marked {
				actions++
			}
			marked = true
		}
	}
	return actions
}

// history reads all events of a run.
func history(ctx context.Context, c client.Client, run client.WorkflowRun) (events []*historypb.HistoryEvent, err error) {
	all := c.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for all.HasNext() {
		event, err := all.Next()
		if err != nil {
			return nil, fmt.Errorf("read the history of %s: %w", run.GetID(), err)
		}
		events = append(events, event)
	}
	return events, nil
}
