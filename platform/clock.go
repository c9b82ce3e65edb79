package platform

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clock compares the platform's clock with ours, by the Date of its answers.
type clock struct{ ahead atomic.Pointer[time.Duration] }

func (c *clock) observe(header http.Header) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	ahead := time.Until(date)
	c.ahead.Store(&ahead)
}

// ClockAhead tells how far the platform's clock is ahead of ours by its last answer, to about a
// second. It is not known before the first answer, or where answers carry no Date.
func (c *Client) ClockAhead() (ahead time.Duration, known bool) {
	if last := c.clock.ahead.Load(); last != nil {
		return *last, true
	}
	return 0, false
}
