package platform

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// recordingConn keeps what is written to it.
type recordingConn struct {
	net.Conn
	written []byte
	took    int // bytes it takes of the next write, or all if 0
}

func (c *recordingConn) Write(p []byte) (int, error) {
	if c.took > 0 {
		c.written = append(c.written, p[:c.took]...)
		return c.took, net.ErrClosed
	}
	c.written = append(c.written, p...)
	return len(p), nil
}

func (c *recordingConn) SetWriteDeadline(time.Time) error { return nil }

func TestALeaseLetsARequestBeWrittenUntilItsEnd(t *testing.T) {
	t.Parallel()
	request := []byte(strings.Repeat("x", leastRequest))
	for name, row := range map[string]struct {
		use           func(c *leasedConn)
		sent, expired bool
		written       int
	}{
		"a handshake is no request": {func(c *leasedConn) {
			_, _ = c.Write(request)
		}, false, false, leastRequest},
		"without a lease, at any time": {func(c *leasedConn) {
			c.begin()
			time.Sleep(time.Hour)
			_, _ = c.Write(request)
		}, true, false, leastRequest},
		"within the lease": {func(c *leasedConn) {
			c.beginUntil(time.Now().Add(time.Second))
			time.Sleep(time.Second - 1)
			_, _ = c.Write(request)
		}, true, false, leastRequest},
		"at its end": {func(c *leasedConn) {
			c.beginUntil(time.Now().Add(time.Second))
			time.Sleep(time.Second)
			_, err := c.Write(request)
			require.ErrorIs(t, err, ErrLeaseExpired)
		}, false, true, 0},
		"a lease that ended while the machine, and with it the monotonic clock, stood still": {func(c *leasedConn) {
			c.beginUntil(time.Now().Add(time.Second))
			c.until = c.until.Round(0).Add(-time.Hour)
			_, err := c.Write(request)
			require.ErrorIs(t, err, ErrLeaseExpired)
		}, false, true, 0},
		"no time at all": {func(c *leasedConn) {
			c.beginUntil(time.Time{})
			_, err := c.Write(request)
			require.ErrorIs(t, err, ErrLeaseExpired)
		}, false, true, 0},
		"the rest of a request that had begun": {func(c *leasedConn) {
			c.beginUntil(time.Now().Add(time.Second))
			_, _ = c.Write(request)
			time.Sleep(time.Second)
			_, err := c.Write(request)
			require.ErrorIs(t, err, errCutShort)
			require.NotErrorIs(t, err, ErrLeaseExpired)
		}, true, true, leastRequest},
		"a part of a request is a request": {func(c *leasedConn) {
			c.begin()
			c.Conn.(*recordingConn).took = 1
			_, _ = c.Write(request)
		}, true, false, 1},
		"an alert of TLS is no request": {func(c *leasedConn) {
			c.begin()
			_, _ = c.Write(make([]byte, 24))
		}, false, false, 24},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				under := &recordingConn{}
				c := &leasedConn{Conn: under}
				row.use(c)
				sent, expired := c.hasSent()
				require.Equal(t, []bool{row.sent, row.expired}, []bool{sent, expired})
				require.Len(t, under.written, row.written)
			})
		})
	}
}

func TestTheTimeOfAnIntentIsNotThePlatforms(t *testing.T) {
	t.Parallel()
	require.Nil(t, timed(nil, nil))
	synctest.Test(t, func(t *testing.T) {
		var spent time.Duration
		start := time.Now()
		until, err := timed(func(ctx context.Context) (time.Time, error) {
			time.Sleep(time.Minute)
			return start, context.Canceled
		}, &spent)(t.Context())
		require.Equal(t, start, until)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, time.Minute, spent)
	})
}

// The clock of a synctest bubble has no monotonic reading.
func TestALeaseGetsAMonotonicReading(t *testing.T) {
	t.Parallel()
	c := &leasedConn{Conn: &recordingConn{}}
	c.beginUntil(time.Now().Add(time.Hour).Round(0))
	require.Contains(t, c.until.String(), " m=", "a wall clock that is set back makes the lease no longer")
}
