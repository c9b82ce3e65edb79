package activities

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
)

func startedFrom(run string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventId: 1, Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{ContinuedExecutionRunId: run},
	}}
}

func continuedAs(id int64, run string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventId: id, Attributes: &historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes{
		WorkflowExecutionContinuedAsNewEventAttributes: &historypb.WorkflowExecutionContinuedAsNewEventAttributes{NewExecutionRunId: run},
	}}
}

func TestAResetOfAChainSendsNothingTwice(t *testing.T) {
	t.Parallel()
	const self = "default-test-run-id"
	plan := PlanTrigger{PlanID: "p", Trigger: Trigger{Origin: "a", Label: "switch.1", Number: 1, Step: "switch"}}
	for name, events := range map[string]map[string][]*historypb.HistoryEvent{
		// a continued as b, which triggered; a was then reset to an event of its own.
		"sent by the run that the base continued as": {
			self: {startedFrom(""), reset(5, "a")},
			"a":  {startedFrom(""), continuedAs(20, "b")},
			"b":  {startedFrom("a"), scheduled(t, 6, plan), completed(t, 7, 6, "in7")},
		},
		// a triggered, and was reset to before; the run that followed, c, continued as new before it came to the trigger.
		"sent before a reset of the run that this one continues": {
			self: {startedFrom("c")},
			"c":  {startedFrom(""), reset(5, "a"), continuedAs(9, self)},
			"a":  {startedFrom(""), scheduled(t, 6, plan), completed(t, 7, 6, "in7")},
		},
		// a was reset twice: b came of the first time, and this run of the second.
		"sent by a run that an earlier reset of the same base made": {
			self: {startedFrom(""), reset(5, "a")},
			"a":  {startedFrom("")},
			"b":  {startedFrom(""), reset(4, "a"), scheduled(t, 6, plan), completed(t, 7, 6, "in7")},
		},
		"sent by a run that a reset of such a run made": {
			self: {startedFrom(""), reset(5, "a")},
			"a":  {startedFrom("")},
			"b":  {startedFrom(""), reset(4, "a")},
			"d":  {startedFrom(""), reset(4, "b"), scheduled(t, 6, plan), completed(t, 7, 6, "in7")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.activities.histories = func(context.Context) histories { return server{events: events} }
			asked := plan
			asked.Resets = map[string][]string{"sent before a reset of the run that this one continues": {"c"}}[name]
			_, err := b.trigger(asked)
			require.Empty(t, b.sent, "the plan runs twice")
			failed, _ := failure(t, err)
			require.Equal(t, ErrorTriggerOutcomeUnknown, failed.Type())
		})
	}
}
