package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// frozen is how a trigger's activity ends that the policy holds.
func frozen(reason string) *Sent {
	return &Sent{Key: "k", ErrorType: ErrorTriggerNotSent, Message: reason, Frozen: true, Indexed: true}
}

func TestAFrozenTriggerIsShownAndLookedAtAgainUntilItIsSentOrTooLate(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	s := New(Rules{Target: Plan, ID: "p", Name: "plan p", Timeout: time.Hour, PollAfter: time.Minute, Preflight: true}, now)
	require.Contains(t, s.Next(now), Send{Number: 1, Preflight: true, Within: time.Hour})
	commands := s.Next(now, frozen("audit"))
	require.Equal(t, PhaseFrozen, s.Status.Phase)
	require.Equal(t, "audit", s.Status.Reason)
	require.Equal(t, string(PhaseFrozen), s.Urgency())
	require.Contains(t, commands, Index{})

	indexed := 0
	for range 20 {
		now = s.Wake()
		require.False(t, now.IsZero(), "it looks again")
		s.Next(now)
		require.True(t, s.Sending)
		require.Equal(t, PhaseFrozen, s.Status.Phase, "also while it looks")
		for _, command := range s.Next(now, frozen("audit")) {
			if _, ok := command.(Index); ok {
				indexed++
			}
		}
		require.Len(t, s.Triggers, 1)
	}
	require.Zero(t, indexed, "that it still waits costs no event")

	now = s.Wake()
	s.Next(now)
	commands = s.Next(now, &Sent{Key: "k", InstanceID: "in1", At: now, Indexed: true})
	require.Equal(t, PhaseWaiting, s.Status.Phase)
	require.Contains(t, commands, Index{})

	late := New(Rules{Target: Plan, ID: "p", Name: "plan p", Timeout: time.Second, PollAfter: time.Minute}, now)
	late.Next(now)
	late.Next(now, frozen("audit"))
	require.True(t, late.Over)
	require.Equal(t, ErrorTriggerNotSent, late.Failure.Type)
	require.Equal(t, "audit", late.Failure.Message)

	stopped := New(Rules{Target: Plan, ID: "p", Name: "plan p", Timeout: time.Hour, PollAfter: time.Minute}, now)
	stopped.Next(now)
	stopped.Next(now, frozen("audit"))
	stopped.Next(now, &Cancelled{})
	require.True(t, stopped.Over)
	require.True(t, stopped.Failure.Cancelled)
}
