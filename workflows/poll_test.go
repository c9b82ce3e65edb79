package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

func TestAHintEndsARunOnlyWhereItCannotBeOfAnotherInstance(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, test := range map[string]struct {
		hint         activities.PlanHint
		platformTime time.Time
		ends         bool
	}{
		"an end after the trigger, and alone":         {activities.PlanHint{Status: "SUCCESS", UpdatedAt: now.Add(time.Minute), Alone: true}, now, true},
		"an end as a failure":                         {activities.PlanHint{Status: "FAIL", UpdatedAt: now.Add(time.Minute), Alone: true}, now, true},
		"still running":                               {activities.PlanHint{Status: "RUNNING", UpdatedAt: now.Add(time.Minute), Alone: true}, now, false},
		"an end from before the trigger":              {activities.PlanHint{Status: "SUCCESS", UpdatedAt: now.Add(-time.Minute), Alone: true}, now, false},
		"an end within the clock's margin":            {activities.PlanHint{Status: "SUCCESS", UpdatedAt: now.Add(time.Second), Alone: true}, now, false},
		"an end while another run has to do with it":  {activities.PlanHint{Status: "SUCCESS", UpdatedAt: now.Add(time.Minute)}, now, false},
		"an end by a platform that hides its clock":   {activities.PlanHint{Status: "SUCCESS", UpdatedAt: now.Add(time.Minute), Alone: true}, time.Time{}, false},
		"an end of a plan that was never run, so far": {activities.PlanHint{Status: "DEFAULT", Alone: true}, now, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.onTrigger(func(key string) (activities.Triggered, error) {
				return activities.Triggered{Key: key, InstanceID: "in1", At: now, PlatformTime: test.platformTime}, nil
			})
			b.onOutputs("0")
			b.OnActivity("PlanStatus", mock.Anything, mock.Anything).Return(test.hint, nil)
			result, err := b.runPlan(PlanInput{PlanID: "p", TrustPlanStatus: true, Policy: Policy{Timeout: runbook.Duration(time.Hour), PollAfter: runbook.Duration(5 * time.Minute)}})
			status := b.status()
			require.True(t, status.Overdue)
			require.Contains(t, status.Hint, test.hint.Status)
			switch {
			case !test.ends:
				require.Equal(t, activities.ErrorWaitTimeout, failure(t, err, nil).Type())
				require.Equal(t, 11, status.Polls, "every five minutes, and not at the deadline")
				return
			case test.hint.Status == StatusFail:
				failure(t, err, &result)
			default:
				require.NoError(t, err)
			}
			require.Equal(t, ObservedByPoll, result.ObservedBy)
			require.Equal(t, test.hint.Status, result.Status)
			require.Equal(t, 1, status.Polls)
		})
	}
}

func TestNewsPutsTheNextQuestionOff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.onOutputs("0")
	for i := range 11 {
		b.call(time.Duration(i+1)*4*time.Minute, "in1", "RUNNING")
	}
	b.call(48*time.Minute, "in1", "SUCCESS")
	_, err := b.runPlan(PlanInput{PlanID: "p", Policy: Policy{PollAfter: runbook.Duration(5 * time.Minute)}})
	require.NoError(t, err)
	require.Zero(t, b.status().Polls)
	require.False(t, b.status().Overdue)
}

func TestASilenceAfterNewsIsAskedAboutAndEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.OnActivity("PlanStatus", mock.Anything, mock.Anything).Return(activities.PlanHint{Status: "RUNNING"}, nil)
	b.call(4*time.Minute, "in1", "RUNNING")
	_, err := b.runPlan(PlanInput{PlanID: "p", Policy: Policy{Timeout: runbook.Duration(12 * time.Minute), PollAfter: runbook.Duration(5 * time.Minute)}})
	require.Equal(t, activities.ErrorWaitTimeout, failure(t, err, nil).Type())
	require.Equal(t, 1, b.status().Polls, "after nine minutes")
}

func TestAPlatformThatDoesNotAnswerAQuestionChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.onOutputs("0")
	b.OnActivity("PlanStatus", mock.Anything, mock.Anything).Return(activities.PlanHint{},
		temporal.NewApplicationError("503 away", activities.ErrorPlatform))
	b.call(65*time.Minute, "in1", "SUCCESS") // between two questions
	result, err := b.runPlan(PlanInput{PlanID: "p"})
	require.NoError(t, err)
	require.Equal(t, ObservedByCallback, result.ObservedBy)
	require.Equal(t, "503 away", b.status().Hint)
}

func TestWaitingForDaysAsksEverMoreSeldom(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(triggered("in1"))
	b.OnActivity("PlanStatus", mock.Anything, mock.Anything).Return(activities.PlanHint{Status: "RUNNING"}, nil)
	_, err := b.runPlan(PlanInput{PlanID: "p", Policy: Policy{Timeout: runbook.Duration(30 * 24 * time.Hour), PollAfter: runbook.Duration(time.Second)}})
	require.Equal(t, activities.ErrorWaitTimeout, failure(t, err, nil).Type())
	require.Less(t, b.status().Polls, 1000, "of a history's 51,200 events, six for each")
}
