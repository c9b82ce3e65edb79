package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheEndOfAnAdoptedInstanceCountsAtWhicheverKeyItComes(t *testing.T) {
	t.Parallel()
	s := inDoubt()
	s.Next(after(2*time.Minute), &Resolve{ID: 1, What: ActionRetrigger})
	s.Next(after(3*time.Minute), &Sent{Key: key(2), ErrorType: ErrorTriggerOutcomeUnknown, Message: "no answer"})
	// it was the first request that arrived: its instance calls back at the first key
	s.Next(after(4*time.Minute), &Callback{Address: key(1), InstanceID: "in1", Status: "RUNNING"})
	require.Equal(t, PhaseUnknown, s.Status.Phase)
	s.Next(after(5*time.Minute), &Resolve{ID: 2, What: ActionAdopt, InstanceID: "in1"})
	require.Equal(t, "in1", s.Status.InstanceID)
	s.Next(after(10*time.Minute), &Callback{Address: key(1), InstanceID: "in1", Status: "SUCCESS"})
	require.Equal(t, PhaseFetching, s.Status.Phase, "%+v", s.Status)
}

func TestAHintOfAnEarlierTriggersInstanceEndsNothing(t *testing.T) {
	t.Parallel()
	s := inDoubt(func(r *Rules) { r.TrustPlanStatus = true })
	s.Next(after(2*time.Minute), &Resolve{ID: 1, What: ActionRetrigger})
	s.Next(after(3*time.Minute), &Sent{Key: key(2), InstanceID: "in2", At: after(3 * time.Minute), PlatformTime: after(3 * time.Minute)})
	s.Next(after(4*time.Minute), &Callback{Address: key(1), InstanceID: "in1", Status: "RUNNING"})
	s.Next(after(20*time.Minute), &Polled{InstanceID: "in2", Status: "SUCCESS", UpdatedAt: after(15 * time.Minute), Alone: true})
	require.Equal(t, PhaseWaiting, s.Status.Phase, "%+v", s.Status)
}

func TestAHintEndsNothingWhereAnEarlierTriggerMayHaveRun(t *testing.T) {
	t.Parallel()
	s := inDoubt(func(r *Rules) { r.TrustPlanStatus = true })
	s.Next(after(2*time.Minute), &Resolve{ID: 1, What: ActionRetrigger})
	s.Next(after(3*time.Minute), &Sent{Key: key(2), InstanceID: "in2", At: after(3 * time.Minute), PlatformTime: after(3 * time.Minute)})
	s.Next(after(20*time.Minute), &Polled{InstanceID: "in2", Status: "SUCCESS", UpdatedAt: after(15 * time.Minute), Alone: true})
	require.Equal(t, PhaseWaiting, s.Status.Phase, "%+v", s.Status)
}

func TestAnotherScenesCallbackDoesNotRegisterThisOne(t *testing.T) {
	t.Parallel()
	s := sent(func(rules *Rules) { rules.Target = Scene })
	s.Next(after(time.Second), &Callback{Address: Key("another-run", "p.1", 1, true)})
	s.Next(after(2*time.Second), &Sent{ErrorType: ErrorTriggerRejected, Message: "no such plan"})
	require.NotNil(t, s.Failure)
}

func TestASynchronousAnswerThatContradictsAnEndIsNoted(t *testing.T) {
	t.Parallel()
	s := sent(func(r *Rules) { r.Target, r.Sync = Model, true })
	s.Next(after(time.Second), &Callback{Address: s.Triggers[0].Key, InstanceID: "in1", Status: "FAIL"})
	s.Next(after(2*time.Second), &Sent{Key: s.Triggers[0].Key, InstanceID: "in1", Status: "FINISH", At: start})
	require.Equal(t, "FAIL", s.Status.Status)
	requireNote(t, s, "the trigger's answer says SUCCESS after the end FAIL")
}

func TestAnExecutionLeavesWhatAnEarlierTriggerMayHaveStarted(t *testing.T) {
	t.Parallel()
	s := inDoubt()
	s.Next(after(2*time.Minute), &Resolve{ID: 1, What: ActionRetrigger})
	s.Next(after(3*time.Minute), &Sent{Key: key(2), InstanceID: "in2", At: after(3 * time.Minute)})
	s.Next(after(4*time.Minute), &Callback{Address: key(2), InstanceID: "in2", Status: "SUCCESS"})
	require.False(t, s.MayRun(), "its own instance has ended")
	require.True(t, s.Leaves(), "the first trigger's may go on")
	s.Next(after(5*time.Minute), &Callback{Address: key(1), InstanceID: "in1", Status: "FAIL"})
	require.False(t, s.Leaves())
}
