package notify

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func pending(ids ...string) (s State) {
	for _, id := range ids {
		s.Pending = append(s.Pending, Pending{ID: id, At: now})
	}
	return s
}

func TestAReceiverThatIsNotReachedIsLeftAloneForLongerEachTimeAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := pending("a", "b")
	var pauses []time.Duration
	at := now
	for at.Before(now.Add(25 * time.Hour)) {
		require.Equal(t, "a", s.Due(at).ID)
		require.Equal(t, Unreached, s.Take("a", Unreached, 0, at))
		require.Nil(t, s.Due(at), "the others would not reach it either")
		pauses = append(pauses, s.Wake().Sub(at))
		at = s.Wake()
		s = restart(t, s)
	}
	require.Equal(t, []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 5 * time.Minute, 5 * time.Minute}, pauses[:8])
	require.Equal(t, now, s.Oldest())

	require.Equal(t, Sent, s.Take("a", Sent, 0, at))
	require.Equal(t, "b", s.Due(at).ID)
	require.Equal(t, Sent, s.Take("b", Sent, 0, at))
	require.Nil(t, s.Due(at))
	require.Zero(t, s.Wake())
	require.Zero(t, s.Oldest())
}

func TestAReceiverMayAskForALongerPause(t *testing.T) {
	t.Parallel()
	s := pending("a")
	s.Take("a", Unreached, time.Minute, now)
	require.Equal(t, now.Add(time.Minute), s.Wake())
	s.Take("a", Unreached, 1000*time.Hour, now)
	require.Equal(t, now.Add(longestPause), s.Wake())
}

func TestAnEventThatIsRefusedHoldsNoOtherAndIsGivenUpAfterADay(t *testing.T) {
	t.Parallel()
	s := pending("a", "b")
	require.Equal(t, Refused, s.Take("a", Refused, 0, now))
	require.Equal(t, "b", s.Due(now).ID)
	require.Equal(t, Sent, s.Take("b", Sent, 0, now))
	require.Nil(t, s.Due(now))
	require.Equal(t, "a", s.Due(s.Wake()).ID)
	require.Equal(t, Refused, s.Take("a", Refused, 0, now.Add(23*time.Hour)))
	require.Equal(t, GivenUp, s.Take("a", Refused, 0, now.Add(25*time.Hour)))
	require.Empty(t, s.Pending)
	require.Equal(t, Sent, s.Take("a", Sent, 0, now), "what is not pending any more is no matter")
}
