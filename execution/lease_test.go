package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestALeaseEndsWellBeforeTheServerDeclaresItsWorkerDead(t *testing.T) {
	t.Parallel()
	lease, err := NewLease(start, start.Add(Attempt), 30*time.Second)
	require.NoError(t, err)
	require.Less(t, lease.Until.Sub(start)+Beat/2, Heartbeat, "heartbeat and lease begin together")
	require.Less(t, 3*Beat, Heartbeat, "one heartbeat may get lost")
	require.GreaterOrEqual(t, lease.OnItsWayUntil.Sub(lease.Until), arrival)
}

func TestThereIsNoLeaseWhereTheAttemptMayEndBeforeTheCall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		left    time.Duration
		granted bool
	}{
		"enough": {LeaseFor + 30*time.Second, true}, "too little": {LeaseFor + 30*time.Second - 1, false}, "nothing": {-time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewLease(start, start.Add(test.left), 30*time.Second)
			require.Equal(t, test.granted, err == nil, err)
		})
	}
	_, err := NewLease(start, time.Time{}, time.Hour)
	require.NoError(t, err, "an attempt without an end")
}
