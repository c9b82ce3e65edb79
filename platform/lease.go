package platform

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// ErrLeaseExpired is wrapped by the error of a trigger that could not begin to be written before the time that its
// Intend returned. Nothing was sent, and nothing will be.
var ErrLeaseExpired = errors.New("the time in which the request could be sent ran out before it was written: nothing was sent")

// leastRequest is less than the first write of any request, and more than TLS writes of its own accord after the
// handshake: an alert when it is closed, or the word that it has a new key.
const leastRequest = 64

var errCutShort = errors.New("the time in which the request could be sent ran out while it was being written")

// leasedConn is a connection that knows which of its bytes are those of the request, and writes none of them after the
// lease. It lies below TLS and below a proxy's tunnel, so that nothing waits between its look at the clock and the write.
type leasedConn struct {
	net.Conn

	mu      sync.Mutex
	request bool      // what is written is the request, no handshake any more
	leased  bool      // and only until then
	until   time.Time // by the monotonic clock and by the wall clock
	expired bool
	sent    bool
}

// begin says that what is written from now on is the request.
func (c *leasedConn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.request = true
}

// beginUntil is begin, and nothing is written from until on. A time without a monotonic reading gets one here, so that
// a wall clock that is set back meanwhile makes no lease longer.
func (c *leasedConn) beginUntil(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.request, c.leased = true, true
	c.until = time.Now().Add(time.Until(until))
	_ = c.SetWriteDeadline(c.until) // of a connection that was closed, which Write will say
}

// Write holds the lock while it writes: whoever asks what was sent gets the final word.
func (c *leasedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leased && c.isOver() {
		return 0, c.expire()
	}
	n, err := c.Conn.Write(p)
	if c.request && n > 0 && len(p) >= leastRequest {
		c.sent = true
	}
	if c.leased && errors.Is(err, os.ErrDeadlineExceeded) {
		err = c.expire()
	}
	return n, err
}

// isOver asks both clocks: the monotonic one stands still while a machine is suspended.
func (c *leasedConn) isOver() bool {
	now := time.Now()
	return !now.Before(c.until) || !now.Round(0).Before(c.until.Round(0))
}

func (c *leasedConn) expire() error {
	c.expired = true
	if c.sent {
		return errCutShort
	}
	return ErrLeaseExpired
}

// hasSent tells whether a byte of the request was written, and if none was, whether that was for the lease.
func (c *leasedConn) hasSent() (sent, expired bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent, c.expired
}
